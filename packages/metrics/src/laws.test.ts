import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ACCUMULATORS, type Accumulator } from '../test/accumulators.js';
import { near } from '../test/fixture.js';
import * as m from './index.js';

test('the list of accumulators is complete', () => {
  const exported = Object.entries(m)
    .filter(
      ([, value]) =>
        typeof value === 'function' && 'compute' in ((value as { prototype?: object }).prototype ?? {}),
    )
    .map(([name]) => name)
    // The base class, and ratings of systems, which have no one score (see human.test.ts).
    .filter((name) => name !== 'AdditiveMetric' && name !== 'Ratings');
  expect(Object.keys(ACCUMULATORS).sort()).toEqual(exported.sort());
});

describe.each(Object.entries(ACCUMULATORS))('%s', (_name, entry) => {
  const {
    make,
    sample,
    always = [],
    bounds,
    ordered,
    rounding = 0,
    perfect,
    clusterless,
  }: Accumulator = entry;
  const shard = fc.array(sample, { maxLength: 5 });
  const full = fc.array(sample, { minLength: 1, maxLength: 8 }).map((batch) => [...batch, ...always]);
  const over = (...batches: (readonly unknown[])[]) => {
    const metric = make();
    for (const batch of batches) metric.update(batch as never);
    return metric;
  };
  /** Everything a result says, with floats that may differ by rounding compared as such. */
  const same = (a: unknown, b: unknown): void => {
    if (rounding === 0) expect(a).toEqual(b);
    else near((a as m.Scored).score, (b as m.Scored).score, rounding);
  };

  test('merging shards equals one pass', () => {
    fc.assert(
      fc.property(shard, shard, full, (a, b, c) => {
        const whole = over([...a, ...b, ...c]);
        const left = over(a, b);
        left.merge(over(c) as never);
        same(left.compute(), whole.compute());
        const right = over();
        right.merge(over(a) as never);
        right.merge(over(b, c) as never);
        same(right.compute(), whole.compute());
      }),
      { numRuns: 40 },
    );
  });

  test('stays within its bounds', () => {
    fc.assert(
      fc.property(full, (batch) => {
        const { score } = over(batch).compute();
        expect(score).toBeGreaterThanOrEqual(bounds[0] - 1e-9);
        expect(score).toBeLessThanOrEqual(bounds[1] + 1e-9);
      }),
      { numRuns: 60 },
    );
  });

  if (!ordered)
    test('the order of samples does not matter', () => {
      fc.assert(
        fc.property(full, fc.nat(), (batch, seed) => {
          near(
            over(new m.Pcg64(seed).shuffle([...batch])).compute().score,
            over(batch).compute().score,
            Math.max(rounding, 1e-15),
          );
        }),
        { numRuns: 40 },
      );
    });

  test('has an interval around its score, the same one each time', () => {
    fc.assert(
      fc.property(fc.array(sample, { minLength: 6, maxLength: 12 }), (batch) => {
        const metric = over([...batch, ...always, ...always]);
        const interval = metric.interval({ confidence: 0.9, resamples: 400 });
        expect(interval.confidence).toBe(0.9);
        expect(interval.low).toBeLessThanOrEqual(interval.high);
        expect(metric.interval({ confidence: 0.9, resamples: 400 })).toEqual(interval);
        expect(() => metric.interval({ confidence: 1 })).toThrow(m.MetricError);
      }),
      { numRuns: 10 },
    );
  });

  test(
    clusterless
      ? 'its interval refuses clusters'
      : 'clusters of one sample have the interval of samples; larger ones are drawn whole',
    () => {
      fc.assert(
        fc.property(fc.array(sample, { minLength: 6, maxLength: 12 }), (batch) => {
          const samples = [...batch, ...always, ...always];
          const metric = over(samples);
          const options = { confidence: 0.9, resamples: 400 };
          const clusters = samples.map((_, i) => `document ${i}`);
          if (clusterless) {
            expect(() => metric.interval({ ...options, clusters })).toThrow(
              expect.objectContaining({ code: 'E_INPUT' }),
            );
            return;
          }
          expect(metric.interval({ ...options, clusters })).toEqual(metric.interval(options));
          const pairs = samples.map((_, i) => i >> 1);
          const wide = metric.interval({ ...options, clusters: pairs });
          expect(wide.low).toBeLessThanOrEqual(wide.high);
          expect(metric.interval({ ...options, clusters: pairs.map((c) => `${c}`) })).toEqual(wide);
          expect(() => metric.interval({ ...options, clusters: [1] })).toThrow(
            expect.objectContaining({ code: 'E_INPUT' }),
          );
          expect(() => metric.interval({ ...options, clusters: samples.map(() => 1) })).toThrow(
            expect.objectContaining({ code: 'E_EMPTY' }),
          );
        }),
        { numRuns: 10 },
      );
    },
  );

  test('nothing seen is an error', () => {
    expect(() => make().compute()).toThrow(expect.objectContaining({ code: 'E_EMPTY' }));
    expect(() => make().interval()).toThrow(expect.objectContaining({ code: 'E_EMPTY' }));
  });

  if (perfect)
    test('perfect agreement has the perfect score', () => {
      const [samples, score] = perfect;
      fc.assert(
        fc.property(samples, (batch) => {
          near(over(batch).compute().score, score);
        }),
        { numRuns: 30 },
      );
    });
});
