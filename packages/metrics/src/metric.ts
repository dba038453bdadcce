import { MetricError, samplesOf } from './errors.js';
import { ExactSum } from './exact-sum.js';
import { type BootstrapOptions, bootstrapTotals } from './statistics/bootstrap.js';
import type { Interval } from './statistics/interval.js';

/** What every metric's result has: one headline number, whatever else it tells. */
export interface Scored {
  /** The headline number, in the unit that metric is published in. */
  readonly score: number;
}

/**
 * A metric that is fed in batches and can be computed in shards.
 *
 * `update` either takes the whole batch or throws and takes nothing. Merging shards gives the result of one pass.
 */
export interface Metric<Sample, Result extends Scored> {
  /** The metric's name in reports, such as `BLEU`. */
  readonly name: string;
  /** Whether a larger `score` is a better one. */
  readonly higherIsBetter: boolean;
  /** Adds samples. */
  update(batch: Iterable<Sample>): void;
  /** Adds everything another accumulator of the same metric and settings has seen. */
  merge(other: this): void;
  /** The result over everything seen so far. @throws MetricError `E_EMPTY` when nothing was seen. */
  compute(): Result;
  /**
   * A confidence interval of `score`. Each metric says how: most by a seeded bootstrap over samples.
   *
   * @throws MetricError `E_EMPTY` when too little was seen to tell.
   */
  interval(options?: BootstrapOptions): Interval;
}

/** Per-sample sufficient statistics, as significance tests resample them. */
export interface Resamplable {
  /** The number of samples. */
  readonly count: number;
  /** How many numbers describe one sample. */
  readonly width: number;
  /** Row-major [count, width]. @throws MetricError `E_EMPTY` when the metric was not told to keep its rows. */
  rows(): Float64Array;
  /** The headline score of summed rows. */
  scoreOf(totals: Float64Array, count: number): number;
}

/** Options every additive metric takes. */
export interface AdditiveOptions {
  /**
   * Keep one row of statistics per sample (8 bytes x width), needed for intervals and paired tests.
   * Without it memory does not grow with the number of samples. Default true.
   */
  readonly keepRows?: boolean;
}

/** The name and settings of a metric as one line, in sacrebleu's `key:value|key:value` form. */
export function formatSignature(
  fields: Readonly<Record<string, string | number | boolean | undefined>>,
): string {
  return Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `${key}:${typeof value === 'boolean' ? (value ? 'yes' : 'no') : value}`)
    .join('|');
}

/**
 * A metric whose corpus value is a function of summed per-sample statistics (BLEU's counts, ROUGE's per-text F1, ...).
 *
 * A subclass says how wide a row is, how a sample becomes a row and how totals become a result; sums, merging,
 * intervals and paired tests follow from that. Sums are exact ({@link ExactSum}), so neither the order of the samples
 * nor the sharding changes a bit of the result.
 *
 * @example
 * class Exclamations extends AdditiveMetric<string, Scored> {
 *   readonly name = 'exclamation marks';
 *   readonly width = 1;
 *   signature() { return ''; }
 *   protected statistics(text: string, row: Float64Array) { row[0] = text.split('!').length - 1; }
 *   protected result(totals: Float64Array, count: number) { return { score: totals[0]! / count }; }
 * }
 * const marks = new Exclamations();
 * marks.update(['Hi!!', 'no']);
 * marks.compute().score; // => 1
 */
