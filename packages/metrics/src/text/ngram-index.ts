import { checkInteger, MetricError } from '../errors.js';
import { unicodeWords } from './unicode-words.js';

/** A set of non-negative integers below 2^53, 16 bytes an entry at most. */
class IntegerSet {
  private slots = new Float64Array(1024).fill(-1);
  size = 0;

  has(value: number): boolean {
    const mask = this.slots.length - 1;
    for (let slot = (value % 0x40000000) & mask; this.slots[slot] !== -1; slot = (slot + 1) & mask) {
      if (this.slots[slot] === value) return true;
    }
    return false;
  }

  add(value: number): void {
    const mask = this.slots.length - 1;
    let slot = (value % 0x40000000) & mask;
    while (this.slots[slot] !== -1) {
      if (this.slots[slot] === value) return;
      slot = (slot + 1) & mask;
    }
    this.slots[slot] = value;
    if (++this.size * 2 <= this.slots.length) return;
    const old = this.slots;
    this.slots = new Float64Array(old.length * 2).fill(-1);
    this.size = 0;
    for (const kept of old) if (kept !== -1) this.add(kept);
  }

  *values(): Generator<number> {
    for (const value of this.slots) if (value !== -1) yield value;
  }
}

/** 53-bit hash of words[start, start + n). */
function hashOf(words: readonly string[], start: number, n: number): number {
  let a = 0x811c9dc5;
  let b = 0x9747b28c;
  for (let w = start; w < start + n; w++) {
    const word = words[w]!;
    for (let i = 0; i < word.length; i++) {
      const code = word.charCodeAt(i);
      a = Math.imul(a ^ code, 0x01000193);
      b = Math.imul(b ^ code, 0x5bd1e995);
      b ^= b >>> 13;
    }
    a = Math.imul(a ^ 0xffff, 0x01000193);
    b = Math.imul(b ^ 0xffff, 0x5bd1e995);
  }
  a ^= a >>> 15;
  a = Math.imul(a, 0x2c1b3c6d);
  a ^= a >>> 12;
  b ^= b >>> 15;
  return (a >>> 0) * 0x200000 + ((b >>> 0) & 0x1fffff);
}

/** How much of a text occurs in an index. */
export interface Overlap {
  /** N-grams of the text that are in the index. */
  readonly found: number;
  /** N-grams of the text. */
  readonly total: number;
  /** The longest run of words whose every n-gram is in the index; 0 without a hit. */
  readonly longest: number;
}

/**
 * The n-grams of a training corpus, to look for them in generated texts (memorisation) or test data (contamination).
 *
 * Words are {@link unicodeWords}: case and punctuation do not hide a copy, and Chinese works. N-grams are kept as 53-bit
 * hashes, 16 bytes each at most: an n-gram that was never seen is taken for seen with probability size / 2^53.
 *
 * @example
 * const index = new NgramIndex(3);
 * index.add('The quick brown fox jumps.');
 * index.overlap('A QUICK brown fox sleeps'); // => { found: 1, total: 3, longest: 3 }
 */
export class NgramIndex {
  private readonly set = new IntegerSet();

  /** @param order Words in an n-gram, 1 to 1000. Default 13, that of Brown et al. 2020 (arXiv:2005.14165, appendix C). */
  constructor(readonly order = 13) {
    checkInteger('NgramIndex', 'order', order, 1, 1000);
  }

  /** Number of different n-grams. */
  get size(): number {
    return this.set.size;
  }

  /** Adds the n-grams of one text. A text of fewer words adds nothing. */
  add(text: string): void {
    const words = unicodeWords(text);
    for (let i = 0; i + this.order <= words.length; i++) this.set.add(hashOf(words, i, this.order));
  }

  /** Adds everything another index of the same order has. @throws MetricError `E_MERGE` for another order. */
  merge(other: NgramIndex): void {
    if (other.order !== this.order) {
      throw new MetricError(
        'E_MERGE',
        'NgramIndex',
        `only merges with order ${this.order}`,
        String(other.order),
        'use one order',
      );
    }
    for (const value of other.set.values()) this.set.add(value);
  }

  /** Looks for the n-grams of a text. */
  overlap(text: string): Overlap {
    const words = unicodeWords(text);
    let found = 0;
    let run = 0;
    let longest = 0;
    const total = Math.max(0, words.length - this.order + 1);
    for (let i = 0; i < total; i++) {
      if (this.set.has(hashOf(words, i, this.order))) {
        found++;
        run++;
        longest = Math.max(longest, run + this.order - 1);
      } else {
        run = 0;
      }
    }
    return { found, total, longest };
  }
}
