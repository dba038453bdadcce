import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { learningRate } from './schedule.js';

describe('learningRate', () => {
  const options = { lr: 1, minLr: 0.1, warmup: 4, total: 15 };

  it('warms up linearly, peaks, is halfway in the middle of the cosine, and ends at minLr', () => {
    const rates = Array.from({ length: 15 }, (_, step) => learningRate(step, options));
    expect(rates.slice(0, 5)).toEqual([0.25, 0.5, 0.75, 1, 1]);
    expect(rates[9]).toBeCloseTo(0.55, 12);
    expect(rates[14]).toBeCloseTo(0.1, 12);
    expect(learningRate(1000, options)).toBe(0.1);
  });

  it('stays between 0 and lr, rises during warmup and falls after it', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 300 }),
        fc.integer({ min: 0, max: 40 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (total, warmup, minLr) => {
          const rates = Array.from({ length: total }, (_, s) =>
            learningRate(s, { lr: 1, minLr, warmup, total }),
          );
          rates.forEach((rate, s) => {
            expect(rate).toBeGreaterThan(0 - Number.EPSILON);
            expect(rate).toBeLessThanOrEqual(1 + 1e-12);
            if (s > 0 && s < warmup) expect(rate).toBeGreaterThan(rates[s - 1]!);
            if (s > warmup) expect(rate).toBeLessThanOrEqual(rates[s - 1]! + 1e-12);
          });
        },
      ),
    );
  });

  it('has no division by zero in runs of one step or without room for a cosine', () => {
    expect(learningRate(0, { lr: 1, minLr: 0, warmup: 0, total: 1 })).toBe(1);
    expect(learningRate(4, { lr: 1, minLr: 0, warmup: 4, total: 5 })).toBe(1);
  });
});