export abstract class AdditiveMetric<Sample, Result extends Scored>
  implements Metric<Sample, Result>, Resamplable
{
  abstract readonly name: string;
  abstract readonly width: number;
  readonly higherIsBetter: boolean = true;
  readonly keepRows: boolean;

  private samples = 0;
  private sums: ExactSum[] = [];
  private stored = new Float64Array(0);

  constructor(options: AdditiveOptions = {}) {
    this.keepRows = options.keepRows ?? true;
  }

  /** Writes the statistics of one sample into `row` ([width], all zero before the call). Throws for a bad sample. */
  protected abstract statistics(sample: Sample, row: Float64Array): void;

  /** The result for totals [width] over `count` samples. */
  protected abstract result(totals: Float64Array, count: number): Result;

  /** The settings that must agree before two accumulators may be merged or compared. */
  abstract signature(): string;

  /** The number of samples seen. */
  get count(): number {
    return this.samples;
  }

  update(batch: Iterable<Sample>): void {
    const { width } = this;
    let fresh = new Float64Array(16 * width);
    let added = 0;
    for (const sample of samplesOf(this.name, batch)) {
      if ((added + 1) * width > fresh.length) fresh = grow(fresh, (added + 1) * width);
      this.statistics(sample, fresh.subarray(added * width, (added + 1) * width));
      added++;
    }
    this.append(fresh, added);
  }

  merge(other: this): void {
    if (other.constructor !== this.constructor || other.mergeKey() !== this.mergeKey()) {
      throw new MetricError(
        'E_MERGE',
        this.name,
        `only merges with the same settings (${this.mergeKey()})`,
        other.mergeKey(),
        'build both accumulators with the same options',
      );
    }
    for (let j = 0; j < other.sums.length; j++) (this.sums[j] ??= new ExactSum()).merge(other.sums[j]!);
    this.absorb(other);
    if (this.keepRows) {
      if (!other.keepRows)
        throw new MetricError('E_MERGE', this.name, 'keepRows must agree', 'false', 'set both alike');
      const size = this.samples * this.width;
      const extra = other.samples * this.width;
      if (size + extra > this.stored.length) this.stored = grow(this.stored, size + extra);
      this.stored.set(other.stored.subarray(0, extra), size);
    }
    this.samples += other.samples;
  }

  compute(): Result {
    return this.result(this.totals(), this.samples);
  }

  /** The exact column sums, [width]. @throws MetricError `E_EMPTY` when nothing was seen. */
  totals(): Float64Array {
    if (this.samples === 0) throw empty(this.name);
    return Float64Array.from({ length: this.width }, (_, j) => this.sums[j]!.value());
  }

  rows(): Float64Array {
    if (!this.keepRows) {
      throw new MetricError(
        'E_EMPTY',
        this.name,
        'rows are needed here',
        'keepRows: false',
        'build it with keepRows: true',
      );
    }
    return this.stored.subarray(0, this.samples * this.width);
  }

  scoreOf(totals: Float64Array, count: number): number {
    return this.result(totals, count).score;
  }

  /** The headline score of each sample by itself. */
  sampleScores(): number[] {
    const rows = this.rows();
    return Array.from({ length: this.samples }, (_, i) =>
      this.scoreOf(rows.subarray(i * this.width, (i + 1) * this.width).slice(), 1),
    );
  }

  /** Bootstrap percentile interval of the headline score (Efron 1979; Koehn 2004 for corpus metrics). */
  interval(options?: BootstrapOptions): Interval {
    if (this.samples === 0) throw empty(this.name);
    return bootstrapTotals(this, options);
  }

  /** A second accumulator's own bookkeeping, where a subclass has more than sums. */
  protected absorb(_other: this): void {}

  /** Settings compared by `merge`; differs from the signature where that shows what was seen, such as `nrefs`. */
  protected mergeKey(): string {
    return this.signature();
  }

  private append(fresh: Float64Array, added: number): void {
    const { width } = this;
    while (this.sums.length < width) this.sums.push(new ExactSum());
    for (let i = 0; i < added; i++) {
      for (let j = 0; j < width; j++) this.sums[j]!.add(fresh[i * width + j]!);
    }
    if (this.keepRows && added > 0) {
      const size = this.samples * width;
      if (size + added * width > this.stored.length) this.stored = grow(this.stored, size + added * width);
      this.stored.set(fresh.subarray(0, added * width), size);
    }
    this.samples += added;
  }
}

function grow(array: Float64Array, atLeast: number): Float64Array<ArrayBuffer> {
  const bigger = new Float64Array(Math.max(atLeast, array.length * 2));
  bigger.set(array);
  return bigger;
}

/** The error of a metric that was asked for a result before it saw anything. */
export function empty(subject: string, needed = 1): MetricError {
  return new MetricError(
    'E_EMPTY',
    subject,
    `needs at least ${needed} sample${needed === 1 ? '' : 's'}`,
    needed === 1 ? 'none' : 'fewer',
    'call update with samples first',
  );
}

/**
 * The mean of numbers, as a metric: the common case of any per-sample score.
 *
 * @example
 * const mean = new Mean({ name: 'length' });
 * mean.update([3, 4, 8]);
 * mean.compute().score; // => 5
 */
export class Mean extends AdditiveMetric<
  number,
  Scored & { readonly count: number; readonly standardError: number }
> {
  readonly name: string;
  readonly width = 2;
  override readonly higherIsBetter: boolean;

  constructor(options: AdditiveOptions & { readonly name?: string; readonly higherIsBetter?: boolean } = {}) {
    super(options);
    this.name = options.name ?? 'mean';
    this.higherIsBetter = options.higherIsBetter ?? true;
  }

  signature(): string {
    return formatSignature({ metric: this.name });
  }

  protected statistics(sample: number, row: Float64Array): void {
    if (typeof sample !== 'number' || !Number.isFinite(sample)) {
      throw new MetricError(
        'E_NAN',
        this.name,
        'every score must be a finite number',
        String(sample),
        'remove or repair it',
      );
    }
    row[0] = sample;
    row[1] = sample * sample;
  }

  protected result(totals: Float64Array, count: number) {
    const score = totals[0]! / count;
    const variance = count > 1 ? Math.max(0, totals[1]! - count * score * score) / (count - 1) : 0;
    return { score, count, standardError: Math.sqrt(variance / count) };
  }
}
