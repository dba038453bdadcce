import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { MetricsRecord } from '../metrics-log.js';
import { renderReport } from './report.js';
import { reportSeries, smooth } from './series.js';

const step = (n: number): MetricsRecord => ({
  kind: 'step',
  step: n,
  tokens: n * 2048,
  loss: 8 / n,
  lr: 1e-3 / n,
  gradNorm: 1 / n,
  tokensPerSecond: 1000,
  utilization: 0.5,
});
const validation = (n: number, loss: number): MetricsRecord => ({
  kind: 'validation',
  step: n,
  tokens: n * 2048,
  loss,
  best: true,
});

describe('reportSeries', () => {
  it('puts training and validation on one axis', () => {
    const { loss } = reportSeries([validation(0, 9), step(1), step(2), validation(2, 5)]);
    expect(loss[0]).toEqual([0, 2048, 4096]);
    expect(loss[1]).toEqual([null, 8, 4]);
    expect(loss[3]).toEqual([9, null, 5]);
  });

  it('thins a long run to means without losing its end', () => {
    const records = Array.from(
      { length: 10_000 },
      (_, i) => ({ ...step(i + 1), loss: i % 2 }) as MetricsRecord,
    );
    const { loss, speed } = reportSeries([...records, validation(10_000, 3)]);
    expect(speed[0]!.length).toBeLessThanOrEqual(1500);
    expect(loss[0]!.at(-1)).toBe(10_000 * 2048);
    expect(loss[3]!.at(-1)).toBe(3);
    for (const value of loss[1]!.slice(0, -1)) expect(Math.abs(value! - 0.5)).toBeLessThan(0.1);
  });

  it('smooths towards the mean without a bias at the beginning', () => {
    expect(smooth([3, 3, 3])).toEqual([3, 3, 3]);
    const values = Array.from({ length: 1000 }, (_, i) => 5 + (i % 2 ? 1 : -1));
    for (const value of smooth(values).slice(100)) expect(Math.abs(value - 5)).toBeLessThan(0.2);
  });

  it('is empty for an empty run', () => {
    expect(reportSeries([]).loss).toEqual([[], [], [], []]);
  });
});

describe('renderReport', () => {
  it('shows the numbers, the samples and the tables', () => {
    const page = renderReport(
      [step(1), validation(1, 5.4321), { kind: 'sample', step: 1, tokens: 2048, texts: ['Once upon'] }],
      {
        title: 'quickstart',
        status: 'finished',
        seconds: 61,
        highlights: { 'Bits per byte': '2.105' },
        samples: ['The end'],
        tables: [
          {
            title: 'Configuration',
            facts: { lr: 0.001, model: { layers: 6 }, files: ['a', 'b'], none: undefined },
          },
        ],
      },
    );
    for (const text of [
      '5.432',
      '2.105',
      '1m 01s',
      '50%',
      'Once upon',
      'The end',
      'model.layers',
      'a, b',
      'quickstart · Inkstone',
    ])
      expect(page).toContain(text);
    expect(page).not.toContain('undefined</td>');
  });

  it('reaches for nothing outside itself', () => {
    const page = renderReport([step(1)], { title: 'a', status: 'running' });
    expect(page).toContain("default-src 'none'");
    expect(page).not.toMatch(/<(link|img|iframe|script)[^>]*\b(src|href)\b/);
    expect(page).not.toMatch(/url\(|@import|fetch\(|XMLHttpRequest/);
  });

  it('lets no text of a run become markup or script', () => {
    const ends = renderReport([], { title: '', status: 'running' }).split('</script>').length;
    const nasty = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom('</script><script>x()', '<img onerror=x>', '"><b>', "'", '&lt;'),
    );
    fc.assert(
      fc.property(nasty, (text) => {
        const marked = `§${text}§`;
        const page = renderReport([{ kind: 'sample', step: 1, tokens: 1, texts: [marked] }], {
          title: marked,
          status: 'running',
          tables: [{ title: marked, facts: { [marked]: marked } }],
        });
        expect(page.split('</script>')).toHaveLength(ends);
        for (const part of page.match(/§[^§]*§/g)!) expect(part).not.toMatch(/[<>"'\0]/);
      }),
      { numRuns: 50 },
    );
  });
});
