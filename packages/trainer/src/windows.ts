import { TrainerError } from './errors.js';
import { shuffle } from './shuffle.js';
import type { TokenSource } from './token-file.js';

/** Token ids of one forward pass, on their way to a tensor. */
export interface TokenWindows {
  /** Ids, row by row, [B, T]. */
  readonly inputs: Int32Array;
  /** The id that follows each input, [B, T]. */
  readonly targets: Int32Array;
  /** B. */
  readonly batch: number;
  /** T. */
  readonly context: number;
  /** Targets in all, B T. */
  readonly tokens: number;
  /** Which windows of the file these are, to find them again. */
  readonly windows: readonly number[];
}

/**
 * Cuts tokens into windows of T inputs and their T targets, and hands them out in a seeded order: every window once
 * an epoch, each epoch in another order and shifted by another offset. The order is computed, not stored, so the
 * place in it is one number and any batch can be made again.
 *
 * @example
 * const windows = new WindowSampler(file, { context: 256, seed: 1 });
 * const first = windows.batch(0, 8); // B = 8
 * const second = windows.batch(8, 8);
 */
export class WindowSampler {
  /** Windows in an epoch. */
  readonly count: number;
  readonly context: number;
  readonly #seed: number;
  readonly #source: TokenSource;
  #epoch = -1;
  #order: (i: number) => number = (i) => i;

  /** @throws TrainerError E_EMPTY when there are fewer than T + 1 tokens. */
  constructor(source: TokenSource, { context, seed }: { context: number; seed: number }, name = 'tokens') {
    this.count = Math.floor((source.length - 1) / context);
    if (this.count < 1)
      throw new TrainerError(
        'E_EMPTY',
        name,
        `one window needs ${context + 1} tokens`,
        `${source.length}`,
        'give more text, or a shorter context',
      );
    this.context = context;
    this.#seed = seed;
    this.#source = source;
  }

  /**
   * The batch after `position` windows were handed out; it may run over the end of an epoch.
   *
   * @param position windows already used, >= 0.
   * @param size B >= 1.
   */
  batch(position: number, size: number): TokenWindows {
    const picked: number[] = [];
    const offsets: number[] = [];
    for (let i = position; i < position + size; i++) {
      const epoch = Math.floor(i / this.count);
      if (epoch !== this.#epoch) {
        this.#order = shuffle(this.count, this.#seed, epoch);
        this.#epoch = epoch;
      }
      picked.push(this.#order(i % this.count));
      offsets.push(this.#offset(epoch));
    }
    return this.#read(picked, offsets);
  }

  /**
   * Windows that lie evenly over the file, the same ones each time: what validation reads.
   *
   * @param batches how many batches at most; fewer where the file is short.
   */
  *evenly(batches: number, size: number): Generator<TokenWindows> {
    const total = Math.min(batches * size, this.count);
    for (let from = 0; from < total; from += size) {
      const length = Math.min(size, total - from);
      const picked = Array.from({ length }, (_, i) => Math.floor(((from + i) * this.count) / total));
      yield this.#read(
        picked,
        picked.map(() => 0),
      );
    }
  }

  /** Tokens at the end that fill no window would never be seen; shifting each epoch shares them out. */
  #offset(epoch: number): number {
    const slack = this.#source.length - 1 - this.count * this.context;
    return epoch === 0 || slack === 0 ? 0 : shuffle(slack + 1, this.#seed, epoch, 1)(0);
  }

  #read(picked: number[], offsets: number[]): TokenWindows {
    const T = this.context;
    const inputs = new Int32Array(picked.length * T);
    const targets = new Int32Array(picked.length * T);
    const row = new Int32Array(T + 1);
    picked.forEach((window, b) => {
      this.#source.read(window * T + offsets[b]!, row);
      inputs.set(row.subarray(0, T), b * T);
      targets.set(row.subarray(1), b * T);
    });
    return { inputs, targets, batch: picked.length, context: T, tokens: picked.length * T, windows: picked };
  }
}
