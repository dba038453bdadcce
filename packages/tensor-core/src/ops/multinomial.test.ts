import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Generator, scope, tensor, zeros } from '../index.js';
import { multinomial } from './index.js';
import { input, laws } from './testing/laws.js';

const cases = fc
  .record({ rows: fc.integer({ min: 1, max: 3 }), classes: fc.integer({ min: 1, max: 40 }), seed: fc.nat() })
  .chain(({ rows, classes, seed }) =>
    fc.record({
      // Weights that every dtype holds exactly, so that all devices choose alike.
      inputs: fc.tuple(input([rows, classes], fc.integer({ min: 1, max: 16 }))),
      args: fc.record({ samples: fc.integer({ min: 1, max: classes }), seed: fc.constant(seed) }),
    }),
  );

laws(multinomial, {
  cases,
  run: ([w], { samples, seed }) => multinomial(w!, samples, { generator: new Generator(seed) }),
  differentiable: false,
  specials: false,
  errors: [
    { name: 'all weights zero', run: () => multinomial(zeros([2, 3])), code: 'E_INDEX' },
    { name: 'a negative weight', run: () => multinomial(tensor([1, -1])), code: 'E_INDEX' },
    { name: 'more samples than classes', run: () => multinomial(tensor([1, 1]), 3), code: 'E_SHAPE' },
    { name: 'integers', run: () => multinomial(tensor([1], { dtype: 'i32' })), code: 'E_DTYPE' },
  ],
});

describe('multinomial', () => {
  it('draws in proportion and never twice', () =>
    scope(() => {
      const generator = new Generator(9);
      const weights = tensor(
        new Float64Array(20_000)
          .fill(0)
          .map((_, i) => [1, 2, 5][i % 3]!)
          .slice(0, 19_998),
        { shape: [6666, 3], device: 'ref' },
      );
      const first = multinomial(weights, 1, { generator }).numbers();
      const share = first.filter((c) => c === 2).length / first.length;
      expect(Math.abs(share - 5 / 8)).toBeLessThan((4 * Math.sqrt((5 / 8) * (3 / 8))) / Math.sqrt(6666));
      const all = multinomial(weights, 3, { generator }).numbers();
      for (let r = 0; r < 6666; r++) expect([...all.subarray(3 * r, 3 * r + 3)].sort()).toEqual([0, 1, 2]);
    }));
});
