import { type Device, type DType, keep, noGrad, scope, type Tensor, zeros } from '@inkstone/tensor-core';
import type { AttentionCache } from '@inkstone/tensor-core/nn';
import { TransformerError } from './errors.js';

/** The size of a {@link KVCache}. */
export interface KVCacheOptions {
  layers: number;
  batch: number;
  /** The most positions it can hold. */
  positions: number;
  heads: number;
  headWidth: number;
  /** Default 'f32'. */
  dtype?: DType;
  /** Default 'cpu'. */
  device?: Device;
}

/**
 * Keys and values of every position so far, allocated once: 2 * layers * batch * positions * heads * headWidth
 * elements. Generation then costs one position per token instead of all of them.
 *
 * @example
 * using cache = model.createCache(); // a KVCache of the model's size
 * model.forward(ids, cache);
 * model.forward(tensor([[7]], { dtype: 'i32' }), cache).shape; // => [1, 1, 300]
 * cache.length; // => 5
 */
export class KVCache implements Disposable {
  private readonly slabs: readonly { k: Tensor; v: Tensor }[];
  private used = 0;
  readonly positions: number;
  /** How many sequences it holds. */
  readonly batch: number;

  constructor(private readonly options: KVCacheOptions) {
    const { layers, batch, positions, heads, headWidth, dtype, device } = options;
    this.positions = positions;
    this.batch = batch;
    const slab = () => keep(zeros([batch, positions, heads, headWidth], { dtype, device }));
    this.slabs = Array.from({ length: layers }, () => ({ k: slab(), v: slab() }));
  }

  /** How many positions it holds. */
  get length(): number {
    return this.used;
  }

  /** The part of one layer. Every layer appends the same positions before {@link KVCache.advance} counts them. */
  layer(index: number): AttentionCache {
    const { k: keys, v: values } = this.slabs[index]!;
    const { used } = this;
    return {
      length: used,
      append: (k, v) => {
        const end = used + k.shape[1]!;
        this.requireRoom(end);
        for (const [slab, part] of [
          [keys, k],
          [values, v],
        ] as const)
          noGrad(() => scope(() => void slab.slice(1, used, end).copy_(part)));
        return { k: keys.slice(1, 0, end), v: values.slice(1, 0, end) };
      },
    };
  }

  /**
   * Counts positions that every layer has appended.
   * @throws TransformerError E_LENGTH
   */
  advance(count: number): void {
    this.requireRoom(this.used + count);
    this.used += count;
  }

  /** Forgets all positions from `length` on, so that they can be computed anew. */
  truncate(length: number): void {
    this.used = Math.min(this.used, Math.max(0, length));
  }

  /**
   * A new cache whose sequence i holds what sequence `rows[i]` holds here: sequences may be repeated, as when one prompt is
   * continued in many ways, or left out when they have ended.
   *
   * @throws TransformerError E_ARGUMENT for a row that is not there; TensorError E_OOM
   */
  select(rows: readonly number[]): KVCache {
    const foreign = rows.find((r) => !Number.isInteger(r) || r < 0 || r >= this.batch);
    if (foreign !== undefined || rows.length === 0)
      throw new TransformerError(
        'E_ARGUMENT',
        'KVCache.select',
        `rows must be some of 0 to ${this.batch - 1}`,
        foreign === undefined ? 'none' : `${foreign}`,
        'make a new cache for other sequences',
      );
    const copy = new KVCache({ ...this.options, batch: rows.length });
    copy.used = this.used;
    noGrad(() =>
      scope(() => {
        for (const [layer, { k, v }] of this.slabs.entries()) {
          const to = copy.slabs[layer]!;
          for (const [i, row] of rows.entries())
            for (const [slab, from] of [
              [to.k, k],
              [to.v, v],
            ] as const)
              slab
                .slice(0, i, i + 1)
                .slice(1, 0, this.used)
                .copy_(from.slice(0, row, row + 1).slice(1, 0, this.used));
        }
      }),
    );
    return copy;
  }

  /** Frees its memory. */
  dispose(): void {
    for (const { k, v } of this.slabs) {
      k.dispose();
      v.dispose();
    }
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  private requireRoom(end: number): void {
    if (end > this.positions)
      throw new TransformerError(
        'E_LENGTH',
        'KVCache',
        `it holds at most ${this.positions} positions`,
        `${end}`,
        'make a larger cache, or truncate it',
      );
  }
}
