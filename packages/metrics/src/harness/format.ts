import type { ComparisonRow, MetricReport } from './types.js';

/** A number for people: two decimals, four below 1, and no exponent where that is readable. */
export function formatNumber(value: number | undefined): string {
  if (value === undefined || Number.isNaN(value)) return '–';
  if (!Number.isFinite(value)) return value > 0 ? '∞' : '−∞';
  const size = Math.abs(value);
  const text =
    size !== 0 && (size < 1e-3 || size >= 1e6) ? value.toExponential(2) : value.toFixed(size >= 1 ? 2 : 4);
  return text.replace('-', '−');
}

/** `score [low, high]`. */
export function formatScore(metric: MetricReport | undefined): string {
  if (!metric) return '–';
  if (metric.score === undefined) return 'failed';
  const { interval } = metric;
  return interval
    ? `${formatNumber(metric.score)} [${formatNumber(interval.low)}, ${formatNumber(interval.high)}]`
    : formatNumber(metric.score);
}

/** A p-value; never a bare 0. */
export function formatP(p: number | undefined): string {
  if (p === undefined) return '–';
  return p < 0.001 ? '<0.001' : p.toFixed(3);
}

/** What a comparison amounts to at the 5 % level after correction. */
export function verdictOf(row: ComparisonRow): 'better' | 'worse' | 'no difference shown' | 'not tested' {
  if (!row.test || row.adjustedP === undefined) return 'not tested';
  if (row.adjustedP >= 0.05 || row.test.difference === 0) return 'no difference shown';
  return row.test.difference > 0 === row.higherIsBetter ? 'better' : 'worse';
}
