import {
  type Activation,
  crossEntropy,
  linearCrossEntropy,
  randn,
  scope,
  type Tensor,
} from '@inkstone/tensor-core';
import {
  type AttentionCache,
  Dropout,
  Embedding,
  LayerNorm,
  type LayerOptions,
  Linear,
  Module,
} from '@inkstone/tensor-core/nn';
import { GPTAttention } from './attention.js';
import { type GPTConfig, type GPTConfigInput, gptConfig } from './config.js';
import { TransformerError } from './errors.js';
import { KVCache } from './kvCache.js';

const ACTIVATIONS: Readonly<Record<GPTConfig['activation_function'], Activation>> = {
  gelu_new: 'geluTanh',
  gelu_pytorch_tanh: 'geluTanh',
  gelu: 'gelu',
  silu: 'silu',
  swish: 'silu',
  relu: 'relu',
};

/** Options of {@link GPT.loss}. */
export interface LossOptions {
  /** Targets that count for nothing. Default -100. */
  ignoreIndex?: number;
  /** Probability spread evenly over all tokens, in [0, 1]. Default 0. */
  labelSmoothing?: number;
  /** Default 'mean', over the targets that count; 'none' gives [B, T]. */
  reduction?: 'mean' | 'sum' | 'none';
}

/** GPT-2's feed-forward layer: c_proj(activation(c_fc(x))). */
export class GPTMlp extends Module {
  readonly c_fc: Linear;
  readonly c_proj: Linear;
  readonly dropout: Dropout;
  private readonly activation: Activation;

  constructor(config: GPTConfig, options: LayerOptions) {
    super();
    const inner = config.n_inner ?? 4 * config.n_embd;
    this.c_fc = new Linear(config.n_embd, inner, options);
    this.c_proj = new Linear(inner, config.n_embd, options);
    this.dropout = new Dropout(config.resid_pdrop, options);
    this.activation = ACTIVATIONS[config.activation_function];
  }

  /**
   * The activation is applied as c_proj reads its input, so no tensor of the inner width is written for it.
   * @param x float, [.., C]
   * @param residual added to the result, [.., C]
   */
  forward(x: Tensor, residual?: Tensor): Tensor {
    const { activation: inputActivation } = this;
    const hidden = this.c_fc.forward(x);
    if (!this.dropout.active) return this.c_proj.forward(hidden, { inputActivation, residual });
    const y = this.dropout.forward(this.c_proj.forward(hidden, { inputActivation }));
    return residual ? residual.add(y) : y;
  }
}

/** One pre-norm block: x + attn(ln_1(x)), then x + mlp(ln_2(x)). */
export class GPTBlock extends Module {
  readonly ln_1: LayerNorm;
  readonly attn: GPTAttention;
  readonly ln_2: LayerNorm;
  readonly mlp: GPTMlp;

  constructor(config: GPTConfig, layer: number, options: LayerOptions) {
    super();
    const norm = { ...options, eps: config.layer_norm_epsilon };
    this.ln_1 = new LayerNorm(config.n_embd, norm);
    this.attn = new GPTAttention(config, layer, options);
    this.ln_2 = new LayerNorm(config.n_embd, norm);
    this.mlp = new GPTMlp(config, options);
  }

  /** @param x float, [B, T, C] */
  forward(x: Tensor, cache?: AttentionCache): Tensor {
    const h = this.attn.forward(this.ln_1.forward(x), cache, x);
    return this.mlp.forward(this.ln_2.forward(h), h);
  }
}

/** Embeddings, blocks and the last normalization: GPT-2 without its output matrix. */
export class GPTBody extends Module {
  /** Tokens, [V, C] */
  readonly wte: Embedding;
  /** Positions, [T, C] */
  readonly wpe: Embedding;
  readonly drop: Dropout;
  readonly h: GPTBlock[];
  readonly ln_f: LayerNorm;

  constructor(config: GPTConfig, options: LayerOptions) {
    super();
    this.wte = new Embedding(config.vocab_size, config.n_embd, options);
    this.wpe = new Embedding(config.n_positions, config.n_embd, options);
    this.drop = new Dropout(config.embd_pdrop, options);
    this.h = Array.from({ length: config.n_layer }, (_, layer) => new GPTBlock(config, layer, options));
    this.ln_f = new LayerNorm(config.n_embd, { ...options, eps: config.layer_norm_epsilon });
  }

  /** @param ids i32, [B, T] @param cache earlier positions @returns [B, T, C] */
  forward(ids: Tensor, cache?: KVCache): Tensor {
    const T = ids.shape[1]!;
    const start = cache?.length ?? 0;
    // A scope for each block frees at once what neither the next block nor the gradient needs.
    let x = scope(() => {
      const positions = this.wpe.weight.slice(0, start, start + T);
      return this.drop.forward(this.wte.forward(ids).add(positions));
    });
    for (const [layer, block] of this.h.entries()) {
      const next = scope(() => block.forward(x, cache?.layer(layer)));
      x.dispose();
      x = next;
    }
    cache?.advance(T);
    const y = this.ln_f.forward(x);
    x.dispose();
    return y;
  }
}

