import { escapeHtml, histogramChart, intervalChart } from './charts.js';
import { formatNumber, formatP, formatScore, verdictOf } from './format.js';
import { keyOf, metricKeys, taskNames } from './report-markdown.js';
import { STYLE } from './report-style.js';
import type { ComparisonRow, EvaluationReport, MetricReport, SampleRecord, TaskReport } from './types.js';

const tag = (name: string, text: string, attributes = ''): string =>
  `<${name}${attributes}>${escapeHtml(text)}</${name}>`;
/** A text as wide as it needs up to a limit, where it breaks: a long name must not push the numbers out of sight. */
const label = (text: string): string => tag('span', text, ' class="label"');
// Focusable, so that the keyboard can scroll it.
const table = (name: string, head: readonly string[], rows: readonly string[][]): string =>
  `<div class="scroll" tabindex="0" role="region" aria-label="${escapeHtml(name)}"><table>` +
  `<thead><tr>${head.map((h) => `<th scope="col">${label(h)}</th>`).join('')}</tr></thead>` +
  `<tbody>${rows.map((cells) => `<tr>${cells.join('')}</tr>`).join('')}</tbody></table></div>`;
const td = (text: string, className = ''): string =>
  tag('td', text, className ? ` class="${className}"` : '');
const th = (text: string): string => `<th scope="row">${label(text)}</th>`;
const named = (text: string): string => `<td>${label(text)}</td>`;
const arrow = (metric: { higherIsBetter: boolean }): string => (metric.higherIsBetter ? '↑' : '↓');

/** At most this many samples and rejects are shown per task; all are in the sample log. */
const SHOWN = 5;

const clip = (text: string, length = 600): string =>
  text.length > length ? `${text.slice(0, length)} … (${text.length} characters)` : text;

function header(reports: readonly EvaluationReport[]): string {
  const runs = reports.map((report, i) => {
    const samples = report.tasks.reduce((sum, task) => sum + task.samples, 0);
    return [
      `<th scope="row"><span class="label"><span class="swatch run-${i % 6}"></span>${escapeHtml(report.model)}${i === 0 && reports.length > 1 ? ' <small>(baseline)</small>' : ''}</span></th>`,
      td(report.createdAt.replace('T', ' ').replace(/\.\d+Z$/, ' UTC'), 'time'),
      td(String(report.tasks.length), 'number'),
      td(String(samples), 'number'),
      td(`${report.requests.computed} + ${report.requests.cached} cached`, 'number'),
      td(`${formatNumber(report.elapsedSeconds)} s`, 'number'),
    ];
  });
  return `<h1>Evaluation</h1>${table('Runs', ['Run', 'Started', 'Tasks', 'Samples', 'Requests', 'Time'], runs)}`;
}

function comparisonSection(rows: readonly ComparisonRow[]): string {
  if (rows.length === 0) return '';
  const body = rows.map((c) => {
    const verdict = verdictOf(c);
    const mark = { better: '▲ ', worse: '▼ ', 'no difference shown': '', 'not tested': '' }[verdict];
    const difference = c.test
      ? `${formatNumber(c.test.difference)} [${formatNumber(c.test.interval.low)}, ${formatNumber(c.test.interval.high)}]`
      : (c.note ?? '–');
    return [
      th(c.task),
      named(`${c.name} ${arrow(c)}`),
      named(c.model),
      td(difference, c.test ? 'number' : 'note'),
      td(formatP(c.test?.pValue), 'number'),
      td(formatP(c.adjustedP), 'number'),
      td(mark + verdict, `verdict ${verdict.split(' ')[0]}`),
    ];
  });
  const test = rows.find((c) => c.test)?.test;
  const how = test
    ? `Paired ${test.test === 'bootstrap' ? 'bootstrap' : 'approximate randomization'}, ${test.trials} trials, seed ${test.seed}; p-values corrected for ${rows.filter((c) => c.test).length} comparisons (Holm); 5 % level.${rows.some((c) => c.test?.clusters !== undefined) ? ' Tests of tasks with clusters draw whole clusters.' : ''}`
    : '';
  return (
    `<section><h2>Against ${escapeHtml(rows[0]!.baselineModel)}</h2>` +
    `${table('Comparison', ['Task', 'Metric', 'Run', 'Difference', 'p', 'p (Holm)', 'Verdict'], body)}${tag('p', how, ' class="note"')}</section>`
  );
}

