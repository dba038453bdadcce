import { type ClassLabel, classify } from '../classification/confusion.js';
import {
  appendAll,
  checkFinite,
  checkInteger,
  checkList,
  checkSameLength,
  MetricError,
  samplesOf,
  show,
} from '../errors.js';
import {
  AdditiveMetric,
  type AdditiveOptions,
  empty,
  formatSignature,
  type Metric,
  type Scored,
} from '../metric.js';
import { Pcg64 } from '../random.js';
import { type BootstrapOptions, bootstrapSettings, percentileInterval } from '../statistics/bootstrap.js';
import { resampler } from '../statistics/clusters.js';
import type { Interval } from '../statistics/interval.js';

/**
 * Cohen's kappa of two raters: (p_o - p_e) / (1 - p_e), weighted if wished.
 *
 * Cohen 1960 and 1968; equal to scikit-learn. Linear and quadratic weights take the classes in sorted order.
 * {@link Classification} with `headline: 'kappa'` streams and has an interval.
 *
 * @returns -1 to 1; NaN when both raters used one and the same class throughout, where kappa is undefined.
 * @throws MetricError `E_INPUT` for unequal lengths, `E_EMPTY` without ratings.
 * @example
 * cohenKappa(['y', 'n', 'y', 'n'], ['y', 'n', 'n', 'n']); // => 0.5
 */
export function cohenKappa(
  first: readonly ClassLabel[],
  second: readonly ClassLabel[],
  weights: 'none' | 'linear' | 'quadratic' = 'none',
): number {
  return classify(first, second, { kappaWeights: weights }).kappa;
}

/**
 * Fleiss' kappa: agreement of a fixed number of raters per item, who need not be the same people.
 *
 * Fleiss 1971; equal to statsmodels. {@link FleissAgreement} streams and has an interval.
 *
 * @param counts counts[i][k]: how many raters put item i into class k; every row sums to the same n >= 2.
 * @returns At most 1; NaN when only one class was ever used.
 * @throws MetricError `E_INPUT` for rows of unequal sums, `E_EMPTY` without items.
 * @example
 * fleissKappa([[3, 0], [0, 3], [2, 1]]).toFixed(6); // => '0.550000'
 */
export function fleissKappa(counts: readonly (readonly number[])[]): number {
  const [first] = counts;
  if (!first) throw empty('Fleiss kappa');
  const metric = new FleissAgreement({ classes: first.length, raters: first.reduce((a, b) => a + b, 0) });
  metric.update(counts);
  return metric.compute().score;
}

/** Settings of {@link FleissAgreement}. */
export interface FleissOptions extends AdditiveOptions {
  /** Number of classes, at least 1. */
  readonly classes: number;
  /** Ratings of each item, at least 2. */
  readonly raters: number;
}

/**
 * Fleiss' kappa, streaming: a sample is an item's counts, how many raters put it into each class.
 *
 * Fleiss 1971; equal to statsmodels. Unlike {@link KrippendorffAgreement} it wants the same number of ratings for every
 * item and does not correct for few items; for two raters it is Scott's pi, not {@link cohenKappa}.
 *
 * @example
 * const agreement = new FleissAgreement({ classes: 2, raters: 3 });
 * agreement.update([[3, 0], [0, 3], [2, 1]]);
 * agreement.compute().score.toFixed(6); // => '0.550000'
 */
export class FleissAgreement extends AdditiveMetric<readonly number[], Scored> {
  readonly name = 'Fleiss kappa';
  readonly width: number;
  private readonly raters: number;

  constructor(options: FleissOptions) {
    super(options);
    checkInteger(this.name, 'classes', options.classes, 1);
    checkInteger(this.name, 'raters', options.raters, 2);
    this.raters = options.raters;
    this.width = options.classes + 1;
  }

  signature(): string {
    return formatSignature({ classes: this.width - 1, raters: this.raters });
  }

