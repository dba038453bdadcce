import path from 'node:path';
import type { DType } from '@inkstone/tensor-core';
import { z } from 'zod';
import { describe, TransformerError } from './errors.js';
import { readJsonObject } from './files.js';

const count = z.number().int().positive().max(2_147_483_647);
const dropout = z.number().min(0).lt(1);
const tokenId = z.number().int().nonnegative();

const schema = z.strictObject({
  vocab_size: count.default(50257),
  n_positions: count.default(1024),
  n_embd: count.default(768),
  n_layer: count.max(10_000).default(12),
  n_head: count.default(12),
  n_inner: count.nullable().default(null),
  activation_function: z
    .enum(['gelu_new', 'gelu_pytorch_tanh', 'gelu', 'silu', 'swish', 'relu'])
    .default('gelu_new'),
  resid_pdrop: dropout.default(0.1),
  embd_pdrop: dropout.default(0.1),
  attn_pdrop: dropout.default(0.1),
  layer_norm_epsilon: z.number().positive().default(1e-5),
  initializer_range: z.number().positive().default(0.02),
  scale_attn_weights: z.boolean().default(true),
  scale_attn_by_inverse_layer_idx: z.boolean().default(false),
  tie_word_embeddings: z.boolean().default(true),
  bos_token_id: tokenId.nullable().optional(),
  eos_token_id: z
    .union([tokenId, z.array(tokenId).min(1)])
    .nullable()
    .optional(),
  pad_token_id: tokenId.nullable().default(null),
});

/**
 * A GPT-2 model, under the names and with the defaults of Hugging Face's `config.json`.
 *
 * - `vocab_size` V, `n_positions` the most positions T, `n_embd` C, `n_layer` blocks, `n_head` heads of C / n_head
 * - `n_inner` width of the MLP, 4 C when null; `activation_function` its non-linearity
 * - `embd_pdrop`, `resid_pdrop`, `attn_pdrop` dropout in [0, 1) of embeddings, of what joins the residual stream, and
 *   of attention weights (above 0, training attention holds [B, H, T, T])
 * - `initializer_range` standard deviation of initial weights
 * - `scale_attn_weights` multiplies scores by 1 / sqrt(C / n_head), `scale_attn_by_inverse_layer_idx` also by
 *   1 / (layer + 1)
 * - `tie_word_embeddings` the output matrix is the embedding
 * - `bos_token_id`, `eos_token_id`, `pad_token_id` special ids; 50256 for the first two where the vocabulary has it
 */
export type GPTConfig = Readonly<
  Required<z.output<typeof schema>> & {
    bos_token_id: number | null;
    eos_token_id: number | readonly number[] | null;
  }
>;

/** A {@link GPTConfig} in which anything with a default may be left out. */
export type GPTConfigInput = z.input<typeof schema>;

/**
 * Fills in the defaults of a configuration and checks it.
 *
 * @throws TransformerError E_CONFIG that names every key at fault, unknown ones included
 * @example
 * gptConfig({ vocab_size: 4096, n_positions: 256, n_embd: 384, n_layer: 6, n_head: 6 }).eos_token_id; // => null
 */
export function gptConfig(input: GPTConfigInput, name = 'config'): GPTConfig {
  const result = schema.safeParse(input);
  if (!result.success) {
    const rules = result.error.issues.map((issue) => {
      const keys = issue.code === 'unrecognized_keys' ? issue.keys : [issue.path.join('.')];
      return `${keys.join(', ')}: ${issue.message}`;
    });
    const keys = result.error.issues.map((issue) => issue.path[0]).filter((key) => key !== undefined);
    const received = Object.fromEntries(
      keys.map((key) => [key, (input as Record<PropertyKey, unknown>)[key]]),
    );
    throw configError(name, rules.join('; '), describe(keys.length > 0 ? received : input));
  }
  const { bos_token_id, eos_token_id, ...config } = result.data;
  if (config.n_embd % config.n_head !== 0)
    throw configError(`${name}.n_embd`, `must be a multiple of n_head, ${config.n_head}`, `${config.n_embd}`);
  const endOfText = config.vocab_size > 50256 ? 50256 : null;
  return Object.freeze({
    ...config,
    bos_token_id: bos_token_id === undefined ? endOfText : bos_token_id,
    eos_token_id: eos_token_id === undefined ? endOfText : eos_token_id,
  });
}

