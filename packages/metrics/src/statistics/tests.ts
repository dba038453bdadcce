import { checkSameLength, MetricError, show } from '../errors.js';
import { binomialTest, chiSquaredTail, normalQuantile } from './distributions.js';
import { checkConfidence, type Interval } from './interval.js';

/** What {@link mcnemar} found. */
export interface McNemarResult {
  /** Samples only the first system got right. */
  readonly onlyFirst: number;
  /** Samples only the second system got right. */
  readonly onlySecond: number;
  /** Chi-squared with continuity correction, (|b - c| - 1)^2 / (b + c); 0 without disagreement. */
  readonly statistic: number;
  /** Exact binomial p-value below 25 disagreements, chi-squared (1 degree of freedom) from there on. */
  readonly pValue: number;
  /** Which of the two the p-value is. */
  readonly method: 'exact' | 'chi-squared';
}

/**
 * McNemar's test: do two classifiers err on different samples?
 *
 * Counts samples as independent: where several come from one cluster its p-value is too small, and
 * {@link approximateRandomization} with `clusters` over {@link Mean}s of 0 and 1 is the test to use.
 * McNemar 1947, "Note on the sampling error of the difference between correlated proportions"; both forms equal
 * statsmodels', which leaves the choice to the caller. Fagerland, Lydersen and Laake 2013 (doi:10.1186/1471-2288-13-91)
 * compare them: both err on the safe side.
 *
 * @param first Whether the first system was right, per sample.
 * @param second Whether the second was, in the same order.
 * @param method Forces a form; by default chosen at 25 disagreements.
 * @throws MetricError `E_INPUT` when the lengths differ.
 * @example
 * mcnemar([true, true, true, true, false], [false, false, false, true, false]).pValue; // => 0.25
 */
export function mcnemar(
  first: readonly boolean[],
  second: readonly boolean[],
  method?: 'exact' | 'chi-squared',
): McNemarResult {
  checkSameLength('mcnemar', 'first', first.length, 'second', second.length);
  let onlyFirst = 0;
  let onlySecond = 0;
  for (let i = 0; i < first.length; i++) {
    if (first[i] && !second[i]) onlyFirst++;
    if (!first[i] && second[i]) onlySecond++;
  }
  const disagreements = onlyFirst + onlySecond;
  const statistic =
    disagreements === 0 ? 0 : Math.max(0, Math.abs(onlyFirst - onlySecond) - 1) ** 2 / disagreements;
  const chosen = method ?? (disagreements < 25 ? 'exact' : 'chi-squared');
  const pValue = chosen === 'exact' ? binomialTest(onlyFirst, disagreements) : chiSquaredTail(statistic, 1);
  return { onlyFirst, onlySecond, statistic, pValue: Math.min(1, pValue), method: chosen };
}

/** How to correct p-values for many comparisons. */
export type Correction = 'bonferroni' | 'holm' | 'benjamini-hochberg';

/**
 * Corrects p-values for having made many comparisons.
 *
 * `bonferroni` and `holm` (Holm 1979) bound the chance of any false claim; `benjamini-hochberg` (1995) bounds the share
 * of false claims among those made. Equal to statsmodels.
 *
 * @param pValues Each in [0, 1].
 * @returns The adjusted p-values in the same order, each in [0, 1].
 * @throws MetricError `E_INPUT` for a value outside [0, 1].
 * @example
 * adjustPValues([0.01, 0.04, 0.03], 'holm'); // => [0.03, 0.06, 0.06]
 */
export function adjustPValues(pValues: readonly number[], correction: Correction = 'holm'): number[] {
  for (const p of pValues) {
    if (!(p >= 0 && p <= 1)) {
      throw new MetricError(
        'E_INPUT',
        'adjustPValues',
        'every p-value must lie in [0, 1]',
        show(p),
        'remove it',
      );
    }
  }
  const n = pValues.length;
  if (correction === 'bonferroni') return pValues.map((p) => Math.min(1, p * n));
  const order = pValues.map((_, i) => i).sort((i, j) => pValues[i]! - pValues[j]!);
  const adjusted = new Array<number>(n);
  if (correction === 'holm') {
    let highest = 0;
    order.forEach((i, rank) => {
      highest = Math.max(highest, Math.min(1, pValues[i]! * (n - rank)));
      adjusted[i] = highest;
    });
    return adjusted;
  }
  let lowest = 1;
  for (let rank = n - 1; rank >= 0; rank--) {
    const i = order[rank]!;
    lowest = Math.min(lowest, (pValues[i]! * n) / (rank + 1));
    adjusted[i] = lowest;
  }
  return adjusted;
}

/** Mean with a standard error that knows about clusters. */
export interface ClusteredResult {
  readonly mean: number;
  /** Cluster-robust standard error. */
  readonly standardError: number;
  /** The standard error if all samples were independent, for comparison. */
  readonly naiveStandardError: number;
  /** Number of clusters. */
  readonly clusters: number;
  /** Normal interval. */
  readonly interval: Interval;
}

/**
 * Clustered standard error of a mean: questions about one passage are not independent evidence.
 *
 * SE^2 = (1/n^2) sum over clusters c of (sum over i in c of (x_i - mean))^2, which equals the naive SE when every
 * cluster has one sample (the naive one here divides by n as well). Miller 2024, "Adding Error Bars to Evals"
 * (arXiv:2411.00640); Liang and Zeger 1986; statsmodels' without small-sample correction.
 *
 * @param values Finite scores, one per sample.
 * @param clusters The cluster of each sample, in the same order.
 * @throws MetricError `E_INPUT` when the lengths differ, `E_EMPTY` without samples, `E_NAN` for a score that is not finite.
 * @example
 * clusteredStandardError([1, 1, 0, 0], ['a', 'a', 'b', 'b']).standardError.toFixed(4); // => '0.3536'
 */
export function clusteredStandardError(
  values: readonly number[],
  clusters: readonly (string | number)[],
  confidence = 0.95,
): ClusteredResult {
  checkSameLength('clusteredStandardError', 'values', values.length, 'clusters', clusters.length);
  checkConfidence('clusteredStandardError', confidence);
  const n = values.length;
  if (n === 0)
    throw new MetricError('E_EMPTY', 'clusteredStandardError', 'needs samples', 'none', 'pass scores');
  if (values.some((value) => !Number.isFinite(value))) {
    throw new MetricError(
      'E_NAN',
      'clusteredStandardError',
      'scores must be finite',
      show([...values]),
      'remove NaN scores',
    );
  }
  const mean = values.reduce((sum, value) => sum + value, 0) / n;
  const residuals = new Map<string | number, number>();
  let squares = 0;
  values.forEach((value, i) => {
    const cluster = clusters[i]!;
    residuals.set(cluster, (residuals.get(cluster) ?? 0) + value - mean);
    squares += (value - mean) ** 2;
  });
  let sum = 0;
  for (const residual of residuals.values()) sum += residual * residual;
  const standardError = Math.sqrt(sum) / n;
  const z = normalQuantile(0.5 + confidence / 2);
  return {
    mean,
    standardError,
    naiveStandardError: Math.sqrt(squares) / n,
    clusters: residuals.size,
    interval: { low: mean - z * standardError, high: mean + z * standardError, confidence },
  };
}
