import { TensorError } from '../errors.js';
import { rope } from '../ops/rope.js';
import { sdpa } from '../ops/sdpa.js';
import type { Generator } from '../random.js';
import type { Tensor } from '../tensor.js';
import { Dropout } from './dropout.js';
import { type LayerOptions, Linear } from './linear.js';
import { Module } from './module.js';

/** Keys and values of earlier positions; a decoder's cache implements it. */
export interface AttentionCache {
  /** How many positions it holds. */
  readonly length: number;
  /** Appends k and v [B, T, G, D] and returns views of all positions so far. */
  append(k: Tensor, v: Tensor): { k: Tensor; v: Tensor };
}

/** Options of {@link SelfAttention}. */
export interface SelfAttentionOptions extends LayerOptions {
  heads: number;
  /** Key-value heads, a divisor of heads. Default: as many as heads. */
  groups?: number;
  /** Position t sees t and earlier. Default true. */
  causal?: boolean;
  bias?: boolean;
  /** Dropout on the output projection. Default 0. */
  dropout?: number;
  /** Base of rotary position embedding; none by default. */
  ropeTheta?: number;
}

/**
 * Multi-head self-attention with one fused projection for queries, keys and values.
 *
 * Vaswani et al., Attention Is All You Need, 2017, section 3.2.2; grouped heads: Ainslie et al., GQA, 2023.
 *
 * @example
 * new SelfAttention(C, { heads: 2 }).forward(x).shape; // => [B, T, C]
 */
export class SelfAttention extends Module {
  /** [C] to [C + 2 * groups * D] */
  readonly qkv: Linear;
  readonly proj: Linear;
  readonly drop: Dropout;
  readonly heads: number;
  readonly groups: number;
  readonly headWidth: number;
  readonly causal: boolean;
  readonly ropeTheta?: number;

  /** @throws TensorError E_SHAPE when heads do not divide the width, or groups the heads. */
  constructor(
    readonly width: number,
    {
      heads,
      groups = heads,
      causal = true,
      bias = true,
      dropout = 0,
      ropeTheta,
      ...options
    }: SelfAttentionOptions,
  ) {
    super();
    if (width % heads !== 0 || heads % groups !== 0)
      throw new TensorError(
        'E_SHAPE',
        'SelfAttention',
        'heads must divide the width, and groups the heads',
        `width ${width}, heads ${heads}, groups ${groups}`,
      );
    this.heads = heads;
    this.groups = groups;
    this.headWidth = width / heads;
    this.causal = causal;
    this.ropeTheta = ropeTheta;
    this.qkv = new Linear(width, (heads + 2 * groups) * this.headWidth, { ...options, bias });
    this.proj = new Linear(width, width, { ...options, bias });
    this.drop = new Dropout(dropout, { generator: options.generator as Generator | undefined });
  }

  /** @param x float, [B, T, C] @param cache earlier positions, in generation */
  forward(x: Tensor, cache?: AttentionCache): Tensor {
    const [B, T] = x.shape as [number, number, number];
    const D = this.headWidth;
    const [q, k, v] = this.qkv.forward(x).split([this.heads * D, this.groups * D, this.groups * D], -1) as [
      Tensor,
      Tensor,
      Tensor,
    ];
    const offset = cache?.length ?? 0;
    const turn = (t: Tensor) => (this.ropeTheta ? rope(t, { theta: this.ropeTheta, offset }) : t);
    const query = turn(q.reshape([B, T, this.heads, D]));
    let keys = turn(k.reshape([B, T, this.groups, D]));
    let values = v.reshape([B, T, this.groups, D]);
    if (cache) ({ k: keys, v: values } = cache.append(keys, values));
    const y = sdpa(query, keys, values, { causal: this.causal });
    return this.drop.forward(this.proj.forward(y.reshape([B, T, this.width])));
  }
}
