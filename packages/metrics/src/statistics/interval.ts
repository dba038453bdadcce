import { checkInteger, MetricError, show } from '../errors.js';
import { normalQuantile, studentQuantile } from './distributions.js';

/** A confidence interval. */
export interface Interval {
  /** Lower bound. */
  readonly low: number;
  /** Upper bound. */
  readonly high: number;
  /** The probability with which such intervals cover the true value, in (0, 1). */
  readonly confidence: number;
}

/** Throws `E_INPUT` unless 0 < confidence < 1. */
export function checkConfidence(subject: string, confidence: number): void {
  if (!(confidence > 0 && confidence < 1)) {
    throw new MetricError(
      'E_INPUT',
      subject,
      'confidence must lie strictly between 0 and 1',
      show(confidence),
      'pass 0.95',
    );
  }
}

/**
 * Wilson's score interval for a proportion; behaves at 0 and 1, where the normal interval collapses.
 *
 * Wilson 1927, "Probable Inference, the Law of Succession, and Statistical Inference"; equal to statsmodels.
 *
 * @param successes Integer, 0 to trials.
 * @param trials Integer, at least 1.
 * @example
 * const { low, high } = wilsonInterval(8, 10);
 * [low.toFixed(4), high.toFixed(4)]; // => ['0.4902', '0.9433']
 */
export function wilsonInterval(successes: number, trials: number, confidence = 0.95): Interval {
  checkInteger('wilsonInterval', 'trials', trials, 1, Number.MAX_SAFE_INTEGER);
  checkInteger('wilsonInterval', 'successes', successes, 0, trials);
  checkConfidence('wilsonInterval', confidence);
  const z = normalQuantile(0.5 + confidence / 2);
  const p = successes / trials;
  const scale = 1 + (z * z) / trials;
  const center = (p + (z * z) / (2 * trials)) / scale;
  const half = (z * Math.sqrt((p * (1 - p)) / trials + (z * z) / (4 * trials * trials))) / scale;
  return {
    low: successes === 0 ? 0 : Math.max(0, center - half),
    high: successes === trials ? 1 : Math.min(1, center + half),
    confidence,
  };
}

/**
 * Student's t interval of a mean; infinitely wide for a single value.
 *
 * @param values Finite numbers, at least one.
 * @example
 * const { low, high } = meanInterval([1, 2, 3, 4]);
 * [low.toFixed(4), high.toFixed(4)]; // => ['0.4457', '4.5543']
 */
export function meanInterval(values: readonly number[], confidence = 0.95): Interval {
  checkConfidence('meanInterval', confidence);
  const n = values.length;
  if (n === 0 || values.some((value) => !Number.isFinite(value))) {
    throw new MetricError(
      'E_NAN',
      'meanInterval',
      'needs finite values, at least one',
      show([...values]),
      'filter them first',
    );
  }
  const mean = values.reduce((sum, value) => sum + value, 0) / n;
  if (n === 1) return { low: -Infinity, high: Infinity, confidence };
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (n - 1);
  const half = studentQuantile(0.5 + confidence / 2, n - 1) * Math.sqrt(variance / n);
  return { low: mean - half, high: mean + half, confidence };
}
