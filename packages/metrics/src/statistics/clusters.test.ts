import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  approximateRandomization,
  BinaryRanking,
  Bleu,
  bootstrapInterval,
  bradleyTerry,
  Classification,
  clusteredStandardError,
  DistinctN,
  elo,
  jackknifeInterval,
  KrippendorffAgreement,
  Mean,
  Pcg64,
  pairedBootstrap,
} from '../index.js';

const over = (values: readonly number[]): Mean => {
  const mean = new Mean();
  mean.update(values);
  return mean;
};
const average = (xs: readonly number[]): number => xs.reduce((a, b) => a + b, 0) / xs.length;
const twice = <T>(items: readonly T[]): T[] => items.flatMap((item) => [item, item]);
const scores = fc.array(fc.double({ noNaN: true, min: -1e3, max: 1e3 }), { minLength: 4, maxLength: 30 });
const two = scores.chain((a) =>
  fc.tuple(
    fc.constant(a),
    fc.array(fc.double({ noNaN: true, min: -1e3, max: 1e3 }), { minLength: a.length, maxLength: a.length }),
  ),
);
const few = { resamples: 60, seed: 9 };
const code = (value: string) => expect.objectContaining({ code: value });

describe('clusters of one sample change nothing but the count', () => {
  test('paired bootstrap and randomization', () => {
    fc.assert(
      fc.property(two, ([a, b]) => {
        const clusters = a.map((_, i) => i);
        const bootstrap = pairedBootstrap(over(a), over(b), few);
        expect(pairedBootstrap(over(a), over(b), { ...few, clusters })).toEqual({
          ...bootstrap,
          clusters: a.length,
        });
        const randomization = approximateRandomization(over(a), over(b), { trials: 60 });
        expect(approximateRandomization(over(a), over(b), { trials: 60, clusters })).toEqual({
          ...randomization,
          clusters: a.length,
        });
      }),
      { numRuns: 20 },
    );
  });
  test('intervals of lists and ratings', () => {
    fc.assert(
      fc.property(scores, (values) => {
        const clusters = values.map((_, i) => `c${i}`);
        expect(bootstrapInterval(values, average, { ...few, clusters })).toEqual(
          bootstrapInterval(values, average, few),
        );
        expect(jackknifeInterval(values, average, { clusters })).toEqual(jackknifeInterval(values, average));
        const matches = values.map((x) => ({
          a: 'p',
          b: 'q',
          winner: x > 0 ? ('a' as const) : ('b' as const),
        }));
        expect(bradleyTerry(matches, { ...few, clusters })).toEqual(bradleyTerry(matches, few));
        expect(elo(matches, { ...few, clusters })).toEqual(elo(matches, few));
      }),
      { numRuns: 10 },
    );
  });
});

describe('repeating each sample inside its cluster is no new evidence', () => {
  test('mean: intervals and p-values stay, while without clusters they shrink', () => {
    fc.assert(
      fc.property(two, ([a, b]) => {
        const clusters = twice(a.map((_, i) => i));
        const [first, second] = [over(twice(a)), over(twice(b))];
        const close = (x: { low: number; high: number }, y: { low: number; high: number }) => {
          expect(x.low).toBeCloseTo(y.low, 8);
          expect(x.high).toBeCloseTo(y.high, 8);
        };
        close(first.interval({ ...few, clusters }), over(a).interval(few));
        const paired = pairedBootstrap(first, second, { ...few, clusters });
        close(paired.interval, pairedBootstrap(over(a), over(b), few).interval);
        expect(clusteredStandardError(twice(a), clusters).standardError).toBeCloseTo(
          clusteredStandardError(
            a,
            a.map((_, i) => i),
          ).standardError,
          8,
        );
      }),
      { numRuns: 20 },
    );
    // Integers, whose sums and halves are exact, so that ties of the permutation stay ties.
    const [a, b] = [new Pcg64(3).integers(10, 12), new Pcg64(4).integers(12, 12)];
    const clusters = twice(a.map((_, i) => i));
    const single = approximateRandomization(over(a), over(b), { trials: 500 });
    const double = approximateRandomization(over(twice(a)), over(twice(b)), { trials: 500, clusters });
    expect(double.pValue).toBe(single.pValue);
    const naive = over(twice(a)).interval();
    const honest = over(twice(a)).interval({ clusters });
    expect(naive.high - naive.low).toBeLessThan(0.9 * (honest.high - honest.low));
  });
  test('ratios of sums, areas, matrices, agreement, and the jackknife', () => {
    const random = new Pcg64(8);
    const texts = Array.from({ length: 15 }, (_, i) => ({
      hypothesis: `the cat number ${random.below(4)} sat on mat ${i}`,
      references: [`the cat number ${random.below(4)} sat on the mat ${i}`],
    }));
    const check = <S>(
      make: () => { update(batch: readonly S[]): void; interval(o?: object): { low: number; high: number } },
      samples: readonly S[],
    ): void => {
      const [one, both] = [make(), make()];
      one.update(samples);
      both.update(twice(samples));
      const expected = one.interval(few);
      const got = both.interval({ ...few, clusters: twice(samples.map((_, i) => i)) });
      expect(got.low).toBeCloseTo(expected.low, 9);
      expect(got.high).toBeCloseTo(expected.high, 9);
    };
    check(() => new Bleu(), texts);
    const labels = texts.map(() => random.below(2));
    // The matrix draws in its own order, which doubling keeps.
    check(
      () => new Classification({ headline: 'macroF1' }),
      labels.map((label) => ({ label, prediction: random.below(2) })),
    );
    check(
      () => new BinaryRanking(),
      labels.map((label, i) => ({ label: i < 2 ? i === 0 : label === 1, score: random.random() })),
    );
  });
  test('distinct-n leaves whole documents out', () => {
    const texts = ['a b c', 'a b d', 'e f', 'e f g', 'h i', 'a b'];
    const clusters = ['x', 'x', 'y', 'y', 'z', 'z'];
    const metric = new DistinctN();
    metric.update(texts);
    const whole = (list: readonly string[]): number => {
      const again = new DistinctN();
      again.update(list);
      return again.compute().score;
    };
    const expected = jackknifeInterval(texts, whole, { clusters });
    const got = metric.interval({ clusters });
    expect(got.low).toBeCloseTo(expected.low, 12);
    expect(got.high).toBeCloseTo(expected.high, 12);
    expect(jackknifeInterval(texts, whole).high).not.toBeCloseTo(expected.high, 6);
  });
});

