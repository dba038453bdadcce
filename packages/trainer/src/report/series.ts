import type { MetricsRecord } from '../metrics-log.js';

/** Columns for one chart: the first is the x axis, null where a series has no point. */
export type Columns = (number | null)[][];

/** Everything the page draws. */
export interface ReportSeries {
  /** tokens, training loss, its moving average, validation loss */
  loss: Columns;
  /** tokens, learning rate */
  lr: Columns;
  /** tokens, gradient norm */
  gradNorm: Columns;
  /** tokens, tokens/s */
  speed: Columns;
}

/** Points of a chart at most: more than a screen has columns, fewer than make a page slow. */
const POINTS = 1500;

/** Means over runs of neighbours, so that a long run still draws quickly. */
function thin<T>(items: readonly T[], pick: ((item: T) => number)[]): number[][] {
  const bucket = Math.max(1, Math.ceil(items.length / POINTS));
  const columns = pick.map(() => [] as number[]);
  for (let from = 0; from < items.length; from += bucket) {
    const part = items.slice(from, from + bucket);
    // The x value is that of the bucket's last record, where its sum was reached.
    columns[0]!.push(pick[0]!(part.at(-1)!));
    for (let c = 1; c < pick.length; c++)
      columns[c]!.push(part.reduce((sum, item) => sum + pick[c]!(item), 0) / part.length);
  }
  return columns;
}

/** Exponential moving average over about a twelfth of the points, 50 at most, without the bias of its beginning. */
export function smooth(values: readonly number[]): number[] {
  const decay = 1 - 1 / Math.min(50, Math.max(1, values.length / 12));
  let sum = 0;
  let weight = 0;
  return values.map((value) => {
    sum = decay * sum + (1 - decay) * value;
    weight = decay * weight + (1 - decay);
    return sum / weight;
  });
}

/** Puts two series on one x axis. */
function join(xa: number[], a: number[][], xb: number[], b: number[]): Columns {
  const xs = [...new Set([...xa, ...xb])].sort((p, q) => p - q);
  const indexA = new Map(xa.map((x, i) => [x, i]));
  const indexB = new Map(xb.map((x, i) => [x, i]));
  const column = (values: number[], index: Map<number, number>) =>
    xs.map((x) => (index.has(x) ? values[index.get(x)!]! : null));
  return [xs, ...a.map((values) => column(values, indexA)), column(b, indexB)];
}

/** The columns of the report's charts, from a run's records. */
export function reportSeries(records: readonly MetricsRecord[]): ReportSeries {
  const steps = records.filter((r) => r.kind === 'step');
  const validations = records.filter((r) => r.kind === 'validation');
  const [tokens, loss, lr, gradNorm, speed] = thin(steps, [
    (r) => r.tokens,
    (r) => r.loss,
    (r) => r.lr,
    (r) => r.gradNorm,
    (r) => r.tokensPerSecond,
  ]) as [number[], number[], number[], number[], number[]];
  return {
    loss: join(
      tokens,
      [loss, smooth(loss)],
      validations.map((r) => r.tokens),
      validations.map((r) => r.loss),
    ),
    lr: [tokens, lr],
    gradNorm: [tokens, gradNorm],
    speed: [tokens, speed],
  };
}
