import { checkInteger } from '../errors.js';
import type { Resamplable } from '../metric.js';
import { Pcg64 } from '../random.js';
import {
  bootstrapSettings,
  checkPair,
  observed,
  type PairedResult,
  pairedBootstrap,
  pValueOf,
  unitsOf,
} from './bootstrap.js';
import type { Clusters } from './clusters.js';

/** Options of {@link approximateRandomization}. */
export interface RandomizationOptions {
  /** Number of shuffles. Default 10000. */
  readonly trials?: number;
  /** Seed of the PCG64 stream. Default 12345. */
  readonly seed?: number;
  /** Coverage of the difference's bootstrap interval, in (0, 1). Default 0.95. */
  readonly confidence?: number;
  /**
   * The cluster of each sample: the outputs of a whole cluster are swapped together. At least two. Default: every sample by
   * itself, which clusters of one sample each equal.
   */
  readonly clusters?: Clusters;
  /**
   * Whether shuffles with a difference equal to the observed one count as extreme, as the test is defined. `ignore` is
   * sacrebleu's rule; it overstates what few differing samples or clusters show. Default count.
   */
  readonly ties?: 'count' | 'ignore';
}

/** Differences this close, relative to the scores, are equal but for rounding. */
const TIE = 1e-12;

/**
 * Paired approximate randomization: swaps the two systems' outputs sample by sample (or cluster by cluster)
 * with probability one half.
 *
 * p = (#{ |d*| >= |d| } + 1) / (trials + 1). Makes no assumption about the score, so it suits BLEU as well as accuracy.
 * Noreen 1989, "Computer-Intensive Methods for Testing Hypotheses"; Riezler and Maxwell 2005; sacrebleu's `--paired-ar`
 * differs: it counts |d*| > |d| only, which `ties: 'ignore'` reproduces for the same seed (equal scores excepted: p = 1).
 *
 * @param baseline A metric that has seen the baseline's samples, in order.
 * @param system The same metric over the other system's samples, in the same order.
 * @throws MetricError `E_INPUT` when the counts differ, `E_EMPTY` without samples or with fewer than two clusters.
 * @example
 * const a = new Mean();
 * const b = new Mean();
 * a.update([0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
 * b.update([1, 1, 1, 1, 1, 1, 1, 1, 1, 1]);
 * approximateRandomization(a, b).pValue < 0.01; // => true
 */
export function approximateRandomization(
  baseline: Resamplable,
  system: Resamplable,
  options: RandomizationOptions = {},
): PairedResult {
  checkPair('approximateRandomization', baseline, system);
  const { trials = 10_000, clusters, ties = 'count' } = options;
  checkInteger('approximateRandomization', 'trials', trials, 1);
  const { seed, confidence } = bootstrapSettings('approximateRandomization', options);
  const { count, width } = baseline;
  const coin = new Pcg64(seed).coins();
  const unitsA = unitsOf('approximateRandomization', baseline, clusters);
  const unitsB = unitsOf('approximateRandomization', system, clusters);
  const a = unitsA.rows;
  const b = unitsB.rows;
  const sumA = new Float64Array(width);
  const sumB = new Float64Array(width);
  const scores = observed(baseline, system);
  const size = Math.max(Math.abs(scores.baseline), Math.abs(scores.system));
  const actual = Math.abs(scores.difference) - (ties === 'count' ? TIE * size : 0);
  let extreme = 0;
  for (let trial = 0; trial < trials; trial++) {
    sumA.fill(0);
    sumB.fill(0);
    for (let i = 0, at = 0; i < unitsA.count; i++) {
      const keep = coin() === 1;
      const first = keep ? a : b;
      const second = keep ? b : a;
      for (let j = 0; j < width; j++, at++) {
        sumA[j]! += first[at]!;
        sumB[j]! += second[at]!;
      }
    }
    const difference = Math.abs(baseline.scoreOf(sumA.slice(), count) - system.scoreOf(sumB.slice(), count));
    if (difference > actual) extreme++;
  }
  const { interval } = pairedBootstrap(baseline, system, {
    seed,
    confidence,
    ...(clusters && { clusters }),
  });
  return {
    ...scores,
    pValue: pValueOf(scores.difference, extreme, trials),
    interval,
    test: 'randomization',
    trials,
    seed,
    ...(clusters && { clusters: unitsA.count }),
  };
}
