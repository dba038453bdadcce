import {
  arange,
  dropout,
  type Generator,
  matmul,
  sdpa,
  softmax,
  type Tensor,
  where,
} from '@inkstone/tensor-core';
import { type AttentionCache, Dropout, type LayerOptions, Linear, Module } from '@inkstone/tensor-core/nn';
import type { GPTConfig } from './config.js';

/**
 * GPT-2's causal self-attention; its parameters have Hugging Face's names.
 *
 * Vaswani et al., Attention Is All You Need, 2017, section 3.2.
 */
export class GPTAttention extends Module {
  /** [C] to queries, keys and values, [3 C] */
  readonly c_attn: Linear;
  readonly c_proj: Linear;
  readonly resid_dropout: Dropout;
  private readonly heads: number;
  private readonly scale: number;
  private readonly weightDropout: number;
  private readonly generator: Generator | undefined;

  constructor(config: GPTConfig, layer: number, options: LayerOptions) {
    super();
    const { n_embd: width, n_head } = config;
    this.heads = n_head;
    this.weightDropout = config.attn_pdrop;
    this.generator = options.generator;
    this.scale =
      (config.scale_attn_weights ? 1 / Math.sqrt(width / n_head) : 1) /
      (config.scale_attn_by_inverse_layer_idx ? layer + 1 : 1);
    this.c_attn = new Linear(width, 3 * width, options);
    this.c_proj = new Linear(width, width, options);
    this.resid_dropout = new Dropout(config.resid_pdrop, options);
  }

  /**
   * @param x float, [B, T, C]
   * @param cache the layer's earlier keys and values
   * @param residual added to the result, [B, T, C]
   * @returns [B, T, C]
   */
  forward(x: Tensor, cache?: AttentionCache, residual?: Tensor): Tensor {
    const [B, T, C] = x.shape as [number, number, number];
    const [q, k, v] = this.c_attn
      .forward(x)
      .split([C, C, C], -1)
      .map((t) => t.reshape([B, T, this.heads, C / this.heads])) as [Tensor, Tensor, Tensor];
    const seen = cache ? cache.append(k, v) : { k, v };
    const drops = this.training && this.weightDropout > 0;
    const y = drops
      ? this.withDropout(q, seen.k, seen.v)
      : sdpa(q, seen.k, seen.v, { causal: true, scale: this.scale });
    const heads = y.reshape([B, T, C]);
    if (!this.resid_dropout.active) return this.c_proj.forward(heads, { residual });
    const projected = this.resid_dropout.forward(this.c_proj.forward(heads));
    return residual ? residual.add(projected) : projected;
  }

  // The fused kernel never has the weights, so dropping some of them takes the long way, with [B, H, T, S] in memory.
  private withDropout(q: Tensor, k: Tensor, v: Tensor): Tensor {
    const [T, S] = [q.shape[1]!, k.shape[1]!];
    const [qh, kh, vh] = [q, k, v].map((t) => t.transpose(1, 2)) as [Tensor, Tensor, Tensor];
    const scores = matmul(qh, kh.transpose(2, 3)).mul(this.scale);
    const { device } = q;
    const past = arange(S - T, S, 1, { device })
      .reshape([T, 1])
      .ge(arange(0, S, 1, { device }).reshape([1, S]));
    const weights = softmax(where(past, scores, Number.NEGATIVE_INFINITY));
    return matmul(dropout(weights, this.weightDropout, { generator: this.generator }), vh).transpose(1, 2);
  }
}