const configError = (subject: string, expected: string, received: string) =>
  new TransformerError('E_CONFIG', subject, expected, received, 'correct the configuration');

// Names that transformers accepts for the same fields.
const ALIASES = {
  hidden_size: 'n_embd',
  max_position_embeddings: 'n_positions',
  num_attention_heads: 'n_head',
  num_hidden_layers: 'n_layer',
} as const;

const TORCH_DTYPES: Readonly<Record<string, DType>> = {
  float32: 'f32',
  float64: 'f64',
  bfloat16: 'bf16',
  float16: 'f16',
};

/** What a model folder's config.json says. */
export interface ParsedConfig {
  readonly config: GPTConfig;
  /** The dtype of the weights, from `dtype` (transformers 5) or `torch_dtype` (4); null when it does not say. */
  readonly dtype: DType | null;
}

/**
 * Reads the object of a `config.json`. Keys that do not change what a language model computes are passed over; a
 * value that would, and that is not carried out here, is an error.
 *
 * @param name the file, for messages
 * @throws TransformerError E_CONFIG, E_UNSUPPORTED
 * @example
 * parseGPTConfig({ model_type: 'gpt2', n_layer: 2 }).config.n_layer; // => 2
 */
export function parseGPTConfig(json: Readonly<Record<string, unknown>>, name = 'config.json'): ParsedConfig {
  const unsupported = (key: string, expected: string) =>
    new TransformerError(
      'E_UNSUPPORTED',
      `${name}: ${key}`,
      expected,
      describe(json[key]),
      'use a GPT-2 language model without this feature',
    );
  if (json.model_type !== 'gpt2') throw unsupported('model_type', "must be 'gpt2'");
  if (json.add_cross_attention === true) throw unsupported('add_cross_attention', 'must be false');
  if (json.is_encoder_decoder === true) throw unsupported('is_encoder_decoder', 'must be false');
  if (json.quantization_config != null) throw unsupported('quantization_config', 'must be absent');
  if (Object.keys(json.pruned_heads ?? {}).length > 0) throw unsupported('pruned_heads', 'must be empty');
  const activations = schema.shape.activation_function.unwrap().options;
  if (json.activation_function !== undefined && !activations.includes(json.activation_function as never))
    throw unsupported('activation_function', `must be one of ${activations.join(', ')}`);

  const own: Record<string, unknown> = {};
  for (const key of Object.keys(schema.shape)) if (json[key] !== undefined) own[key] = json[key];
  for (const [alias, key] of Object.entries(ALIASES)) {
    if (json[alias] === undefined) continue;
    if (own[key] !== undefined && own[key] !== json[alias])
      throw configError(
        `${name}: ${alias}`,
        `must equal ${key}, ${describe(own[key])}`,
        describe(json[alias]),
      );
    own[key] = json[alias];
  }
  const stored = json.dtype ?? json.torch_dtype;
  const dtype = typeof stored === 'string' ? TORCH_DTYPES[stored.replace(/^torch\./, '')] : undefined;
  if (stored != null && dtype === undefined)
    throw unsupported(
      json.dtype != null ? 'dtype' : 'torch_dtype',
      `must be one of ${Object.keys(TORCH_DTYPES).join(', ')}`,
    );
  return { config: gptConfig(own as GPTConfigInput, name), dtype: dtype ?? null };
}

/**
 * Reads the `config.json` of a model folder.
 * @throws TransformerError E_IO, E_FORMAT, E_CONFIG, E_UNSUPPORTED
 * @example
 * const { config, dtype } = await readGPTConfig('my-model');
 */
export async function readGPTConfig(dir: string): Promise<ParsedConfig> {
  const file = path.join(dir, 'config.json');
  return parseGPTConfig(await readJsonObject(file), file);
}

/**
 * The object of a `config.json` that transformers' AutoModelForCausalLM accepts.
 * @param dtype of the stored weights, default 'f32'
 * @example
 * formatGPTConfig(gptConfig({}), 'bf16').dtype; // => 'bfloat16'
 */
export function formatGPTConfig(config: GPTConfig, dtype: DType = 'f32'): Record<string, unknown> {
  const name = Object.keys(TORCH_DTYPES).find((key) => TORCH_DTYPES[key] === dtype);
  return { architectures: ['GPT2LMHeadModel'], model_type: 'gpt2', ...config, dtype: name ?? null };
}