test('a permutation of clusters is the exact test of cluster sums on a tiny sample', () => {
  const a = [1, 0, 1, 0, 0, 1, 0, 1];
  const b = [1, 1, 1, 1, 0, 1, 1, 0];
  const clusters = [0, 0, 1, 1, 2, 2, 3, 3];
  const sums = [0, 1, 2, 3].map((c) =>
    a.reduce((sum, x, i) => (clusters[i] === c ? sum + b[i]! - x : sum), 0),
  );
  const difference = (flips: number): number =>
    Math.abs(sums.reduce((sum, d, c) => sum + (flips & (1 << c) ? -d : d), 0));
  let extreme = 0;
  for (let flips = 0; flips < 16; flips++) if (difference(flips) >= difference(0)) extreme++;
  const { pValue } = approximateRandomization(over(a), over(b), { trials: 20_000, clusters });
  expect(Math.abs(pValue - extreme / 16)).toBeLessThan(0.01);
});

test('correlated samples: clusters widen the interval as the clustered standard error says', () => {
  const random = new Pcg64(11);
  const values: number[] = [];
  const clusters: number[] = [];
  for (let c = 0; c < 40; c++) {
    const center = random.random();
    for (let i = 0; i < 5; i++) {
      values.push(center + 0.1 * random.random());
      clusters.push(c);
    }
  }
  const { low, high } = over(values).interval({ clusters, resamples: 4000 });
  const robust = clusteredStandardError(values, clusters).interval;
  expect((high - low) / (robust.high - robust.low)).toBeCloseTo(1, 1);
});

test('clusters follow the samples through merge', () => {
  const [left, right] = [new Classification(), new Classification()];
  left.update([
    { label: 'a', prediction: 'a' },
    { label: 'b', prediction: 'a' },
  ]);
  right.update([
    { label: 'c', prediction: 'c' },
    { label: 'a', prediction: 'a' },
  ]);
  left.merge(right);
  expect(left.interval({ clusters: [1, 2, 2, 1] })).toMatchObject({ low: 0.5, high: 1 });
});

test('bad clusters are refused', () => {
  const [a, b] = [over([1, 2, 3]), over([2, 2, 4])];
  for (const run of [
    (clusters: number[]) => a.interval({ clusters }),
    (clusters: number[]) => pairedBootstrap(a, b, { clusters }),
    (clusters: number[]) => approximateRandomization(a, b, { clusters, trials: 10 }),
    (clusters: number[]) => bootstrapInterval([1, 2, 3], average, { clusters }),
    (clusters: number[]) => jackknifeInterval([1, 2, 3], average, { clusters }),
  ]) {
    expect(() => run([1, 2])).toThrow(code('E_INPUT'));
    expect(() => run([1, 1, 1])).toThrow(code('E_EMPTY'));
  }
  const lean = new Classification({ keepRows: false });
  lean.update([
    { label: 1, prediction: 1 },
    { label: 2, prediction: 1 },
  ]);
  expect(() => lean.interval({ clusters: [1, 2] })).toThrow(code('E_EMPTY'));
  const alpha = new KrippendorffAgreement();
  alpha.update([
    [1, 1],
    [1, null],
    [2, 2],
    [1, 2],
  ]);
  // Items rated once count among the labels but not in the score.
  expect(alpha.interval({ clusters: [0, 1, 2, 3] })).toEqual(alpha.interval());
  expect(() => alpha.interval({ clusters: [0, 1, 2] })).toThrow(code('E_INPUT'));
});