function scoreTable(tasks: readonly (TaskReport | undefined)[], models: readonly string[]): string {
  const rows = metricKeys(tasks).flatMap((key) => {
    const found = tasks.map((task) => task?.metrics.find((m) => keyOf(m) === key));
    const some = found.find((m) => m !== undefined)!;
    const lines = [
      [
        th(`${some.name} ${arrow(some)}`),
        ...found.map((m) => td(formatScore(m), m?.error ? 'failed' : 'number')),
      ],
    ];
    if (found.some((m) => m?.cleanScore !== undefined)) {
      lines.push([
        th(`${some.name}, unseen samples only`),
        ...found.map((m) => td(formatNumber(m?.cleanScore), 'number')),
      ]);
    }
    if (found.some((m) => m?.clustered)) {
      const clustered = (m: MetricReport | undefined): string =>
        m?.clustered
          ? `± ${formatNumber(m.clustered.standardError)} over ${m.clustered.clusters} clusters`
          : '–';
      lines.push([
        th(`${some.name}, clustered standard error`),
        ...found.map((m) => td(clustered(m), 'number')),
      ]);
    }
    return lines;
  });
  const errors = new Set(
    tasks.flatMap(
      (task) => task?.metrics.flatMap((m) => (m.error ? [`${m.name} failed: ${m.error}`] : [])) ?? [],
    ),
  );
  return (
    table('Scores', ['Metric', ...models], rows) +
    [...errors].map((error) => tag('p', error, ' class="note failed"')).join('')
  );
}

function charts(tasks: readonly (TaskReport | undefined)[], models: readonly string[]): string {
  const figures = metricKeys(tasks).flatMap((key) => {
    const found = tasks.map((task) => task?.metrics.find((m) => keyOf(m) === key));
    const some = found.find((m) => m !== undefined)!;
    const points = found.flatMap((m, run) =>
      m?.score === undefined
        ? []
        : [{ label: models[run]!, run, value: m.score, low: m.interval?.low, high: m.interval?.high }],
    );
    const confidence = found.find((m) => m?.interval)?.interval?.confidence;
    const interval = confidence === undefined ? '' : ` with ${formatPercent(confidence)} intervals`;
    const scores = tasks.map(
      (task) => task?.records.map((r) => r.scores[some.metric]).filter((x) => x !== undefined) ?? [],
    );
    const figure = (svg: string, caption: string): string[] =>
      svg === '' ? [] : [`<figure>${svg}${tag('figcaption', caption)}</figure>`];
    return [
      ...figure(
        intervalChart(`${some.name} of each run${interval}`, points),
        `${some.name} ${arrow(some)}${interval}`,
      ),
      ...figure(
        histogramChart(`${some.name} per sample`, scores),
        `${some.name} per sample: how many samples score how much`,
      ),
    ];
  });
  return figures.length === 0 ? '' : `<div class="figures">${figures.join('')}</div>`;
}

const formatPercent = (share: number): string => `${Math.round(share * 1000) / 10} %`;

/** The samples a run did worst on, by the task's first metric with per-sample scores. */
function worstSamples(tasks: readonly (TaskReport | undefined)[], models: readonly string[]): string {
  const task = tasks.findLast((t) => t !== undefined)!;
  const metric = task.metrics.find((m) => task.records.some((r) => r.scores[m.metric] !== undefined));
  if (!metric) return '';
  const score = (record: SampleRecord): number => record.scores[metric.metric]!;
  const sign = metric.higherIsBetter ? 1 : -1;
  const worst = task.records
    .filter((record) => Number.isFinite(score(record)))
    .sort((a, b) => sign * (score(a) - score(b)))
    .slice(0, SHOWN);
  const cards = worst.map((record) => {
    const others = tasks.flatMap((other, run) => {
      const same = other?.records.find((r) => r.id === record.id);
      return same ? [{ model: models[run]!, record: same, run }] : [];
    });
    const outputs = others.map(({ model, record: r, run }) => {
      const text =
        r.output ??
        r.rawOutput ??
        (r.logLikelihoods
          ? r.choices!.map((c, i) => `${formatNumber(r.logLikelihoods![i])}  ${c}`).join('\n')
          : '');
      const own = r.scores[metric.metric];
      return `<dt><span class="swatch run-${run % 6}"></span>${escapeHtml(model)} · ${formatNumber(own)}</dt><dd><pre>${escapeHtml(clip(text) || '(nothing)')}</pre></dd>`;
    });
    const flags = record.contaminated ? ' · <strong>found in the training text</strong>' : '';
    return (
      `<details><summary>${escapeHtml(record.id)} · ${formatNumber(score(record))}${flags}</summary><dl>` +
      `<dt>Prompt</dt><dd><pre>${escapeHtml(clip(record.prompt) || '(none)')}</pre></dd>` +
      `<dt>${record.references.length > 1 ? 'References' : 'Reference'}</dt><dd><pre>${escapeHtml(clip(record.references.join('\n')))}</pre></dd>${outputs.join('')}</dl></details>`
    );
  });
  const title = `Lowest ${metric.name} of ${models[tasks.lastIndexOf(task)]!}`;
  return `<h3>${escapeHtml(metric.higherIsBetter ? title : title.replace('Lowest', 'Highest'))}</h3>${cards.join('')}`;
}