  protected statistics(counts: readonly number[], row: Float64Array): void {
    const { raters } = this;
    checkList(this.name, 'counts', counts);
    for (const count of counts) checkInteger(this.name, 'every count', count, 0);
    if (counts.length !== this.width - 1 || counts.reduce((a, b) => a + b, 0) !== raters) {
      throw new MetricError(
        'E_INPUT',
        this.name,
        `every item needs ${raters} ratings in ${this.width - 1} classes`,
        show([...counts]),
        'use KrippendorffAgreement',
      );
    }
    row.set(counts);
    row[counts.length] = (counts.reduce((sum, n) => sum + n * n, 0) - raters) / (raters * (raters - 1));
  }

  protected result(totals: Float64Array, count: number): Scored {
    const classes = this.width - 1;
    const expected = totals.subarray(0, classes).reduce((sum, n) => sum + (n / count / this.raters) ** 2, 0);
    return { score: (totals[classes]! / count - expected) / (1 - expected) };
  }
}

/** How far apart two ratings are: by class, rank, difference or ratio. */
export type MeasurementLevel = 'nominal' | 'ordinal' | 'interval' | 'ratio';

/**
 * Krippendorff's alpha: agreement of any number of raters, with gaps, on any scale: 1 - D_o / D_e.
 *
 * Krippendorff 2011, "Computing Krippendorff's Alpha-Reliability". Items rated once are left out.
 * {@link KrippendorffAgreement} streams and has an interval.
 *
 * @param ratings ratings[r][i]: rater r's rating of item i; null or undefined where there is none.
 * @param level nominal takes strings or numbers, the others finite numbers (ratio: not negative).
 * @returns At most 1; NaN when all ratings are the same, where alpha is undefined.
 * @throws MetricError `E_EMPTY` when no item has two ratings, `E_INPUT` or `E_NAN` for ratings that do not suit the level.
 * @example
 * krippendorffAlpha([['a', 'b', 'a', null], ['a', 'b', 'b', 'c']]).toFixed(6); // => '0.444444'
 */
export function krippendorffAlpha(
  ratings: readonly (readonly (ClassLabel | null | undefined)[])[],
  level: MeasurementLevel = 'nominal',
): number {
  const items = ratings.reduce((most, row) => Math.max(most, row.length), 0);
  const metric = new KrippendorffAgreement({ level });
  metric.update(Array.from({ length: items }, (_, i) => ratings.map((row) => row[i])));
  return metric.compute().score;
}

/**
 * Krippendorff's alpha, streaming: a sample is an item's ratings, with null or undefined for a rater who gave none.
 *
 * Krippendorff 2011, "Computing Krippendorff's Alpha-Reliability"; equal to NLTK's for nominal and interval ratings. NLTK
 * differs when all ratings are the same, where alpha is undefined: 1 there, NaN here. Keeps every rating.
 *
 * @example
 * const agreement = new KrippendorffAgreement({ level: 'interval' });
 * agreement.update([[1, 2], [3, 3], [5, null], [4, 4]]);
 * agreement.compute().score.toFixed(6); // => '0.878049'
 */
export class KrippendorffAgreement implements Metric<readonly (ClassLabel | null | undefined)[], Scored> {
  readonly name: string;
  readonly higherIsBetter = true;
  private readonly level: MeasurementLevel;
  private readonly units: ClassLabel[][] = [];

  constructor(options: { readonly level?: MeasurementLevel } = {}) {
    this.level = options.level ?? 'nominal';
    if (!['nominal', 'ordinal', 'interval', 'ratio'].includes(this.level)) {
      throw new MetricError(
        'E_INPUT',
        'Krippendorff alpha',
        'level must be nominal, ordinal, interval or ratio',
        show(this.level),
        'pick one',
      );
    }
    this.name = `Krippendorff alpha (${this.level})`;
  }

