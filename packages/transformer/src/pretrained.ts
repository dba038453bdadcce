import path from 'node:path';
import { type Device, type DType, noGrad, scope, type Tensor, zeros } from '@inkstone/tensor-core';
import { formatGPTConfig, type GPTConfig, readGPTConfig } from './config.js';
import { TransformerError } from './errors.js';
import { writeFileAtomic } from './files.js';
import { GPT } from './gpt.js';
import { Checkpoint, type SaveCheckpointOptions, saveCheckpoint } from './safetensors/checkpoint.js';

// GPT-2's files hold the matrices of these layers as [in, out] (its "Conv1D"), a Linear holds [out, in].
const TRANSPOSED = /\.(c_attn|c_proj|c_fc)\.weight$/;
// Causal masks that old versions of transformers saved as if they were weights.
const MASK = /^transformer\.h\.\d+\.attn\.(bias|masked_bias)$/;
const HEAD = 'lm_head.weight';
const EMBEDDING = 'transformer.wte.weight';

/** Options of {@link fromPretrained}. */
export interface FromPretrainedOptions {
  /** The weights are converted to it while they are read. Default 'f32'. */
  dtype?: DType;
  /** Default 'cpu'. */
  device?: Device;
  /** Told how many of all tensors have been read. */
  onProgress?: (done: number, total: number) => void;
  signal?: AbortSignal;
}

/**
 * The weights of a model under Hugging Face's names and in the layout of its files. Strided views of the parameters,
 * nothing is copied; call it in a scope.
 *
 * @example
 * scope(() => Object.fromEntries(exportWeights(model))['transformer.h.0.mlp.c_fc.weight'].shape); // => [8, 32]
 */
export function exportWeights(model: GPT): [string, Tensor][] {
  return [...model.namedParameters()].map(([name, p]) => [name, stored(name, p)]);
}

// A parameter as the file has it.
const stored = (name: string, p: Tensor): Tensor =>
  noGrad(() => (TRANSPOSED.test(name) ? p.transpose(0, 1) : p.detach()));

/**
 * Loads a GPT-2 model from a folder in Hugging Face's layout: `config.json` and `model.safetensors`, or its shards.
 * Names may lack the prefix `transformer.`, as those of the first checkpoints do. The model is in evaluation mode.
 *
 * @param dir the folder
 * @throws TransformerError E_WEIGHTS naming every missing, unexpected and misshapen parameter, before any is read;
 *   E_CONFIG, E_FORMAT, E_IO, E_UNSUPPORTED; TensorError E_OOM, E_DEVICE, E_DTYPE; the signal's reason
 * @example
 * const model = await fromPretrained('my-model', { dtype: 'bf16' });
 */
export async function fromPretrained(dir: string, options: FromPretrainedOptions = {}): Promise<GPT> {
  const { dtype = 'f32', device, onProgress, signal } = options;
  const { config } = await readGPTConfig(dir);
  const checkpoint = await Checkpoint.open(dir);
  try {
    const names = checkNames(dir, config, checkpoint);
    const model = new GPT(config, { dtype, device });
    try {
      const parameters = [...model.namedParameters()];
      for (const [done, [name, p]] of parameters.entries()) {
        const target = stored(name, p);
        try {
          await checkpoint.readInto(names.get(name)!, target, { signal });
        } finally {
          target.dispose();
        }
        onProgress?.(done + 1, parameters.length);
      }
      const head = names.get(HEAD);
      if (head !== undefined && model.lm_head === null) await checkTied(dir, model, checkpoint, head);
      return model.eval();
    } catch (error) {
      model.dispose();
      throw error;
    }
  } finally {
    await checkpoint.close();
  }
}

