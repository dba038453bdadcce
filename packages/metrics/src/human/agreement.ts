import { type ClassLabel, classify } from '../classification/confusion.js';
import { checkFinite, checkInteger, MetricError, show } from '../errors.js';

/**
 * Cohen's kappa of two raters: (p_o - p_e) / (1 - p_e), weighted if wished.
 *
 * Cohen 1960 and 1968; equal to scikit-learn. Linear and quadratic weights take the classes in sorted order.
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
 * Fleiss 1971; equal to statsmodels.
 *
 * @param counts counts[i][k]: how many raters put item i into class k; every row sums to the same n >= 2.
 * @returns At most 1; NaN when only one class was ever used.
 * @throws MetricError `E_INPUT` for rows of unequal sums, `E_EMPTY` without items.
 * @example
 * fleissKappa([[3, 0], [0, 3], [2, 1]]).toFixed(6); // => '0.550000'
 */
export function fleissKappa(counts: readonly (readonly number[])[]): number {
  if (counts.length === 0)
    throw new MetricError('E_EMPTY', 'fleissKappa', 'needs items', 'none', 'pass a table');
  const classes = counts[0]!.length;
  const raters = counts[0]!.reduce((a, b) => a + b, 0);
  for (const row of counts) {
    if (row.length !== classes || row.reduce((a, b) => a + b, 0) !== raters || raters < 2) {
      throw new MetricError(
        'E_INPUT',
        'fleissKappa',
        'every item needs the same number of ratings, two or more',
        show([...row]),
        'use krippendorffAlpha',
      );
    }
    for (const count of row) checkInteger('fleissKappa', 'every count', count, 0);
  }
  const shares = Array.from(
    { length: classes },
    (_, k) => counts.reduce((sum, row) => sum + row[k]!, 0) / (counts.length * raters),
  );
  const pairs = counts.map(
    (row) => (row.reduce((sum, n) => sum + n * n, 0) - raters) / (raters * (raters - 1)),
  );
  const observed = pairs.reduce((a, b) => a + b, 0) / counts.length;
  const expected = shares.reduce((sum, p) => sum + p * p, 0);
  return (observed - expected) / (1 - expected);
}

/** How far apart two ratings are: by class, rank, difference or ratio. */
export type MeasurementLevel = 'nominal' | 'ordinal' | 'interval' | 'ratio';

/**
 * Krippendorff's alpha: agreement of any number of raters, with gaps, on any scale: 1 - D_o / D_e.
 *
 * Krippendorff 2011, "Computing Krippendorff's Alpha-Reliability". Items rated once are left out.
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
  const items = Math.max(0, ...ratings.map((row) => row.length));
  const units: ClassLabel[][] = [];
  for (let i = 0; i < items; i++) {
    const values = ratings.map((row) => row[i]).filter((value) => value !== null && value !== undefined);
    for (const value of values) checkRating(value, level);
    if (values.length >= 2) units.push(values);
  }
  if (units.length === 0)
    throw new MetricError(
      'E_EMPTY',
      'krippendorffAlpha',
      'needs an item with two ratings',
      'none',
      'add ratings',
    );
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