  update(batch: Iterable<readonly (ClassLabel | null | undefined)[]>): void {
    const units: ClassLabel[][] = [];
    for (const ratings of samplesOf(this.name, batch)) {
      checkList(this.name, 'ratings', ratings);
      const values = ratings.filter((value) => value !== null && value !== undefined);
      for (const value of values) checkRating(value, this.level);
      units.push(values);
    }
    appendAll(this.units, units);
  }

  merge(other: this): void {
    if (other.level !== this.level)
      throw new MetricError('E_MERGE', this.name, 'only merges with the same level', other.level, 'use one');
    appendAll(this.units, other.units);
  }

  /** @throws MetricError `E_EMPTY` when no item has two ratings. */
  compute(): Scored {
    const units = this.units.filter((unit) => unit.length >= 2);
    if (units.length === 0) {
      throw new MetricError('E_EMPTY', this.name, 'needs an item with two ratings', 'none', 'add ratings');
    }
    return { score: alphaOf(units, this.level) };
  }

  /** Bootstrap interval over items, or clusters of them. */
  interval(options?: BootstrapOptions): Interval {
    const { resamples, seed, confidence } = bootstrapSettings(this.name, options);
    this.compute();
    if (options?.clusters)
      checkSameLength(this.name, 'items', this.units.length, 'clusters', options.clusters.length);
    const rated = (_: unknown, i: number): boolean => this.units[i]!.length >= 2;
    const draw = resampler(
      this.name,
      this.units.filter(rated),
      new Pcg64(seed),
      options?.clusters?.filter(rated),
    );
    const scores = Array.from({ length: resamples }, () => alphaOf(draw(), this.level));
    return percentileInterval(scores, confidence);
  }
}

/** Alpha over items of two or more ratings each. */
function alphaOf(units: readonly (readonly ClassLabel[])[], level: MeasurementLevel): number {
  const totals = new Map<ClassLabel, number>();
  for (const value of units.flat()) totals.set(value, (totals.get(value) ?? 0) + 1);
  const values = [...totals.keys()].sort((a, b) =>
    typeof a === 'number' && typeof b === 'number' ? a - b : 0,
  );
  const position = new Map(values.map((value, k) => [value, k]));
  const amounts = values.map((value) => totals.get(value)!);
  const before = amounts.map((_, k) => amounts.slice(0, k).reduce((a, b) => a + b, 0));
  const distance = (a: number, b: number): number => {
    if (a === b) return 0;
    const [x, y] = [values[a] as number, values[b] as number];
    if (level === 'nominal') return 1;
    if (level === 'interval') return (x - y) ** 2;
    if (level === 'ratio') return ((x - y) / (x + y)) ** 2;
    const [low, high] = a < b ? [a, b] : [b, a];
    // The ranks between the two, their own classes counting half.
    return (before[high]! + amounts[high]! / 2 - before[low]! - amounts[low]! / 2) ** 2;
  };
  let observed = 0;
  for (const unit of units) {
    let sum = 0;
    for (const a of unit) for (const b of unit) sum += distance(position.get(a)!, position.get(b)!);
    observed += sum / (unit.length - 1);
  }
  const n = amounts.reduce((a, b) => a + b, 0);
  let expected = 0;
  for (let a = 0; a < values.length; a++) {
    for (let b = 0; b < values.length; b++) expected += amounts[a]! * amounts[b]! * distance(a, b);
  }
  return 1 - ((n - 1) * observed) / expected;
}

function checkRating(value: ClassLabel, level: MeasurementLevel): void {
  if (level === 'nominal' && typeof value === 'string') return;
  if (typeof value === 'string') {
    throw new MetricError(
      'E_INPUT',
      'krippendorffAlpha',
      `${level} ratings must be numbers`,
      show(value),
      'use level nominal',
    );
  }
  checkFinite('krippendorffAlpha', 'every rating', value);
  if (level === 'ratio' && value < 0) {
    throw new MetricError(
      'E_INPUT',
      'krippendorffAlpha',
      'ratio ratings must not be negative',
      show(value),
      'use level interval',
    );
  }
}
