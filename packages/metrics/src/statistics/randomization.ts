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
} from './bootstrap.js';

/** Options of {@link approximateRandomization}. */
export interface RandomizationOptions {
  /** Number of shuffles. Default 10000. */
  readonly trials?: number;
  /** Seed of the PCG64 stream. Default 12345. */
  readonly seed?: number;
  /** Coverage of the difference's bootstrap interval, in (0, 1). Default 0.95. */
  readonly confidence?: number;
}

/**
 * Paired approximate randomization: swaps the two systems' outputs sample by sample with probability one half.
 *
 * p = (#{ |d*| > |d| } + 1) / (trials + 1). Makes no assumption about the score, so it suits BLEU as well as accuracy.
 * Noreen 1989, "Computer-Intensive Methods for Testing Hypotheses"; Riezler and Maxwell 2005; sacrebleu's `--paired-ar`,
 * whose p-value the same seed reproduces (equal scores excepted: p = 1).
 *
 * @param baseline A metric that has seen the baseline's samples, in order.
 * @param system The same metric over the other system's samples, in the same order.
 * @throws MetricError `E_INPUT` when the counts differ, `E_EMPTY` without samples.
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
  const { trials = 10_000 } = options;
  checkInteger('approximateRandomization', 'trials', trials, 1);
  const { seed, confidence } = bootstrapSettings('approximateRandomization', options);
  const { count, width } = baseline;
  const coin = new Pcg64(seed).coins();
  const a = baseline.rows();
  const b = system.rows();
  const sumA = new Float64Array(width);
  const sumB = new Float64Array(width);
  const scores = observed(baseline, system);
  const actual = Math.abs(scores.difference);
  let extreme = 0;
  for (let trial = 0; trial < trials; trial++) {
    sumA.fill(0);
    sumB.fill(0);
    for (let i = 0, at = 0; i < count; i++) {
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
  const { interval } = pairedBootstrap(baseline, system, { seed, confidence });
  return {
    ...scores,
    pValue: pValueOf(scores.difference, extreme, trials),
    interval,
    test: 'randomization',
    trials,
    seed,
  };
}
