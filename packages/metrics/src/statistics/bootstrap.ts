import { checkInteger, checkSameLength, MetricError } from '../errors.js';
import type { Resamplable } from '../metric.js';
import { Pcg64 } from '../random.js';
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

/** Score of one resample: sums the chosen rows. */
function scoreResample(
  metric: Resamplable,
  rows: Float64Array,
  picks: Int32Array,
  totals: Float64Array,
): number {
  const { width } = metric;
  totals.fill(0);
  for (let i = 0; i < picks.length; i++) {
    const start = picks[i]! * width;
    for (let j = 0; j < width; j++) totals[j]! += rows[start + j]!;
  }
  return metric.scoreOf(totals.slice(), picks.length);
}

/** Percentile bootstrap interval of a metric's headline score, resampling whole samples. */
export function bootstrapTotals(metric: Resamplable, options?: BootstrapOptions): Interval {
  const { resamples, seed, confidence } = bootstrapSettings('bootstrap', options);
  const random = new Pcg64(seed);
  const rows = metric.rows();
  const picks = new Int32Array(metric.count);
  const totals = new Float64Array(metric.width);
  const scores: number[] = [];
  for (let trial = 0; trial < resamples; trial++) {
    for (let i = 0; i < picks.length; i++) picks[i] = random.below(picks.length);
    scores.push(scoreResample(metric, rows, picks, totals));
  }
  return percentileInterval(scores, confidence);
}

/**
 * Percentile bootstrap interval of any statistic of a list: the way to an interval where a metric is no sum
 * (distinct-n, ROC-AUC, a median).
 *
 * @param items The samples, at least one.
 * @param statistic Maps a resample (same length) to a finite number.
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
  const random = new Pcg64(seed);
  const scores = Array.from({ length: resamples }, () => {
    const resample = items.map(() => items[random.below(items.length)]!);
    const value = statistic(resample);
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
 * Resamples the samples, scores both systems on each resample, and compares the centred absolute differences with the
 * observed one: p = (#{ |d*| - mean|d*| > |d| } + 1) / (n + 1).
 *
 * Koehn 2004, "Statistical Significance Tests for Machine Translation Evaluation", with the p-value of sacrebleu's
 * `--paired-bs`; the same seed gives sacrebleu's p-value (it sums in float32, so
 * its intervals differ near 1e-6), except for equal scores: those have p = 1 here and 1 / (n + 1) there.
 *
 * @param baseline A metric that has seen the baseline's samples, in order.
 * @param system The same metric over the other system's samples, in the same order.
 * @throws MetricError `E_INPUT` when the counts differ, `E_EMPTY` without samples.
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
  const baselineRows = baseline.rows();
  const systemRows = system.rows();
  const picks = new Int32Array(baseline.count);
  const totals = new Float64Array(baseline.width);
  const differences: number[] = [];
  for (let trial = 0; trial < resamples; trial++) {
    for (let i = 0; i < picks.length; i++) picks[i] = random.below(picks.length);
    const a = scoreResample(baseline, baselineRows, picks, totals);
    const b = scoreResample(system, systemRows, picks, totals);
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
    return scoreResample(metric, metric.rows(), picks, new Float64Array(metric.width));
  };
  const a = score(baseline);
  const b = score(system);
  return { baseline: a, system: b, difference: b - a };
}
