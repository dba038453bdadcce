import { AdditiveMetric, type Resamplable } from '../metric.js';
import { type BootstrapOptions, pairedBootstrap } from '../statistics/bootstrap.js';
import { approximateRandomization } from '../statistics/randomization.js';
import { adjustPValues } from '../statistics/tests.js';
import { clustersOf } from './score.js';
import { makeTaskMetric, type TaskMetricFactory } from './task-metrics.js';
import type { ComparisonRow, EvaluationReport, MetricReport, TaskReport } from './types.js';

/** Settings of {@link compareReports}. */
export interface CompareOptions extends Omit<BootstrapOptions, 'clusters'> {
  /** Default bootstrap. */
  readonly test?: 'bootstrap' | 'randomization';
  /** Factories of the metrics the runs defined themselves. */
  readonly customMetrics?: Readonly<Record<string, TaskMetricFactory>>;
}

/**
 * Compares runs with the first one, metric by metric, by a paired test over the same samples, drawing or swapping whole
 * clusters where the task names them.
 *
 * The p-values are corrected for their number (Holm). A row without a test says why in `note`: other samples or
 * clusters, only one cluster, a metric without per-sample statistics, or one that failed.
 *
 * @returns One row per run after the first, task and metric both have.
 * @example
 * const answers = (reply: string) => ({ name: reply, generate: async (p: readonly string[]) => p.map(() => reply) });
 * const data = Array.from({ length: 20 }, () => ({ a: 'yes' }));
 * const tasks = [{ name: 't', type: 'generate' as const, data, prompt: '?', target: '{{a}}', metrics: ['exact_match'] }];
 * const runs = [await evaluate({ model: answers('no'), tasks }), await evaluate({ model: answers('yes'), tasks })];
 * compareReports(runs, { test: 'randomization' })[0]!.test!.pValue < 0.01; // => true
 */
export function compareReports(
  reports: readonly EvaluationReport[],
  options: CompareOptions = {},
): ComparisonRow[] {
  const [baseline, ...others] = reports;
  if (!baseline) return [];
  const rows: ComparisonRow[] = [];
  for (const report of others) {
    for (const task of baseline.tasks) {
      const sameTask = report.tasks.find(({ name }) => name === task.name);
      if (!sameTask) continue;
      for (const metric of task.metrics) {
        const same = sameTask.metrics.find(
          (m) => m.metric === metric.metric && JSON.stringify(m.options) === JSON.stringify(metric.options),
        );
        if (!same) continue;
        const base = {
          task: task.name,
          metric: metric.metric,
          name: metric.name,
          higherIsBetter: metric.higherIsBetter,
          baselineModel: baseline.model,
          model: report.model,
        };
        rows.push({ ...base, ...compareMetric(task, metric, sameTask, same, options) });
      }
    }
  }
  const tested = rows.filter((row) => row.test);
  const adjusted = adjustPValues(tested.map((row) => row.test!.pValue));
  const byRow = new Map(tested.map((row, i) => [row, adjusted[i]!]));
  return rows.map((row) => (row.test ? { ...row, adjustedP: byRow.get(row)! } : row));
}

function compareMetric(
  taskA: TaskReport,
  a: MetricReport,
  taskB: TaskReport,
  b: MetricReport,
  options: CompareOptions,
): Pick<ComparisonRow, 'test' | 'note'> {
  const failed = a.error ?? b.error;
  if (failed !== undefined) return { note: failed };
  if (taskA.ids.length !== taskB.ids.length || taskA.ids.some((id, i) => id !== taskB.ids[i])) {
    return { note: 'the runs have different samples' };
  }
  const clusters = clustersOf(taskA.records);
  const other = clustersOf(taskB.records);
  if (JSON.stringify(clusters) !== JSON.stringify(other)) return { note: 'the runs have different clusters' };
  if (taskA.clusters === 1) return { note: 'one cluster tells nothing about others' };
  const first = resamplable(a, taskA.samples, options);
  const second = resamplable(b, taskB.samples, options);
  if (!first || !second) return { note: 'this metric has no per-sample statistics to pair' };
  const test = options.test === 'randomization' ? approximateRandomization : pairedBootstrap;
  return { test: test(first, second, { ...options, ...(clusters && { clusters }) }) };
}

/** A metric's rows from a report, scored by a new accumulator with the same options. */
function resamplable(report: MetricReport, count: number, options: CompareOptions): Resamplable | undefined {
  if (!report.rows) return undefined;
  const { accumulator } = makeTaskMetric(report.metric, report.options, options.customMetrics);
  const values = Float64Array.from(report.rows.values);
  // Of a metric that is no sum the report keeps the per-sample scores it averages.
  const scoreOf: Resamplable['scoreOf'] =
    accumulator instanceof AdditiveMetric
      ? (totals, n) => accumulator.scoreOf(totals, n)
      : (totals, n) => totals[0]! / n;
  return { count, width: report.rows.width, rows: () => values, scoreOf };
}
