import { checkInteger, checkSameLength, MetricError } from '../errors.js';
import type { Resamplable } from '../metric.js';
import { Pcg64 } from '../random.js';
import { type Clusters, clusterMembers, resampler } from './clusters.js';
import { checkConfidence, type Interval } from './interval.js';

/** So that a 95 % interval has a tail to cut. */
const LEAST_RESAMPLES = 40;

/** How to resample. */
export interface BootstrapOptions {
  /** Number of resamples, at least 40 so that a 95 % interval has a tail to cut. Default 1000. */
  readonly resamples?: number;
  /** Seed of the PCG64 stream; the same seed gives the same interval. Default 12345, sacrebleu's. */
  readonly seed?: number;
  /** Coverage in (0, 1). Default 0.95. */
  readonly confidence?: number;
  /**
   * The cluster of each sample, in the order of update and merge: whole clusters are drawn (the pairs cluster bootstrap of
   * Cameron, Gelbach and Miller 2008), since questions about one document are not independent evidence. At least two.
   * Default: every sample by itself, which clusters of one sample each equal.
   */
  readonly clusters?: Clusters;
}

/** What a paired test says about a system against a baseline. */
export interface PairedResult {
  /** Baseline score. */
  readonly baseline: number;
  /** System score. */
  readonly system: number;
  /** system - baseline. */
  readonly difference: number;
  /** Probability of a difference at least this large if the systems were equally good. */
  readonly pValue: number;
  /** Bootstrap interval of the difference. */
  readonly interval: Interval;
  /** Which test. */
  readonly test: 'bootstrap' | 'randomization';
  /** Resamples or trials. */
  readonly trials: number;
  /** The seed used. */
  readonly seed: number;
  /** How many clusters were drawn or swapped as wholes, when clusters were given. */
  readonly clusters?: number;
}

/** The settings with their defaults, checked. */
export function bootstrapSettings(subject: string, options: BootstrapOptions = {}) {
  const { resamples = 1000, seed = 12345, confidence = 0.95 } = options;
  checkInteger(subject, 'resamples', resamples, LEAST_RESAMPLES);
  checkConfidence(subject, confidence);
  return { resamples, seed, confidence };
}

/**
 * Cuts the same number of sorted values, floor(n * (1 - confidence) / 2), from each end (sacrebleu's rule).
 *
 * Resamples for which the statistic is undefined (NaN: kappa of one class only) are left out.
 *
 * @throws MetricError `E_NAN` when fewer than 40 remain.
 */
export function percentileInterval(values: readonly number[], confidence: number): Interval {
  const sorted = Float64Array.from(values.filter((value) => !Number.isNaN(value))).sort();
  if (sorted.length < LEAST_RESAMPLES) {
    throw new MetricError(
      'E_NAN',
      'interval',
      `needs ${LEAST_RESAMPLES} resamples with a defined score`,
      `${sorted.length} of ${values.length}`,
      'use more samples',
    );
  }
  // 1e-9 keeps 1000 * 0.05 / 2 at 25 when 1 - 0.95 is a hair below 0.05.
  const cut = Math.floor((sorted.length * (1 - confidence)) / 2 + 1e-9);
  return { low: sorted[cut]!, high: sorted[sorted.length - 1 - cut]!, confidence };
}

/** What is drawn: samples, or clusters of them. */
export interface Units {
  readonly count: number;
  /** Row-major [count, width]: a sample's statistics, or the sum of a cluster's. */
  readonly rows: Float64Array;
  /** Samples in each unit, [count]; absent when each is one sample. */
  readonly sizes?: Float64Array;
}

/** The samples of a metric, summed by cluster when there are clusters: only sums enter a score. */
export function unitsOf(subject: string, metric: Resamplable, clusters?: Clusters): Units {
  const { count, width } = metric;
  const samples = metric.rows();
  if (!clusters) return { count, rows: samples };
  const members = clusterMembers(subject, count, clusters);
  const rows = new Float64Array(members.length * width);
  members.forEach((list, c) => {
    for (const i of list) for (let j = 0; j < width; j++) rows[c * width + j]! += samples[i * width + j]!;
  });
  return { count: members.length, rows, sizes: Float64Array.from(members, (list) => list.length) };
}

/** Score of one resample: sums the chosen rows. */
function scoreResample(metric: Resamplable, units: Units, picks: Int32Array, totals: Float64Array): number {
  const { width } = metric;
  const { rows, sizes } = units;
  totals.fill(0);
  let count = 0;
  for (let i = 0; i < picks.length; i++) {
    const start = picks[i]! * width;
    for (let j = 0; j < width; j++) totals[j]! += rows[start + j]!;
    count += sizes ? sizes[picks[i]!]! : 1;
  }
  return metric.scoreOf(totals.slice(), count);
}

/** Percentile bootstrap interval of a metric's headline score, resampling whole samples or clusters of them. */
export function bootstrapTotals(metric: Resamplable, options?: BootstrapOptions): Interval {
  const { resamples, seed, confidence } = bootstrapSettings('bootstrap', options);
  const random = new Pcg64(seed);
  const units = unitsOf('bootstrap', metric, options?.clusters);
  const picks = new Int32Array(units.count);
  const totals = new Float64Array(metric.width);
  const scores: number[] = [];
  for (let trial = 0; trial < resamples; trial++) {
    for (let i = 0; i < picks.length; i++) picks[i] = random.below(picks.length);
    scores.push(scoreResample(metric, units, picks, totals));
  }
  return percentileInterval(scores, confidence);
}

