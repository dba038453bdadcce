import {
  noGrad,
  type PackedWeights,
  sampleLogits,
  scope,
  type Tensor,
  TensorError,
  tensor,
  uniform,
} from '@inkstone/tensor-core';
import type { GPT } from './gpt.js';
import type { KVCache } from './kvCache.js';
import type { Request } from './request.js';
import { chooseToken, greedyToken } from './sampling.js';

/**
 * Gives `use` the logits of the token after each of some sequences, [n, V], computing only what the cache lacks.
 *
 * @param sequences of one length
 * @param cache of as many sequences
 */
export function withNextLogits<R>(
  model: GPT,
  sequences: readonly (readonly number[])[],
  cache: KVCache | null,
  packs: PackedWeights | null,
  use: (logits: Tensor) => R,
): R {
  const { n_positions } = model.config;
  const { length } = sequences[0]!;
  // What the window holds now: all ids, until they are too many; then it starts anew, half full, again and again.
  const step = Math.ceil(n_positions / 2);
  const start = length <= n_positions ? 0 : Math.ceil((length - n_positions) / step) * step;
  const window = length - start;
  if (cache && cache.length >= window) cache.truncate(0);
  const fresh = sequences.map((ids) => ids.slice(start + (cache?.length ?? 0)));
  const compute = () =>
    scope(() => {
      const { device } = model.transformer.wte.weight;
      const shape = [fresh.length, fresh[0]!.length];
      const input = tensor(Int32Array.from(fresh.flat()), { shape, dtype: 'i32', device });
      const hidden = model.hidden(input, cache ?? undefined);
      const logits = model.logits(hidden.slice(1, -1));
      return use(logits.reshape([fresh.length, logits.shape.at(-1)!]));
    });
  return inEvaluation(model, () => noGrad(() => (packs ? packs.use(compute) : compute())));
}

// Training mode is switched off for one step only, so that a training loop may run between two tokens.
function inEvaluation<R>(model: GPT, f: () => R): R {
  const training = [...model.namedModules()].map(([, m]) => m).filter((m) => m.training);
  for (const m of training) m.training = false;
  try {
    return f();
  } finally {
    for (const m of training) m.training = true;
  }
}

/**
 * The next token of each sequence.
 *
 * @param logits [n, V]
 * @param sequences all ids of each so far
 * @throws TransformerError E_ARGUMENT for logits that are not numbers
 */
export function chooseTokens(
  model: GPT,
  logits: Tensor,
  sequences: readonly (readonly number[])[],
  { sampling, generator, tokenizer }: Request,
): number[] {
  // Rows of the embedding that the tokenizer has no token for are padding.
  const vocabulary = Math.min(tokenizer?.vocabSize ?? Infinity, model.config.vocab_size);
  const known = logits.slice(1, 0, vocabulary);
  const row = (i: number) => known.slice(0, i, i + 1).numbers();
  if (sampling.repetitionPenalty !== 1) {
    const random = () => scope(() => uniform([1], 0, 1, { dtype: 'f64', device: 'ref', generator }).item());
    return sequences.map((ids, i) => chooseToken(row(i), ids, sampling, random));
  }
  try {
    // What chooseToken would choose, without copying the vocabulary to JavaScript.
    return [...sampleLogits(known, { ...sampling, generator }).numbers()];
  } catch (e) {
    // Logits that are not numbers: it says so in this package's words.
    if (e instanceof TensorError && e.code === 'E_INDEX')
      for (let i = 0; i < sequences.length; i++) greedyToken(row(i));
    throw e;
  }
}