function rejectsOf(task: TaskReport): string {
  if (task.rejects.length === 0) return '';
  const rows = task.rejects
    .slice(0, SHOWN)
    .map((reject) => [
      td(String(reject.line), 'number'),
      td(reject.reason),
      `<td><code>${escapeHtml(clip(reject.text, 120))}</code></td>`,
    ]);
  const more =
    task.rejects.length > SHOWN
      ? tag('p', `and ${task.rejects.length - SHOWN} more in the rejects file`, ' class="note"')
      : '';
  return `<h3>Rejected lines</h3>${table('Rejected lines', ['Line', 'Reason', 'Text'], rows)}${more}`;
}

function taskSection(name: string, reports: readonly EvaluationReport[]): string {
  const tasks = reports.map((report) => report.tasks.find((task) => task.name === name));
  const models = reports.map((report) => report.model);
  const first = tasks.find((task) => task !== undefined)!;
  const facts = [first.type, `samples: ${first.samples}`];
  if (first.clusters !== undefined) facts.push(`clusters: ${first.clusters}`);
  if (first.rejects.length > 0) facts.push(`rejected lines: ${first.rejects.length}`);
  if (first.contaminated !== undefined) facts.push(`found in the training text: ${first.contaminated}`);
  const signatures = [
    ...new Set(
      tasks.flatMap(
        (task) => task?.metrics.flatMap((m) => (m.signature ? [`${m.name}: ${m.signature}`] : [])) ?? [],
      ),
    ),
  ];
  return (
    `<section>${tag('h2', name)}${tag('p', facts.join(' · '), ' class="note"')}${scoreTable(tasks, models)}${charts(tasks, models)}` +
    `${worstSamples(tasks, models)}${rejectsOf(first)}` +
    (signatures.length > 0
      ? `<details><summary>Signatures</summary><pre>${escapeHtml(signatures.join('\n'))}</pre></details>`
      : '') +
    '</section>'
  );
}

/**
 * Runs as one self-contained HTML page: tables, charts as inline SVG, the worst samples; no script and no request, light
 * or dark as the reader prefers.
 *
 * Every text from data or model is escaped, and a content security policy forbids everything but the page's own style.
 *
 * @param comparison What `compareReports` returned.
 * @example
 * const model = { name: '<m>', generate: async (p: readonly string[]) => p.map(() => 'x') };
 * const task = { name: 't', type: 'generate' as const, data: [{ a: 'x' }], prompt: '?', target: '{{a}}', metrics: ['exact_match'] };
 * const html = renderHtml([await evaluate({ model, tasks: [task] })], []);
 * html.includes('<m>'); // => false
 */
export function renderHtml(
  reports: readonly EvaluationReport[],
  comparison: readonly ComparisonRow[],
): string {
  const title = `Evaluation: ${reports.map((report) => report.model).join(' and ')}`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="color-scheme" content="light dark">
${tag('title', title)}
<style>${STYLE}</style>
</head>
<body>
<main>
${header(reports)}
${comparisonSection(comparison)}
${taskNames(reports)
  .map((name) => taskSection(name, reports))
  .join('\n')}
</main>
</body>
</html>
`;
}
