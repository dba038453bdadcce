import { TrainerError } from './errors.js';

/** Mixes 32 bits: the finaliser of MurmurHash3 (Appleby), where every input bit moves every output bit. */
function mix(x: number): number {
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
  return (x ^ (x >>> 16)) >>> 0;
}

const ROUNDS = 8;

/**
 * A seeded permutation of `0..size-1` whose every entry is computed on its own: no table, and any place in the order
 * can be returned to. A balanced Feistel network over the next even power of two, walked until it lands inside
 * (Black and Rogaway, "Ciphers with Arbitrary Finite Domains", CT-RSA 2002, sections 3 and 4).
 *
 * @param size 1 <= size <= 2^32.
 * @param keys whole numbers; together they choose the permutation.
 * @returns the entry at `i`, `0 <= i < size`.
 * @throws TrainerError E_CONFIG when size is out of range.
 * @example
 * const order = shuffle(1000, 42, 0);
 * order(0); // which of the 1000 comes first
 */
export function shuffle(size: number, ...keys: number[]): (i: number) => number {
  if (!Number.isInteger(size) || size < 1 || size > 2 ** 32)
    throw new TrainerError('E_CONFIG', 'shuffle', 'size must be in 1..2^32', `${size}`, 'use longer windows');
  const half = Math.max(1, Math.ceil(Math.log2(size) / 2));
  const mask = half === 16 ? 0xffff : (1 << half) - 1;
  const base = keys.reduce((hash, key) => mix(hash ^ mix(key >>> 0) ^ 0x9e3779b9), 0);
  const roundKeys = Array.from({ length: ROUNDS }, (_, round) =>
    mix(base + Math.imul(round + 1, 0x9e3779b9)),
  );
  return (i) => {
    do {
      let left = Math.floor(i / 2 ** half);
      let right = i % 2 ** half;
      for (const key of roundKeys) [left, right] = [right, (left ^ mix(right ^ key)) & mask];
      i = left * 2 ** half + right;
    } while (i >= size);
    return i;
  };
}