/**
 * Percentile bootstrap interval of any statistic of a list: the way to an interval where a metric is no sum
 * (distinct-n, ROC-AUC, a median).
 *
 * @param items The samples, at least one.
 * @param statistic Maps a resample (same length; with clusters, as many clusters) to a finite number.
 * @example
 * const median = (xs: readonly number[]) => [...xs].sort((a, b) => a - b)[xs.length >> 1]!;
 * bootstrapInterval([1, 2, 3, 4, 5, 6, 7], median, { seed: 1 }); // => { low: 2, high: 6, confidence: 0.95 }
 */
export function bootstrapInterval<T>(
  items: readonly T[],
  statistic: (resample: readonly T[]) => number,
  options?: BootstrapOptions,
): Interval {
  const { resamples, seed, confidence } = bootstrapSettings('bootstrapInterval', options);
  if (items.length === 0) {
    throw new MetricError(
      'E_EMPTY',
      'bootstrapInterval',
      'needs at least one item',
      '[]',
      'pass the samples',
    );
  }
  const draw = resampler('bootstrapInterval', items, new Pcg64(seed), options?.clusters);
  const scores = Array.from({ length: resamples }, () => {
    const value = statistic(draw());
    if (!Number.isFinite(value)) {
      throw new MetricError(
        'E_NAN',
        'bootstrapInterval',
        'the statistic must be finite',
        String(value),
        'handle that resample',
      );
    }
    return value;
  });
  return percentileInterval(scores, confidence);
}

/** Checks that two accumulators saw the same number of samples under the same definition. */
export function checkPair(subject: string, baseline: Resamplable, system: Resamplable): void {
  checkSameLength(subject, 'baseline', baseline.count, 'system', system.count);
  checkSameLength(subject, "the baseline's row", baseline.width, "the system's", system.width);
  if (baseline.count === 0)
    throw new MetricError('E_EMPTY', subject, 'needs samples', 'none', 'update both metrics first');
}

/**
 * Paired bootstrap test: are two systems' scores on the same samples different?
 *
 * Resamples the samples (whole clusters, if any), scores both systems on each resample, and compares the centred absolute differences with the
 * observed one: p = (#{ |d*| - mean|d*| > |d| } + 1) / (n + 1).
 *
 * Koehn 2004, "Statistical Significance Tests for Machine Translation Evaluation", with the p-value of sacrebleu's
 * `--paired-bs`; the same seed gives sacrebleu's p-value (it sums in float32, so
 * its intervals differ near 1e-6), except for equal scores: those have p = 1 here and 1 / (n + 1) there.
 *
 * @param baseline A metric that has seen the baseline's samples, in order.
 * @param system The same metric over the other system's samples, in the same order.
 * @throws MetricError `E_INPUT` when the counts differ, `E_EMPTY` without samples or with fewer than two clusters.
 * @example
 * const a = new Mean();
 * const b = new Mean();
 * a.update([0, 1, 0, 1, 0, 0, 1, 0]);
 * b.update([1, 1, 1, 1, 0, 1, 1, 1]);
 * pairedBootstrap(a, b).difference; // => 0.5
 */
export function pairedBootstrap(
  baseline: Resamplable,
  system: Resamplable,
  options?: BootstrapOptions,
): PairedResult {
  checkPair('pairedBootstrap', baseline, system);
  const { resamples, seed, confidence } = bootstrapSettings('pairedBootstrap', options);
  const random = new Pcg64(seed);
  const baselineUnits = unitsOf('pairedBootstrap', baseline, options?.clusters);
  const systemUnits = unitsOf('pairedBootstrap', system, options?.clusters);
  const picks = new Int32Array(baselineUnits.count);
  const totals = new Float64Array(baseline.width);
  const differences: number[] = [];
  for (let trial = 0; trial < resamples; trial++) {
    for (let i = 0; i < picks.length; i++) picks[i] = random.below(picks.length);
    const a = scoreResample(baseline, baselineUnits, picks, totals);
    const b = scoreResample(system, systemUnits, picks, totals);
    differences.push(b - a);
  }
  const scores = observed(baseline, system);
  const mean = differences.reduce((sum, value) => sum + Math.abs(value), 0) / resamples;
  const extreme = differences.filter((value) => Math.abs(value) - mean > Math.abs(scores.difference)).length;
  return {
    ...scores,
    pValue: pValueOf(scores.difference, extreme, resamples),
    interval: percentileInterval(differences, confidence),
    test: 'bootstrap',
    trials: resamples,
    seed,
    ...(options?.clusters && { clusters: baselineUnits.count }),
  };
}

/** (extreme + 1) / (trials + 1), but 1 when there is no difference to explain: nothing can exceed 0 in equal outputs. */
export function pValueOf(difference: number, extreme: number, trials: number): number {
  return difference === 0 ? 1 : (extreme + 1) / (trials + 1);
}

/** Both scores over all samples. */
export function observed(baseline: Resamplable, system: Resamplable) {
  const score = (metric: Resamplable): number => {
    const picks = Int32Array.from({ length: metric.count }, (_, i) => i);
    const units = { count: metric.count, rows: metric.rows() };
    return scoreResample(metric, units, picks, new Float64Array(metric.width));
  };
  const a = score(baseline);
  const b = score(system);
  return { baseline: a, system: b, difference: b - a };
}
