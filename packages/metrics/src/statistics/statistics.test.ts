import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fixture, type Json, near } from '../../test/fixture.js';
import { ExactSum, exactSum } from '../exact-sum.js';
import {
  adjustPValues,
  approximateRandomization,
  binomialTest,
  bootstrapInterval,
  chiSquaredTail,
  clusteredStandardError,
  Mean,
  mcnemar,
  meanInterval,
  normalCdf,
  normalQuantile,
  Pcg64,
  pairedBootstrap,
  studentCdf,
  studentQuantile,
  wilsonInterval,
} from '../index.js';

const golden = fixture('statistics');

describe('Pcg64 is NumPy default_rng', () => {
  test.each(golden.random as Json[])('seed $seed', ({ seed, integers, coins, doubles, choice }) => {
    expect(new Pcg64(seed).integers(1000003, 20)).toEqual(integers);
    const coin = new Pcg64(seed).coins();
    expect(coins.map(() => coin())).toEqual(coins);
    const generator = new Pcg64(seed);
    expect(doubles.map(() => generator.random())).toEqual(doubles);
    expect(new Pcg64(seed).integers(3, 30)).toEqual(choice);
  });

  test('refuses seeds that are no integers', () => {
    expect(() => new Pcg64(1.5)).toThrow(expect.objectContaining({ code: 'E_INPUT' }));
    expect(() => new Pcg64(-1)).toThrow(expect.objectContaining({ code: 'E_INPUT' }));
    expect(() => new Pcg64(1).below(0)).toThrow(expect.objectContaining({ code: 'E_INPUT' }));
  });

  test('shuffle keeps the items', () => {
    fc.assert(
      fc.property(fc.array(fc.integer()), fc.nat(), (items, seed) => {
        expect(new Pcg64(seed).shuffle([...items]).sort((a, b) => a - b)).toEqual(
          items.sort((a, b) => a - b),
        );
      }),
    );
  });
});

describe('distributions equal SciPy', () => {
  const { distributions } = golden;
  test('normal', () => {
    for (const [z, p] of distributions.normal) near(normalCdf(z), p, 1e-14);
    for (const [p, z] of distributions.normalQuantile) near(normalQuantile(p), z, 1e-10);
  });
  test('Student', () => {
    for (const [t, df, p] of distributions.student) near(studentCdf(t, df), p, 1e-12);
    for (const [p, df, t] of distributions.studentQuantile) near(studentQuantile(p, df), t, 1e-10);
  });
  test('chi-squared and binomial', () => {
    for (const [x, df, p] of distributions.chiSquared) near(chiSquaredTail(x, df), p, 1e-13);
    for (const [k, n, p] of distributions.binomial) near(binomialTest(k, n), p, 1e-11);
  });
  test('intervals', () => {
    const interval = meanInterval(distributions.meanInterval.values);
    near(interval.low, distributions.meanInterval.interval[0]);
    near(interval.high, distributions.meanInterval.interval[1]);
    for (const [k, n, low, high] of distributions.wilson) {
      near(wilsonInterval(k, n).low, low, 1e-12);
      near(wilsonInterval(k, n).high, high, 1e-12);
    }
    expect(meanInterval([3])).toEqual({ low: -Infinity, high: Infinity, confidence: 0.95 });
    expect(() => meanInterval([])).toThrow(expect.objectContaining({ code: 'E_NAN' }));
    expect(() => wilsonInterval(3, 2)).toThrow(expect.objectContaining({ code: 'E_INPUT' }));
    expect(() => meanInterval([1, 2], 1)).toThrow(expect.objectContaining({ code: 'E_INPUT' }));
  });
});

describe('tests equal statsmodels', () => {
  const { tests } = golden;
  test('McNemar', () => {
    for (const c of tests.mcnemar) {
      const first = c.first.map(Boolean);
      const second = c.second.map(Boolean);
      near(mcnemar(first, second, 'exact').pValue, c.exact, 1e-11);
      near(mcnemar(first, second, 'chi-squared').pValue, c.chi, 1e-11);
      near(mcnemar(first, second).statistic, c.statistic, 1e-12);
      near(mcnemar(second, first).pValue, mcnemar(first, second).pValue, 1e-15);
    }
    expect(mcnemar([true], [true]).pValue).toBe(1);
    expect(() => mcnemar([true], [])).toThrow(expect.objectContaining({ code: 'E_INPUT' }));
  });
  test('corrections', () => {
    for (const name of ['bonferroni', 'holm', 'benjamini-hochberg'] as const) {
      for (const [i, p] of adjustPValues(tests.pValues, name).entries())
        near(p, tests.corrections[name][i], 1e-12);
    }
    expect(() => adjustPValues([Number.NaN])).toThrow(expect.objectContaining({ code: 'E_INPUT' }));
  });
  test('clustered standard error', () => {
    const { values, clusters, mean, standardError } = tests.clustered;
    const result = clusteredStandardError(values, clusters);
    near(result.mean, mean);
    near(result.standardError, standardError);
    const single = clusteredStandardError(
      values,
      values.map((_: number, i: number) => i),
    );
    near(single.standardError, single.naiveStandardError, 1e-14);
    expect(() => clusteredStandardError([], [])).toThrow(expect.objectContaining({ code: 'E_EMPTY' }));
    expect(() => clusteredStandardError([Number.NaN], [1])).toThrow(
      expect.objectContaining({ code: 'E_NAN' }),
    );
  });
});