/**
 * A GPT-2 language model: learned positions, pre-norm blocks, and an output matrix tied to the embedding.
 *
 * Its modules have Hugging Face's names, so `namedParameters()` gives `transformer.h.0.attn.c_attn.weight` and so on;
 * matrices are [out, in] in memory, as in every Linear, and [in, out] in files, as GPT-2's are.
 *
 * Radford et al., Language Models are Unsupervised Multitask Learners, 2019, section 2.3.
 *
 * @example
 * const gpt = new GPT({ vocab_size: 4096, n_positions: 256, n_embd: 96, n_layer: 2, n_head: 6 });
 * const loss = gpt.loss(ids, targets);
 * loss.backward();
 */
export class GPT extends Module {
  readonly config: GPTConfig;
  readonly transformer: GPTBody;
  /** The output matrix [V, C]; null when it is the embedding. */
  readonly lm_head: Linear | null;

  /**
   * Makes a model with random weights: normal of standard deviation `initializer_range`, that of residual
   * projections divided by sqrt(2 * n_layer); biases 0, norms 1.
   *
   * @param options.generator decides the weights, and dropout from then on; the default generator otherwise
   * @throws TransformerError E_CONFIG; TensorError E_OOM, E_DEVICE, E_DTYPE
   */
  constructor(config: GPTConfigInput | GPTConfig, options: LayerOptions = {}) {
    super();
    this.config = gptConfig(config as GPTConfigInput);
    this.transformer = new GPTBody(this.config, options);
    const { n_embd, vocab_size, tie_word_embeddings, initializer_range, n_layer } = this.config;
    this.lm_head = tie_word_embeddings ? null : new Linear(n_embd, vocab_size, { ...options, bias: false });
    for (const [path, p] of this.namedParameters())
      scope(() => {
        if (p.rank === 2) {
          const std = initializer_range / (path.endsWith('c_proj.weight') ? Math.sqrt(2 * n_layer) : 1);
          p.copy_(randn(p.shape, { ...options, std }));
        } else p.fill_(/ln_\w+\.weight$/.test(path) ? 1 : 0);
      });
  }

  /** The number of parameters; a tied output matrix counts once. */
  get size(): number {
    let n = 0;
    for (const p of this.parameters()) n += p.size;
    return n;
  }

  /**
   * The logits of the token after each position.
   *
   * @param ids i32, [B, T], each in [0, V)
   * @param cache positions that came before; `ids` are appended to it
   * @returns [B, T, V]
   * @throws TransformerError E_LENGTH beyond `n_positions`, E_ARGUMENT; TensorError E_INDEX for an id that is no token
   */
  forward(ids: Tensor, cache?: KVCache): Tensor {
    return scope(() => this.logits(this.hidden(ids, cache)));
  }

  /** The last hidden states, [B, T, C]; see {@link GPT.forward}. */
  hidden(ids: Tensor, cache?: KVCache): Tensor {
    if (ids.rank !== 2 || ids.size === 0)
      throw new TransformerError(
        'E_ARGUMENT',
        'GPT.forward',
        'ids must be [B, T] with at least one token',
        `[${ids.shape.join(', ')}]`,
        'reshape them, or add a start token',
      );
    const end = ids.shape[1]! + (cache?.length ?? 0);
    if (end > this.config.n_positions)
      throw new TransformerError(
        'E_LENGTH',
        'GPT.forward',
        `the model has ${this.config.n_positions} positions`,
        `${end}`,
        'give it fewer tokens',
      );
    return this.transformer.forward(ids, cache);
  }

  /** Hidden states [.., C] to logits [.., V]. */
  logits(hidden: Tensor): Tensor {
    return hidden.linear(this.outputWeight);
  }

  private get outputWeight(): Tensor {
    return (this.lm_head ?? this.transformer.wte).weight;
  }

  /**
   * The mean cross-entropy of the targets, in nats per token. With reduction 'mean' or 'sum' the logits never exist all
   * at once.
   *
   * @param ids i32, [B, T]
   * @param targets i32, [B, T]: the token after each; -100 where there is none to predict
   * @returns a scalar, f32 (f64 for a model in f64)
   * @throws as {@link GPT.forward}; TensorError E_SHAPE
   */
  loss(ids: Tensor, targets: Tensor, options: LossOptions = {}): Tensor {
    return scope(() => {
      const { reduction = 'mean', ...rest } = options;
      if (reduction === 'none') return crossEntropy(this.forward(ids), targets, options);
      return linearCrossEntropy(this.hidden(ids), this.outputWeight, targets, { ...rest, reduction });
    });
  }

  /** An empty cache for this model. @param positions default `n_positions` */
  createCache(batch = 1, positions = this.config.n_positions): KVCache {
    const { n_layer, n_head, n_embd } = this.config;
    const { dtype, device } = this.transformer.wte.weight;
    return new KVCache({
      layers: n_layer,
      batch,
      positions,
      heads: n_head,
      headWidth: n_embd / n_head,
      dtype,
      device,
    });
  }
}
