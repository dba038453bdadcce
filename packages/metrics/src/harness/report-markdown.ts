import { formatNumber, formatP, formatScore, verdictOf } from './format.js';
import type { ComparisonRow, EvaluationReport } from './types.js';

/** A table cell: no pipes, line breaks or tags of its own. */
const cell = (text: string): string =>
  text.replaceAll('\\', '\\\\').replaceAll('|', '\\|').replaceAll('<', '&lt;').replace(/\s+/g, ' ');
const row = (cells: readonly string[]): string => `| ${cells.map(cell).join(' | ')} |`;

/**
 * Runs as Markdown tables: scores with intervals, comparisons with corrected p-values, rejects.
 *
 * @param comparison What `compareReports` returned.
 * @example
 * const model = { name: 'm', generate: async (p: readonly string[]) => p.map(() => 'x') };
 * const task = { name: 't', type: 'generate' as const, data: [{ a: 'x' }], prompt: '?', target: '{{a}}', metrics: ['exact_match'] };
 * renderMarkdown([await evaluate({ model, tasks: [task] })], []).includes('| exact match ↑ | 1.00 [1.00, 1.00] |'); // => true
 */
export function renderMarkdown(
  reports: readonly EvaluationReport[],
  comparison: readonly ComparisonRow[],
): string {
  const models = reports.map((report) => report.model);
  const lines = [`# Evaluation: ${models.map(cell).join(', ')}`, ''];
  for (const report of reports) {
    lines.push(
      `- **${cell(report.model)}**: ${report.createdAt}, ${report.requests.computed} requests computed, ${report.requests.cached} from the cache`,
    );
  }
  for (const name of taskNames(reports)) {
    const tasks = reports.map((report) => report.tasks.find((task) => task.name === name));
    const first = tasks.find((task) => task !== undefined)!;
    lines.push(
      '',
      `## ${cell(name)}`,
      '',
      `${first.type}, samples: ${first.samples}${first.clusters === undefined ? '' : ` in ${first.clusters} clusters`}, rejected lines: ${first.rejects.length}${first.contaminated === undefined ? '' : `, found in the training text: ${first.contaminated}`}`,
    );
    lines.push('', row(['Metric', ...models]), row(['---', ...models.map(() => '---')]));
    for (const metric of metricKeys(tasks)) {
      const found = tasks.map((task) => task?.metrics.find((m) => keyOf(m) === metric));
      const some = found.find((m) => m !== undefined)!;
      lines.push(row([`${some.name} ${some.higherIsBetter ? '↑' : '↓'}`, ...found.map(formatScore)]));
      if (found.some((m) => m?.cleanScore !== undefined)) {
        lines.push(
          row([`${some.name}, unseen samples only`, ...found.map((m) => formatNumber(m?.cleanScore))]),
        );
      }
    }
    for (const reject of first.rejects)
      lines.push('', `Line ${reject.line} rejected: ${cell(reject.reason)}`);
    for (const task of tasks) {
      for (const metric of task?.metrics ?? [])
        if (metric.error) lines.push('', `${cell(metric.metric)} failed: ${cell(metric.error)}`);
    }
  }
  if (comparison.length > 0) {
    lines.push(
      '',
      '## Comparison',
      '',
      row(['Task', 'Metric', 'Run', 'Against', 'Difference', 'p', 'p (Holm)', 'Verdict']),
    );
    lines.push(row(Array.from({ length: 8 }, () => '---')));
    for (const c of comparison) {
      const difference = c.test
        ? `${formatNumber(c.test.difference)} [${formatNumber(c.test.interval.low)}, ${formatNumber(c.test.interval.high)}]`
        : (c.note ?? '–');
      lines.push(
        row([
          c.task,
          c.name,
          c.model,
          c.baselineModel,
          difference,
          formatP(c.test?.pValue),
          formatP(c.adjustedP),
          verdictOf(c),
        ]),
      );
    }
    if (comparison.some((c) => c.test?.clusters !== undefined))
      lines.push('', 'Tests of tasks with clusters draw whole clusters.');
  }
  return `${lines.join('\n')}\n`;
}

/** Task names over all runs, in order of appearance. */
export function taskNames(reports: readonly EvaluationReport[]): string[] {
  return [...new Set(reports.flatMap((report) => report.tasks.map((task) => task.name)))];
}

/** Identifies a metric and its options. */
export const keyOf = (metric: { metric: string; options: unknown }): string =>
  `${metric.metric} ${JSON.stringify(metric.options)}`;

/** Metric keys over one task of all runs, in order of appearance. */
export function metricKeys(tasks: readonly (EvaluationReport['tasks'][number] | undefined)[]): string[] {
  return [...new Set(tasks.flatMap((task) => task?.metrics.map(keyOf) ?? []))];
}
