import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { writeFileAtomic } from '../files.js';
import { type MetricsRecord, readMetrics } from '../metrics-log.js';
import { formatCount, formatDuration } from '../throughput.js';
import { SCRIPT } from './script.js';
import { reportSeries } from './series.js';
import { STYLE } from './style.js';

/** A table of the report: a title and what it lists, nested objects with dotted names. */
export interface ReportTable {
  readonly title: string;
  readonly facts: Readonly<Record<string, unknown>>;
}

/** What a report tells besides the metrics. */
export interface ReportOptions {
  /** Name of the run. */
  readonly title: string;
  readonly status: 'running' | 'finished' | 'stopped' | 'diverged';
  /** One line under the title. */
  readonly subtitle?: string;
  /** Seconds trained. */
  readonly seconds?: number;
  /** Numbers shown large, after those that the metrics give. */
  readonly highlights?: Readonly<Record<string, string>>;
  /** Texts of the finished model. */
  readonly samples?: readonly string[];
  /** Configuration, data, machine. */
  readonly tables?: readonly ReportTable[];
}

const ESCAPES: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Text as HTML that shows it; control characters, which HTML cannot hold, as U+FFFD. */
const escapeHtml = (text: string): string =>
  text
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is removed
    .replace(/[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]/g, '\ufffd')
    .replace(/[&<>"']/g, (c) => ESCAPES[c]!);

function flatten(value: unknown, name = ''): [string, string][] {
  if (Array.isArray(value) && value.length === 0) return [];
  if (Array.isArray(value))
    return [
      [name, value.length > 4 ? `${value.slice(0, 4).join(', ')}, … (${value.length})` : value.join(', ')],
    ];
  if (typeof value !== 'object' || value === null) return value === undefined ? [] : [[name, String(value)]];
  return Object.entries(value).flatMap(([key, inner]) => flatten(inner, name ? `${name}.${key}` : key));
}

const table = ({ title, facts }: ReportTable): string => {
  const rows = flatten(facts).map(
    ([name, value]) => `<tr><th scope="row">${escapeHtml(name)}</th><td>${escapeHtml(value)}</td></tr>`,
  );
  return `<section><h2>${escapeHtml(title)}</h2><table class="facts">${rows.join('')}</table></section>`;
};

const sample = (caption: string, texts: readonly string[]): string =>
  `<div class="sample"><p>${escapeHtml(caption)}</p>${texts.map((text) => `<pre>${escapeHtml(text)}</pre>`).join('')}</div>`;

function samplesSection(records: readonly MetricsRecord[], final: readonly string[] = []): string {
  const past = records
    .filter((r) => r.kind === 'sample')
    .reverse()
    .map((r) => sample(`Step ${r.step}, after ${formatCount(r.tokens)} tokens`, r.texts));
  const now = final.map((text, i) => sample(`Sample ${i + 1} of the finished model`, [text]));
  const shown = now.length ? now : past.slice(0, 1);
  const rest = now.length ? past : past.slice(1);
  if (shown.length === 0) return '';
  const history = rest.length
    ? `<details><summary>How it got there: ${rest.length} earlier</summary><div class="samples">${rest.join('')}</div></details>`
    : '';
  return `<section><h2>Samples</h2><div class="samples">${shown.join('')}</div>${history}</section>`;
}

function tiles(records: readonly MetricsRecord[], options: ReportOptions): string {
  const steps = records.filter((r) => r.kind === 'step');
  const best = records
    .filter((r) => r.kind === 'validation')
    .reduce((low, r) => Math.min(low, r.loss), Number.POSITIVE_INFINITY);
  const last = steps.at(-1);
  const recent = steps.slice(-50);
  const mean = (values: number[]) => values.reduce((a, b) => a + b, 0) / values.length;
  const shown: [string, string][] = [];
  if (Number.isFinite(best)) shown.push(['Validation loss', best.toFixed(3)]);
  if (last) {
    shown.push(['Training loss', mean(recent.map((r) => r.loss)).toFixed(3)]);
    shown.push(['Tokens', formatCount(last.tokens)], ['Steps', last.step.toLocaleString('en-US')]);
    shown.push(['Tokens/s', formatCount(mean(recent.map((r) => r.tokensPerSecond)))]);
    if (last.utilization !== undefined)
      shown.push(['Of peak', `${(mean(recent.map((r) => r.utilization ?? 0)) * 100).toFixed(0)}%`]);
  }
  if (options.seconds !== undefined) shown.push(['Time', formatDuration(options.seconds)]);
  const all = [...Object.entries(options.highlights ?? {}), ...shown];
  return `<dl class="tiles">${all.map(([k, v]) => `<div><dt>${escapeHtml(k)}</dt><dd>${escapeHtml(v)}</dd></div>`).join('')}</dl>`;
}

/** uPlot (MIT, Leon Sorokin), read from its package so that the page needs no network. */
function uplot(): { script: string; style: string } {
  const require = createRequire(import.meta.url);
  const folder = path.dirname(require.resolve('uplot'));
  const read = (name: string) => readFileSync(path.join(folder, name), 'utf8');
  return {
    script: read('uPlot.iife.min.js').replaceAll('</script', '<\\/script'),
    style: read('uPlot.min.css'),
  };
}

/**
 * A run as one HTML page that needs nothing else: loss curves, learning rate, gradient norm and speed against tokens,
 * samples, and tables. Light and dark follow the reader's setting.
 *
 * @returns the page's text.
 * @example
 * await writeFile('report.html', renderReport(readMetrics('runs/a/metrics.jsonl'), { title: 'a', status: 'finished' }));
 */
export function renderReport(records: readonly MetricsRecord[], options: ReportOptions): string {
  const library = uplot();
  const chart = (id: string, title: string, wide = false) =>
    `<section${wide ? ' class="wide"' : ''}><h2>${title}</h2><div id="${id}"></div></section>`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<title>${escapeHtml(options.title)} · Inkstone</title>
<style>${library.style}${STYLE}</style>
</head>
<body>
<main>
<header><h1>${escapeHtml(options.title)}</h1><span class="status ${options.status}">${options.status}</span>${
    options.subtitle ? `<p>${escapeHtml(options.subtitle)}</p>` : ''
  }</header>
${tiles(records, options)}
<div class="charts">
${chart('loss', 'Loss, nats per token', true)}
${chart('lr', 'Learning rate')}
${chart('gradNorm', 'Gradient norm, before clipping')}
${chart('speed', 'Tokens per second')}
</div>
<noscript><section>The charts need JavaScript; the numbers are in metrics.jsonl.</section></noscript>
${samplesSection(records, options.samples)}
<div class="tables">${(options.tables ?? []).map(table).join('')}</div>
<footer>Written by Inkstone. Drag across a chart to zoom, double-click to go back. The horizontal axes count training tokens.</footer>
</main>
<script type="application/json" id="data">${JSON.stringify(reportSeries(records)).replaceAll('<', '\\u003c')}</script>
<script>${library.script}</script>
<script>${SCRIPT}</script>
</body>
</html>
`;
}

/**
 * Writes `report.html` of a run from its `metrics.jsonl`, atomically.
 *
 * @param folder the run's folder.
 * @throws TrainerError E_IO, E_NO_SPACE.
 * @example
 * await writeReport('runs/a', { title: 'a', status: 'running' });
 */
export async function writeReport(folder: string, options: ReportOptions): Promise<void> {
  const records = readMetrics(path.join(folder, 'metrics.jsonl'));
  await writeFileAtomic(path.join(folder, 'report.html'), renderReport(records, options));
}
