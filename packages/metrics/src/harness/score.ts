import { MetricError } from '../errors.js';
import { AdditiveMetric, type Metric, type Scored } from '../metric.js';
import type { Clusters } from '../statistics/clusters.js';
import type { Interval } from '../statistics/interval.js';
import { clusteredStandardError } from '../statistics/tests.js';
import type { EvaluationConfig, TaskConfig } from './config.js';
import { makeTaskMetric, type TaskMetricFactory } from './task-metrics.js';
import type { MetricReport, Reject, SampleRecord, TaskReport } from './types.js';

type Records = readonly Omit<SampleRecord, 'scores'>[];
type Bootstrap = EvaluationConfig['bootstrap'];

/** The interval of a score; none where the samples are too few to tell. */
function intervalOf(
  metric: Metric<unknown, Scored>,
  bootstrap: Bootstrap,
  clusters?: Clusters,
): Interval | undefined {
  try {
    return metric.interval({ ...bootstrap, ...(clusters && { clusters }) });
  } catch (error) {
    if (error instanceof MetricError && (error.code === 'E_EMPTY' || error.code === 'E_NAN'))
      return undefined;
    throw error;
  }
}

/** The cluster of each sample, where the task names a field for it. */
export function clustersOf(records: Records): Clusters | undefined {
  const clusters = records.flatMap(({ cluster }) => (cluster === undefined ? [] : [cluster]));
  return clusters.length === records.length && clusters.length > 0 ? clusters : undefined;
}

/** Computes a task's metrics over its answered samples. */
export function scoreTask(
  task: TaskConfig,
  records: Records,
  rejects: readonly Reject[],
  custom: Readonly<Record<string, TaskMetricFactory>>,
  bootstrap: Bootstrap,
): TaskReport {
  const scores: Record<string, number>[] = records.map(() => ({}));
  const metrics = task.metrics.map((entry) => {
    const { name, options } = typeof entry === 'string' ? { name: entry, options: {} } : entry;
    return scoreMetric(name, options, records, custom, bootstrap, scores);
  });
  const contaminated = records.filter((record) => record.contaminated).length;
  const clusters = clustersOf(records);
  return {
    name: task.name,
    type: task.type,
    samples: records.length,
    ...(clusters && { clusters: new Set(clusters).size }),
    rejects,
    ...(records.some((record) => record.contaminated !== undefined) && { contaminated }),
    metrics,
    ids: records.map((record) => record.id),
    records: records.map((record, i) => ({ ...record, scores: scores[i]! })),
  };
}

function scoreMetric(
  name: string,
  options: Readonly<Record<string, unknown>>,
  records: Records,
  custom: Readonly<Record<string, TaskMetricFactory>>,
  bootstrap: Bootstrap,
  scores: Record<string, number>[],
): MetricReport {
  const { accumulator, sampleOf } = makeTaskMetric(name, options, custom);
  const base = { name: accumulator.name, metric: name, options, higherIsBetter: accumulator.higherIsBetter };
  const over = (chosen: Records): Metric<unknown, Scored> => {
    const fresh = makeTaskMetric(name, options, custom).accumulator;
    fresh.update(chosen.map((record) => sampleOf({ ...record, scores: {} })));
    return fresh;
  };
  try {
    const full = over(records);
    const details = full.compute();
    const perSample = sampleScoresOf(full, details);
    perSample?.forEach((score, i) => {
      scores[i]![name] = score;
    });
    const clean = records.filter((record) => !record.contaminated);
    const mixed = clean.length < records.length && clean.length > 0;
    const clusters = clustersOf(records);
    const interval = intervalOf(full, bootstrap, clusters);
    const clustered = clusteredOf(clusters, perSample, details.score, bootstrap.confidence);
    const signature = (full as { signature?(): string }).signature?.();
    return {
      ...base,
      score: details.score,
      details,
      ...(signature && { signature }),
      ...(interval && { interval }),
      ...(clustered && { clustered }),
      ...(mixed && { cleanScore: over(clean).compute().score }),
      ...rowsOf(full, perSample),
    };
  } catch (error) {
    // One metric that a task's data do not suit (ROC-AUC of one class, a lone self-BLEU) must not lose the others.
    if (!(error instanceof MetricError)) throw error;
    return { ...base, error: error.message };
  }
}

/** What a paired test needs: an additive metric's statistics, or the scores that a metric such as CIDEr averages. */
function rowsOf(
  metric: Metric<unknown, Scored>,
  perSample: readonly number[] | undefined,
): Pick<MetricReport, 'rows'> {
  if (metric instanceof AdditiveMetric)
    return { rows: { width: metric.width, values: Array.from(metric.rows()) } };
  return perSample ? { rows: { width: 1, values: perSample } } : {};
}

/** One score per sample; a `scores` in the details is by contract averaged into `score`. */
function sampleScoresOf(metric: Metric<unknown, Scored>, details: Scored): readonly number[] | undefined {
  if (metric instanceof AdditiveMetric) return metric.sampleScores();
  return (details as { scores?: readonly number[] }).scores;
}

/** A clustered standard error, where the score is the mean of the samples' scores: BLEU's is not. */
function clusteredOf(
  clusters: Clusters | undefined,
  perSample: readonly number[] | undefined,
  score: number,
  confidence: number,
) {
  if (!perSample || !clusters) return undefined;
  if (perSample.some((value) => !Number.isFinite(value))) return undefined;
  const result = clusteredStandardError(perSample, clusters, confidence);
  return Math.abs(result.mean - score) <= 1e-9 * Math.max(1, Math.abs(score)) ? result : undefined;
}