describe('ExactSum', () => {
  const numbers = fc.array(fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e100, max: 1e100 }));
  test('does not depend on order or sharding', () => {
    fc.assert(
      fc.property(numbers, fc.nat(), fc.nat(20), (values, seed, cut) => {
        const total = exactSum(values);
        expect(exactSum(new Pcg64(seed).shuffle([...values]))).toBe(total);
        const left = new ExactSum();
        const right = new ExactSum();
        for (const [i, value] of values.entries()) (i < cut ? left : right).add(value);
        left.merge(right);
        expect(left.value()).toBe(total);
      }),
    );
  });
  test('equals integer arithmetic where that is exact', () => {
    fc.assert(
      fc.property(fc.array(fc.bigInt({ min: -(2n ** 52n), max: 2n ** 52n })), (values) => {
        expect(exactSum(values.map(Number))).toBe(Number(values.reduce((a, b) => a + b, 0n)));
      }),
    );
  });
});

describe('Mean and the paired tests', () => {
  const scores = fc.array(fc.double({ noNaN: true, min: -1e6, max: 1e6 }), { minLength: 1, maxLength: 50 });
  const over = (values: readonly number[]) => {
    const mean = new Mean();
    mean.update(values);
    return mean;
  };
  test('merge equals one pass, in any order', () => {
    fc.assert(
      fc.property(scores, scores, (a, b) => {
        const whole = over([...a, ...b]);
        const merged = over(b);
        merged.merge(over(a));
        expect(merged.compute()).toEqual(whole.compute());
      }),
    );
  });
  test('update takes a whole batch or nothing', () => {
    const mean = over([1, 2]);
    expect(() => mean.update([3, Number.NaN])).toThrow(expect.objectContaining({ code: 'E_NAN' }));
    expect(mean.count).toBe(2);
    expect(mean.compute().score).toBe(1.5);
  });
  test('nothing seen, rows not kept, settings that differ', () => {
    expect(() => new Mean().compute()).toThrow(expect.objectContaining({ code: 'E_EMPTY' }));
    expect(() => new Mean().interval()).toThrow(expect.objectContaining({ code: 'E_EMPTY' }));
    const lean = new Mean({ keepRows: false });
    lean.update([1]);
    expect(() => lean.interval()).toThrow(expect.objectContaining({ code: 'E_EMPTY' }));
    expect(() => over([1]).merge(new Mean({ name: 'other' }))).toThrow(
      expect.objectContaining({ code: 'E_MERGE' }),
    );
  });
  test('a system against itself is never different', () => {
    fc.assert(
      fc.property(scores, (values) => {
        const result = approximateRandomization(over(values), over(values), { trials: 50 });
        expect(result.difference).toBe(0);
        expect(result.pValue).toBe(1);
        expect(pairedBootstrap(over(values), over(values), { resamples: 50 }).pValue).toBe(1);
      }),
      { numRuns: 20 },
    );
  });
  test('the same seed gives the same result, another seed another', () => {
    const a = over(new Pcg64(1).integers(100, 80));
    const b = over(new Pcg64(2).integers(110, 80));
    expect(pairedBootstrap(a, b)).toEqual(pairedBootstrap(a, b));
    expect(pairedBootstrap(a, b, { seed: 2 }).interval).not.toEqual(pairedBootstrap(a, b).interval);
    expect(a.interval()).toEqual(a.interval());
    expect(() => pairedBootstrap(a, over([1]))).toThrow(expect.objectContaining({ code: 'E_INPUT' }));
  });
  test('randomization agrees with the exact permutation test of a tiny sample', () => {
    const a = [1, 2, 3, 4, 5, 6];
    const b = [2, 4, 3, 7, 9, 7];
    const difference = (flips: number) =>
      Math.abs(a.reduce((sum, x, i) => sum + (flips & (1 << i) ? b[i]! - x : x - b[i]!), 0));
    let more = 0;
    let extreme = 0;
    for (let flips = 0; flips < 64; flips++) {
      if (difference(flips) > difference(0)) more++;
      if (difference(flips) >= difference(0)) extreme++;
    }
    const p = (ties: 'count' | 'ignore'): number =>
      approximateRandomization(over(a), over(b), { trials: 20_000, ties }).pValue;
    expect(extreme).toBeGreaterThan(more);
    expect(Math.abs(p('count') - extreme / 64)).toBeLessThan(0.01);
    expect(Math.abs(p('ignore') - more / 64)).toBeLessThan(0.01);
  });
  test('the bootstrap interval of a mean is near the t interval', () => {
    const generator = new Pcg64(5);
    const values = Array.from({ length: 200 }, () => generator.random());
    const a = bootstrapInterval(values, (xs) => xs.reduce((sum, x) => sum + x, 0) / xs.length);
    const b = meanInterval(values);
    expect(Math.abs(a.low - b.low)).toBeLessThan(0.01);
    expect(Math.abs(a.high - b.high)).toBeLessThan(0.01);
    expect(over(values).interval().low).toBeCloseTo(a.low, 12);
    expect(() => bootstrapInterval([], () => 0)).toThrow(expect.objectContaining({ code: 'E_EMPTY' }));
    expect(() => bootstrapInterval([1], () => Number.NaN)).toThrow(
      expect.objectContaining({ code: 'E_NAN' }),
    );
  });
});
