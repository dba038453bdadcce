import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  compareReports,
  type EvaluatedModel,
  type EvaluationReport,
  evaluate,
  readReport,
  renderHtml,
  renderMarkdown,
  type TaskInput,
  writeReport,
} from '../index.js';
import { clipColumns, escapeHtml, histogramChart, intervalChart, niceTicks } from './charts.js';
import { formatNumber, formatP } from './format.js';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'metrics-report-'));
});
afterEach(() => rmSync(dir, { recursive: true }));

const code = (value: string) => expect.objectContaining({ code: value });
const upper: EvaluatedModel = {
  name: 'upper',
  generate: async (prompts) => prompts.map((p) => p.toUpperCase()),
};
const task = (extra: Partial<TaskInput>): TaskInput => ({
  name: 'task',
  type: 'generate',
  data: [],
  prompt: '{{q}}',
  target: '{{a}}',
  metrics: ['exact_match'],
  ...extra,
});

describe('reports', () => {
  const data = Array.from({ length: 40 }, (_, i) => ({ q: `q ${i}`, a: `Q ${i}` }));
  const half: EvaluatedModel = {
    name: 'half|<b>',
    generate: async (p) => p.map((x, i) => (i % 2 ? x.toUpperCase() : `<script>alert(1)</script>${x}`)),
  };
  const runs = async () => {
    const tasks = [task({ data, metrics: ['exact_match', 'chrf', 'distinct'] })];
    return [await evaluate({ model: half, tasks }), await evaluate({ model: upper, tasks })];
  };

  test('clusters: intervals and tests draw whole documents, and the pages say so', async () => {
    // Eight questions to a document, all right or all wrong together: five independent facts, not forty.
    const grouped = data.map((row, i) => ({ ...row, document: `d${i >> 3}`, school: 's' }));
    const some: EvaluatedModel = {
      name: 'some',
      generate: async (p) => p.map((x) => (Number(x.slice(2)) < 16 ? x : x.toUpperCase())),
    };
    const metrics = ['exact_match', 'chrf', 'cider', 'classification'];
    const run = async (model: EvaluatedModel, cluster?: string) => {
      const tasks = [task({ data: grouped, metrics, ...(cluster !== undefined && { cluster }) })];
      return evaluate({ model, tasks, batchSize: 40 });
    };
    const [alone, together] = [await run(some), await run(some, 'document')];
    expect(alone.tasks[0]!.clusters).toBeUndefined();
    expect(together.tasks[0]!.clusters).toBe(5);
    for (const [i, metric] of together.tasks[0]!.metrics.entries()) {
      const other = alone.tasks[0]!.metrics[i]!;
      expect(metric.score, metric.metric).toBe(other.score);
      expect(metric.interval, metric.metric).not.toEqual(other.interval);
    }
    const width = ({ tasks }: EvaluationReport): number =>
      tasks[0]!.metrics[0]!.interval!.high - tasks[0]!.metrics[0]!.interval!.low;
    expect(width(together)).toBeGreaterThan(2 * width(alone));
    const options = { test: 'randomization' } as const;
    const naive = compareReports([alone, await run(upper)], options)[0]!.test!;
    const both = [together, await run(upper, 'document')];
    const [honest] = compareReports(both, options);
    expect(naive.pValue).toBeLessThan(0.001);
    expect(honest!.test!.pValue).toBeGreaterThan(0.3);
    expect(honest!.test!.clusters).toBe(5);
    const comparison = compareReports(both, { resamples: 40 });
    expect(renderMarkdown(both, comparison)).toContain('samples: 40 in 5 clusters');
    expect(renderMarkdown(both, comparison)).toContain('draw whole clusters');
    expect(renderHtml(both, comparison)).toContain('clusters: 5');
    expect(renderHtml(both, comparison)).toContain('draw whole clusters');
    expect(compareReports([alone, both[1]!])[0]!.note).toContain('different clusters');
    // With one cluster there is neither an interval nor a test.
    const one = [await run(some, 'school'), await run(upper, 'school')];
    expect(one[0]!.tasks[0]!.metrics.map((m) => m.interval)).toEqual(
      one[0]!.tasks[0]!.metrics.map(() => undefined),
    );
    expect(compareReports(one)[0]!.note).toContain('one cluster');
  });

  test('comparison: significance, direction, correction, reasons', async () => {
    const [a, b] = (await runs()) as [EvaluationReport, EvaluationReport];
    const rows = compareReports([a, b], { test: 'randomization' });
    expect(rows.map((r) => r.metric)).toEqual(['exact_match', 'chrf', 'distinct']);
    expect(rows[0]!.test!.difference).toBe(0.5);
    expect(rows[0]!.test!.pValue).toBeLessThan(0.001);
    expect(rows[0]!.adjustedP!).toBeGreaterThanOrEqual(rows[0]!.test!.pValue);
    expect(rows[2]!.note).toContain('per-sample');
    expect(compareReports([a, a])[0]!.test!.difference).toBe(0);
    const cider = [task({ data, metrics: ['cider'] })];
    const pair = [
      await evaluate({ model: half, tasks: cider }),
      await evaluate({ model: upper, tasks: cider }),
    ];
    const [row] = compareReports(pair);
    expect(row!.test!.system).toBeCloseTo(pair[1]!.tasks[0]!.metrics[0]!.score!, 12);
    expect(row!.test!.pValue).toBeLessThan(0.01);
    const other = await evaluate({
      model: upper,
      tasks: [task({ data: data.slice(1), metrics: ['exact_match'] })],
    });
    expect(compareReports([a, other])[0]!.note).toContain('different samples');
    expect(compareReports([])).toEqual([]);
  });

  test('written whole, read back, and again compared', async () => {
    const reports = await runs();
    const files = await writeReport(join(dir, 'out'), reports);
    expect(readdirSync(join(dir, 'out')).sort()).toEqual(['report.html', 'report.json', 'report.md']);
    const read = await readReport(files.json);
    expect(compareReports([reports[0]!, read])).toEqual(compareReports(reports));
    writeFileSync(files.json, '{}');
    await expect(readReport(files.json)).rejects.toThrow(code('E_FORMAT'));
    await expect(writeReport(dir, [])).rejects.toThrow(code('E_EMPTY'));
  });

  test('HTML is self-contained and lets nothing through', async () => {
    const reports = await runs();
    const html = renderHtml(reports, compareReports(reports));
    expect(html).not.toContain('<script');
    expect(html).not.toMatch(/(?:src|href)=/);
    expect(html).toContain("default-src 'none'");
    expect(html).toContain('prefers-color-scheme: dark');
    expect(html).toContain('&#60;script&#62;alert(1)');
    expect(html.match(/<svg/g)!.length).toBeGreaterThanOrEqual(3);
    expect(html).toContain('▲ better');
  });

  test('Markdown escapes cells and shows the comparison', async () => {
    const reports = await runs();
    const markdown = renderMarkdown(reports, compareReports(reports));
    expect(markdown).toContain('half\\|&lt;b>');
    expect(markdown).toMatch(/\| task \| exact match \| upper \| half\\\|&lt;b> \| 0\.5000 \[/);
    for (const block of markdown.split('\n\n').filter((b) => b.startsWith('|'))) {
      const widths = new Set(
        block
          .trimEnd()
          .split('\n')
          .map((line) => line.replaceAll('\\|', '').split('|').length),
      );
      expect(widths.size).toBe(1);
    }
  });

  test('charts: ticks are round, values inside, labels short and safe', () => {
    fc.assert(
      fc.property(
        fc.double({ min: -1e6, max: 1e6, noNaN: true }),
        fc.double({ min: 1e-6, max: 1e6, noNaN: true }),
        (low, span) => {
          const ticks = niceTicks(low, low + span);
          expect(ticks.length).toBeGreaterThanOrEqual(1);
          expect(ticks.length).toBeLessThanOrEqual(6);
          for (const tick of ticks) {
            expect(tick).toBeGreaterThanOrEqual(low - span * 1e-6);
            expect(tick).toBeLessThanOrEqual(low + span * (1 + 1e-6));
          }
        },
      ),
    );
    const svg = intervalChart('t', [
      { label: `<${'x'.repeat(50)}>`, run: 0, value: 1, low: 0.5, high: 1.5 },
      { label: 'b', run: 7, value: Number.NaN },
    ]);
    expect(svg).not.toContain('<xxx');
    expect(svg).not.toContain('NaN');
    expect(intervalChart('t', [])).toBe('');
    expect(intervalChart('t', [{ label: 'a', run: 0, value: 0 }])).not.toContain('NaN');
    expect(histogramChart('t', [[], []])).toBe('');
    expect(histogramChart('t', [[1, 1, 1]])).toBe('');
    expect(
      histogramChart('t', [
        [0, 0.2, 1],
        [Infinity, 0.5],
      ]),
    ).not.toContain('NaN');
    expect(escapeHtml(`<a href="x">'&`)).toBe('&#60;a href=&#34;x&#34;&#62;&#39;&#38;');
  });

  test('labels are cut by the columns they take', () => {
    expect(clipColumns('tuned', 5)).toBe('tuned');
    expect(clipColumns('tuned!', 5)).toBe('tune…');
    expect(clipColumns('千亿参数模型', 12)).toBe('千亿参数模型');
    expect(clipColumns('千亿参数模型', 11)).toBe('千亿参数…');
    expect(clipColumns('😀😀😀', 4)).toBe('😀…');
  });

  test('numbers for people', () => {
    expect([0, 0.5, 12.3456, 123.456, 1e-7, -2, Infinity, Number.NaN, undefined].map(formatNumber)).toEqual([
      '0.0000',
      '0.5000',
      '12.35',
      '123.46',
      '1.00e−7',
      '−2.00',
      '∞',
      '–',
      '–',
    ]);
    expect([0, 0.04, undefined].map(formatP)).toEqual(['<0.001', '0.040', '–']);
  });
});
