import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Generator, ones, scope, tensor } from '../index.js';
import { dropout } from './index.js';
import { laws, unaryCases } from './testing/laws.js';

laws(dropout, {
  cases: unaryCases().chain(({ inputs }) =>
    fc.record({
      inputs: fc.constant(inputs),
      args: fc.record({ p: fc.constantFrom(0, 0.25, 0.5), seed: fc.nat() }),
    }),
  ),
  run: ([x], { p, seed }) => dropout(x!, p, { generator: new Generator(seed) }),
  // A dropped NaN is a zero in one implementation and a NaN in another; nobody relies on either.
  specials: false,
  errors: [
    { name: 'p of one', run: () => dropout(tensor([1]), 1), code: 'E_FORMAT' },
    { name: 'integers', run: () => dropout(tensor([1], { dtype: 'i32' }), 0.5), code: 'E_DTYPE' },
  ],
});

describe('dropout', () => {
  it('keeps about 1 - p of the elements and the mean', () =>
    scope(() => {
      const y = dropout(ones([100_000], { device: 'ref' }), 0.2, { generator: new Generator(5) }).numbers();
      const kept = y.filter((v) => v !== 0).length / y.length;
      // Four standard deviations of a proportion of 0.8 over 100,000 draws.
      expect(Math.abs(kept - 0.8)).toBeLessThan(4 * Math.sqrt(0.16 / 100_000));
      expect(y.find((v) => v !== 0)).toBeCloseTo(1.25, 6);
    }));
});
