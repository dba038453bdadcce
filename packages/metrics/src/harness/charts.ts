import { formatNumber } from './format.js';

/** Text made safe for HTML and SVG, attributes included. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** Of a chart, in units that are pixels on a wide screen and a little less on a phone. */
const WIDTH = 420;

/** A point with an interval, for {@link intervalChart}. */
export interface IntervalPoint {
  readonly label: string;
  /** Index of the run: its colour. */
  readonly run: number;
  readonly value: number;
  readonly low?: number;
  readonly high?: number;
}

/** Round steps (1, 2, 5 times a power of ten) that cut [low, high] into about `count` parts. */
export function niceTicks(low: number, high: number, count = 4): number[] {
  const raw = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= raw)!;
  const ticks: number[] = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + step * 1e-9; k++) ticks.push(k * step);
  return ticks;
}

/** A tick's text with no more digits than its step needs. */
function tickText(value: number, ticks: readonly number[]): string {
  const step = ticks.length > 1 ? ticks[1]! - ticks[0]! : 1;
  if (Math.abs(value) >= 1e5 || step < 1e-4) return formatNumber(value);
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  return value
    .toFixed(digits)
    .replace(/^-(?=0(\.0*)?$)/, '')
    .replace('-', '−');
}

const WIDE =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Emoji_Presentation}\u3000-\u303f\uff01-\uff60]/u;

/** Cuts a text to `columns`, where a Chinese, Japanese or Korean character takes two; `…` marks the cut. */
export function clipColumns(text: string, columns: number): string {
  const characters = [...text];
  let used = 0;
  let kept = 0;
  for (const character of characters) {
    used += WIDE.test(character) ? 2 : 1;
    if (used > columns) break;
    kept++;
  }
  return kept === characters.length ? text : `${characters.slice(0, Math.max(0, kept - 1)).join('')}…`;
}

/**
 * Scores as dots with their intervals as bars, one line per run below its name, on one scale (SVG).
 *
 * @param title Read out by screen readers.
 */
export function intervalChart(title: string, points: readonly IntervalPoint[]): string {
  const finite = points.filter((p) => Number.isFinite(p.value));
  if (finite.length === 0) return '';
  const bounds = finite
    .flatMap((p) => [p.value, p.low ?? p.value, p.high ?? p.value])
    .filter(Number.isFinite);
  let low = Math.min(...bounds);
  let high = Math.max(...bounds);
  const margin = (high - low || Math.abs(high) || 1) * 0.12;
  low -= margin;
  high += margin;
  const [side, lineHeight, top] = [8, 36, 2];
  const bottom = top + finite.length * lineHeight;
  const x = (value: number): string =>
    (side + ((WIDTH - 2 * side) * (value - low)) / (high - low)).toFixed(1);
  const ticks = niceTicks(low, high);
  const grid = ticks.map(
    (tick) =>
      `<line class="grid" x1="${x(tick)}" x2="${x(tick)}" y1="${top}" y2="${bottom}"/>` +
      `<text class="tick" x="${x(tick)}" y="${bottom + 15}" text-anchor="middle">${tickText(tick, ticks)}</text>`,
  );
  const lines = finite.map((p, i) => {
    const baseline = top + i * lineHeight + 12;
    const y = baseline + 12;
    const bar =
      p.low !== undefined && p.high !== undefined && Number.isFinite(p.low) && Number.isFinite(p.high)
        ? `<line class="bar run-${p.run % 6}" x1="${x(p.low)}" x2="${x(p.high)}" y1="${y}" y2="${y}"/>`
        : '';
    const range = bar ? ` [${formatNumber(p.low)}, ${formatNumber(p.high)}]` : '';
    return (
      `<g><title>${escapeHtml(`${p.label}: ${formatNumber(p.value)}${range}`)}</title>` +
      `<text class="name" x="0" y="${baseline}">${escapeHtml(clipColumns(p.label, 34))}</text>${bar}` +
      `<circle class="dot run-${p.run % 6}" cx="${x(p.value)}" cy="${y}" r="5"/></g>`
    );
  });
  return `<svg role="img" aria-label="${escapeHtml(title)}" viewBox="0 0 ${WIDTH} ${bottom + 22}">${grid.join('')}${lines.join('')}</svg>`;
}

/**
 * The distribution of per-sample scores as a histogram, the runs' bars beside each other (SVG).
 *
 * @param series One list of scores per run; empty for a run without.
 */
export function histogramChart(title: string, series: readonly (readonly number[])[]): string {
  const all = series.flat().filter(Number.isFinite);
  if (all.length === 0) return '';
  const low = all.reduce((a, b) => Math.min(a, b), Infinity);
  const high = all.reduce((a, b) => Math.max(a, b), -Infinity);
  if (low === high) return '';
  const bins = Math.max(2, Math.min(20, Math.ceil(Math.sqrt(all.length / Math.max(1, series.length)))));
  const counts = series.map((scores) => {
    const row = new Array<number>(bins).fill(0);
    for (const score of scores) {
      if (Number.isFinite(score))
        row[Math.min(bins - 1, Math.floor(((score - low) / (high - low)) * bins))]!++;
    }
    return row;
  });
  const most = Math.max(...counts.flat());
  const [left, right, top, base, height] = [36, WIDTH - 12, 10, 130, 152];
  const binWidth = (right - left) / bins;
  const barWidth = (binWidth - 3) / series.length;
  const y = (count: number): number => base - ((base - top) * count) / most;
  const yTicks = niceTicks(0, most, 3).filter(Number.isInteger);
  const grid = yTicks.map(
    (tick) =>
      `<line class="grid" x1="${left}" x2="${right}" y1="${y(tick).toFixed(1)}" y2="${y(tick).toFixed(1)}"/>` +
      `<text class="tick" x="${left - 6}" y="${(y(tick) + 4).toFixed(1)}" text-anchor="end">${tick}</text>`,
  );
  const xTicks = niceTicks(low, high);
  const labels = xTicks.map((tick) => {
    const x = left + ((right - left) * (tick - low)) / (high - low);
    return `<text class="tick" x="${x.toFixed(1)}" y="${base + 16}" text-anchor="middle">${tickText(tick, xTicks)}</text>`;
  });
  const bars = counts.flatMap((row, run) =>
    row.map((count, bin) => {
      if (count === 0) return '';
      const x = left + bin * binWidth + 1.5 + run * barWidth;
      const from = formatNumber(low + ((high - low) * bin) / bins);
      const to = formatNumber(low + ((high - low) * (bin + 1)) / bins);
      return (
        `<rect class="run-${run % 6}" x="${x.toFixed(1)}" y="${y(count).toFixed(1)}" width="${Math.max(1, barWidth).toFixed(1)}" ` +
        `height="${(base - y(count)).toFixed(1)}"><title>${from} to ${to}: ${count}</title></rect>`
      );
    }),
  );
  return (
    `<svg role="img" aria-label="${escapeHtml(title)}" viewBox="0 0 ${WIDTH} ${height}">${grid.join('')}${bars.join('')}` +
    `<line class="axis" x1="${left}" x2="${right}" y1="${base}" y2="${base}"/>${labels.join('')}</svg>`
  );
}
