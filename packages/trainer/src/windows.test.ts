import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { shuffle } from './shuffle.js';
import { tokensInMemory } from './token-file.js';
import { WindowSampler } from './windows.js';

const counting = (length: number) =>
  tokensInMemory(
    Int32Array.from({ length }, (_, i) => i),
    length,
  );

describe('shuffle', () => {
  it('is a permutation for every size and key', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 3000 }), fc.nat(), fc.nat(), (size, seed, epoch) => {
        const order = shuffle(size, seed, epoch);
        const seen = new Set(Array.from({ length: size }, (_, i) => order(i)));
        expect(seen.size).toBe(size);
        expect(Math.min(...seen)).toBe(0);
        expect(Math.max(...seen)).toBe(size - 1);
      }),
    );
  });

  it('puts every entry everywhere: chi-square over 4000 keys', () => {
    const size = 10;
    const counts = Array.from({ length: size * size }, () => 0);
    for (let key = 0; key < 4000; key++) {
      const order = shuffle(size, 7, key);
      for (let i = 0; i < size; i++) counts[i * size + order(i)]!++;
    }
    const chi = counts.reduce((sum, n) => sum + (n - 400) ** 2 / 400, 0);
    // 81 degrees of freedom: 99.99 % of random permutations stay below 137.
    expect(chi).toBeLessThan(137);
  });

  it('leaves no trace of the old neighbourhood: lag correlation', () => {
    const size = 5000;
    const order = shuffle(size, 3, 1);
    let product = 0;
    for (let i = 0; i + 1 < size; i++) product += (order(i) / size - 0.5) * (order(i + 1) / size - 0.5);
    // Standard error of a correlation is 1/sqrt(n).
    expect(Math.abs((product * 12) / size)).toBeLessThan(4 / Math.sqrt(size));
  });

  it('reaches the largest size and refuses more', () => {
    const order = shuffle(2 ** 32, 1);
    expect(new Set([0, 1, 2 ** 31, 2 ** 32 - 1].map(order)).size).toBe(4);
    expect(() => shuffle(2 ** 32 + 1, 1)).toThrow('size must be in 1..2^32');
    expect(() => shuffle(0, 1)).toThrow('received 0');
  });
});

describe('WindowSampler', () => {
  it('hands out every window once an epoch, targets one ahead', () => {
    const sampler = new WindowSampler(counting(10 * 4 + 1), { context: 4, seed: 5 });
    expect(sampler.count).toBe(10);
    const batch = sampler.batch(0, 10);
    expect([...batch.windows].sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect([...batch.inputs].sort((a, b) => a - b)).toEqual(Array.from({ length: 40 }, (_, i) => i));
    expect([...batch.targets]).toEqual([...batch.inputs].map((id) => id + 1));
    expect(sampler.batch(10, 10).windows).not.toEqual(batch.windows);
  });

  it('is the same from any starting point and batch size', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 5, max: 400 }),
        fc.integer({ min: 1, max: 8 }),
        fc.nat({ max: 500 }),
        fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 8 }),
        (length, context, position, sizes) => {
          fc.pre(length > context);
          const make = () => new WindowSampler(counting(length), { context, seed: 9 });
          const total = sizes.reduce((a, b) => a + b);
          const whole = make().batch(position, total);
          const parts = make();
          let at = position;
          const pieces = sizes.map((size) => {
            const piece = parts.batch(at, size);
            at += size;
            return [...piece.inputs];
          });
          expect(pieces.flat()).toEqual([...whole.inputs]);
        },
      ),
    );
  });

  it('reaches the tokens that fill no window in later epochs', () => {
    const sampler = new WindowSampler(counting(4 * 3 + 1 + 2), { context: 4, seed: 1 });
    const seen = new Set<number>();
    for (let epoch = 0; epoch < 20; epoch++)
      for (const id of sampler.batch(epoch * sampler.count, sampler.count).targets) seen.add(id);
    expect(seen.has(14)).toBe(true);
  });

  it('validates on the same windows, spread over the file', () => {
    const sampler = new WindowSampler(counting(100 * 2 + 1), { context: 2, seed: 1 });
    const read = () => [...sampler.evenly(2, 5)].map((b) => b.windows);
    expect(read()).toEqual([
      [0, 10, 20, 30, 40],
      [50, 60, 70, 80, 90],
    ]);
    expect(read()).toEqual(read());
    const short = new WindowSampler(counting(3 * 2 + 1), { context: 2, seed: 1 });
    expect([...short.evenly(8, 2)].map((b) => b.windows)).toEqual([[0, 1], [2]]);
  });

  it('refuses too little text', () => {
    expect(() => new WindowSampler(counting(4), { context: 4, seed: 1 }, 'train.tokens')).toThrow(
      'train.tokens: one window needs 5 tokens; received 4; give more text, or a shorter context',
    );
  });
});