/** The shapes that the files of a model with this configuration have, by name. */
function expectedShapes(config: GPTConfig): Map<string, readonly number[]> {
  const { vocab_size: V, n_positions: T, n_embd: C, n_layer, n_inner } = config;
  const inner = n_inner ?? 4 * C;
  const shapes = new Map<string, readonly number[]>();
  const add = (layer: string, weight: readonly number[], bias?: number) => {
    shapes.set(`${layer}.weight`, weight);
    if (bias !== undefined) shapes.set(`${layer}.bias`, [bias]);
  };
  add('transformer.wte', [V, C]);
  add('transformer.wpe', [T, C]);
  for (let i = 0; i < n_layer; i++) {
    const at = `transformer.h.${i}`;
    add(`${at}.ln_1`, [C], C);
    add(`${at}.attn.c_attn`, [C, 3 * C], 3 * C);
    add(`${at}.attn.c_proj`, [C, C], C);
    add(`${at}.ln_2`, [C], C);
    add(`${at}.mlp.c_fc`, [C, inner], inner);
    add(`${at}.mlp.c_proj`, [inner, C], C);
  }
  add('transformer.ln_f', [C], C);
  if (!config.tie_word_embeddings) shapes.set(HEAD, [V, C]);
  return shapes;
}

// Compares names and shapes before anything is allocated, and maps the model's names to those of the files.
function checkNames(dir: string, config: GPTConfig, checkpoint: Checkpoint): Map<string, string> {
  const expected = expectedShapes(config);
  const names = new Map<string, string>();
  const unexpected: string[] = [];
  const misfits: string[] = [];
  for (const [file, { shape }] of checkpoint.tensors) {
    const name = file.startsWith('transformer.') || file === HEAD ? file : `transformer.${file}`;
    if (MASK.test(name)) continue;
    const wanted = name === HEAD ? expected.get(EMBEDDING)! : expected.get(name);
    if (!wanted || names.has(name)) unexpected.push(file);
    else if (wanted.join() !== shape.join())
      misfits.push(`${file} [${shape.join(', ')}] for [${wanted.join(', ')}]`);
    names.set(name, file);
  }
  const missing = [...expected.keys()].filter((name) => !names.has(name));
  const problems = [
    ['missing', missing],
    ['unexpected', unexpected],
    ['of another shape', misfits],
  ] as const;
  const received = problems
    .filter(([, list]) => list.length > 0)
    .map(([what, list]) => `${what}: ${enumerate(list)}`);
  if (received.length > 0)
    throw new TransformerError(
      'E_WEIGHTS',
      dir,
      'the weights must be those of the model in config.json',
      received.join('; '),
      'use the config.json that was saved with them',
    );
  return names;
}

// Every name, unless they are so many that something larger is wrong.
const enumerate = (names: readonly string[]): string =>
  names.length > 100 ? `${names.slice(0, 100).join(', ')} and ${names.length - 100} more` : names.join(', ');

// A tied model needs no output matrix; a file that has one must have the embedding again.
async function checkTied(dir: string, model: GPT, checkpoint: Checkpoint, name: string): Promise<void> {
  const { weight } = model.transformer.wte;
  const head = zeros(weight.shape, { dtype: weight.dtype, device: weight.device });
  try {
    await checkpoint.readInto(name, head);
    const differing = noGrad(() => scope(() => head.ne(weight).cast('f32').sum().item()));
    if (differing > 0)
      throw new TransformerError(
        'E_WEIGHTS',
        `${dir}: ${name}`,
        'must equal the embedding, since config.json says tie_word_embeddings',
        `${differing} elements that differ`,
        'set tie_word_embeddings to false in config.json',
      );
  } finally {
    head.dispose();
  }
}

/**
 * Saves a model as a folder that `fromPretrained` and transformers' `AutoModelForCausalLM` load: `config.json`,
 * `generation_config.json` and `model.safetensors` or shards. Each file is there in full or not at all.
 *
 * @throws TransformerError E_ARGUMENT, E_NO_SPACE, E_IO; the signal's reason
 * @example
 * await savePretrained(model, 'my-copy');
 */
export async function savePretrained(
  model: GPT,
  dir: string,
  options: SaveCheckpointOptions = {},
): Promise<void> {
  const { config } = model;
  const weights = exportWeights(model);
  try {
    await saveCheckpoint(dir, weights, options);
  } finally {
    for (const [, t] of weights) t.dispose();
  }
  const { bos_token_id, eos_token_id, pad_token_id } = config;
  const generation = { _from_model_config: true, bos_token_id, eos_token_id, pad_token_id };
  const json = {
    'generation_config.json': generation,
    'config.json': formatGPTConfig(config, model.transformer.wte.weight.dtype),
  };
  for (const [name, value] of Object.entries(json))
    await writeFileAtomic(path.join(dir, name), `${JSON.stringify(value, null, 2)}\n`);
}
