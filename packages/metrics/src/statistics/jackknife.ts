import { checkInteger, MetricError } from '../errors.js';
import { type Clusters, clusterMembers } from './clusters.js';
import { studentQuantile } from './distributions.js';
import { checkConfidence, type Interval } from './interval.js';

/** Settings of {@link jackknifeInterval}. */
export interface JackknifeOptions {
  /** Groups left out in turn, at least 2. Default 20, or one per item when there are fewer. */
  readonly groups?: number;
  /** Coverage in (0, 1). Default 0.95. */
  readonly confidence?: number;
  /** The cluster of each item: clusters are dealt to groups as wholes. At least two. Default: every item by itself. */
  readonly clusters?: Clusters;
}

/**
 * Delete-a-group jackknife interval, for statistics that duplicates would spoil.
 *
 * A bootstrap resample repeats items, which lowers distinct-n and raises self-BLEU; leaving groups out does not. SE² =
 * (g - 1)/g Σ (θ_i - mean θ)², interval θ ± t_{g-1} SE. Quenouille 1956, Tukey 1958; Kott 2001 on groups. Item (or
 * cluster) i is in group i mod g. Implementations differ in g; the classical jackknife has a group per item.
 *
 * @param items At least two.
 * @param statistic Maps a list of items to a finite number.
 * @throws MetricError `E_EMPTY` for fewer than two items, `E_NAN` when the statistic is not finite.
 * @example
 * const mean = (xs: readonly number[]) => xs.reduce((a, b) => a + b, 0) / xs.length;
 * jackknifeInterval([1, 2, 3, 4], mean).high.toFixed(4); // => '4.5543'
 */
export function jackknifeInterval<T>(
  items: readonly T[],
  statistic: (items: readonly T[]) => number,
  options: JackknifeOptions = {},
): Interval {
  const { confidence = 0.95, clusters } = options;
  checkConfidence('jackknifeInterval', confidence);
  if (items.length < 2)
    throw new MetricError(
      'E_EMPTY',
      'jackknifeInterval',
      'needs two items',
      String(items.length),
      'pass more',
    );
  const positions = new Int32Array(items.length).map((_, i) => i);
  let units = items.length;
  if (clusters) {
    const members = clusterMembers('jackknifeInterval', items.length, clusters);
    members.forEach((list, c) => {
      for (const i of list) positions[i] = c;
    });
    units = members.length;
  }
  const groups = Math.min(units, options.groups ?? 20);
  checkInteger('jackknifeInterval', 'groups', groups, 2);
  const value = (list: readonly T[]): number => {
    const result = statistic(list);
    if (!Number.isFinite(result))
      throw new MetricError(
        'E_NAN',
        'jackknifeInterval',
        'the statistic must be finite',
        String(result),
        'handle that case',
      );
    return result;
  };
  const center = value(items);
  const parts = Array.from({ length: groups }, (_, g) =>
    value(items.filter((_item, i) => positions[i]! % groups !== g)),
  );
  return leaveOutInterval(center, parts, confidence);
}

/** The jackknife interval from the statistic of everything and that with each group left out. */
export function leaveOutInterval(center: number, parts: readonly number[], confidence: number): Interval {
  const groups = parts.length;
  const mean = parts.reduce((a, b) => a + b, 0) / groups;
  const squares = parts.reduce((sum, x) => sum + (x - mean) ** 2, 0);
  const half =
    studentQuantile(0.5 + confidence / 2, groups - 1) * Math.sqrt(((groups - 1) / groups) * squares);
  return { low: center - half, high: center + half, confidence };
}
