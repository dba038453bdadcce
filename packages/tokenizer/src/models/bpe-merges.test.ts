import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BpeMerges } from './bpe-merges.js';

/** Rules over a few symbols and what they make, in an order that need not be one of a trainer. */
const rules = fc
  .array(fc.tuple(fc.nat({ max: 11 }), fc.nat({ max: 11 })), { maxLength: 12 })
  .map((pairs) =>
    Int32Array.from(pairs.flatMap(([left, right], i) => [left % (4 + i), right % (4 + i), 4 + i])),
  );

/** A long text of runs and repetitions. */
const symbols = fc
  .array(
    fc.tuple(
      fc.array(fc.nat({ max: 3 }), { minLength: 1, maxLength: 6 }),
      fc.integer({ min: 1, max: 30_000 }),
    ),
    {
      minLength: 1,
      maxLength: 6,
    },
  )
  .map((runs) => runs.flatMap(([pattern, times]) => new Array<number[]>(times).fill(pattern).flat()));

function merged(merges: BpeMerges, text: readonly number[], dropout = 0) {
  merges.reserve(text.length);
  merges.ids.set(text);
  merges.lengths.fill(1, 0, text.length);
  const count = merges.merge(text.length, dropout, () => 0.5);
  return [merges.ids.slice(0, count), merges.lengths.slice(0, count)];
}

describe('merging very long pieces', () => {
  it('gives what a heap of all pairs gives, whatever the rules', () => {
    let long = 0;
    fc.assert(
      fc.property(rules, symbols, (each, text) => {
        const merges = new BpeMerges(each);
        // With merges skipped by a probability that never comes up, every pair goes through one heap.
        const expected = merged(merges, text, 1e-9);
        const found = merged(merges, text);
        for (const i of [0, 1]) {
          expect(Buffer.from(found[i]!.buffer).equals(Buffer.from(expected[i]!.buffer))).toBe(true);
        }
        if (text.length > 100_000) long++;
      }),
      { numRuns: 60 },
    );
    expect(long).toBeGreaterThan(0);
  });
});
