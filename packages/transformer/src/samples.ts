import { setImmediate } from 'node:timers/promises';
import type { PackedWeights } from '@inkstone/tensor-core';
import { TransformerError } from './errors.js';
import type { GPT } from './gpt.js';
import { type GenerateOptions, type Generation, Growing, packsOf, prepare } from './request.js';
import { chooseTokens, withNextLogits } from './step.js';

/** What to generate many times, and how. */
export interface SamplesOptions extends Omit<GenerateOptions, 'cache'> {
  /** How many texts. */
  samples: number;
  /**
   * Products use packed weights (PackedWeights of tensor-core): for 9 to 64 samples packing them on every step would take
   * most of the time. The packs are a second copy of the model's matrices while it generates; give packs of your own to
   * share them between generations, or false to save the memory. Default true from four samples on.
   */
  packed?: boolean | PackedWeights;
}

/**
 * Several continuations of one prompt, generated together: each step reads the weights once for all of them, and the prompt
 * is computed once. The event loop gets a turn after each step.
 *
 * Texts that have ended are left out of the batch when they are half of it. One seed gives one list of texts; it is not the
 * list that as many calls of {@link generate} would give, since the draws come from one stream.
 *
 * @returns one generation for each sample, in order
 * @throws TransformerError E_ARGUMENT, E_LENGTH; TensorError E_OOM; the signal's reason
 * @example
 * const texts = await generateSamples(model, { prompt: 'Once', tokenizer, samples: 16, maxNewTokens: 5, seed: 1 });
 * texts.length; // => 16
 */
export async function generateSamples(model: GPT, options: SamplesOptions): Promise<Generation[]> {
  const request = prepare(model, options);
  const { samples } = options;
  if (!Number.isSafeInteger(samples) || samples < 1)
    throw new TransformerError(
      'E_ARGUMENT',
      'samples',
      'must be a positive integer',
      `${samples}`,
      'ask for 1',
    );
  const texts = Array.from({ length: samples }, () => new Growing(request));
  const positions = Math.min(model.config.n_positions, request.ids.length + request.maxNewTokens);
  const { packs, free } = packsOf(model, options.packed ?? samples >= 4);
  let cache = model.createCache(1, positions);
  // The cache holds these rows instead.
  const select = (rows: readonly number[]) => {
    const next = cache.select(rows);
    cache.dispose();
    cache = next;
  };
  try {
    // The texts that the cache's rows belong to; the prompt is computed for one row alone.
    let batch = texts;
    for (let first = true; ; first = false) {
      request.signal?.throwIfAborted();
      const sequences = batch.map((t) => t.context);
      const ids = withNextLogits(model, first ? [request.ids] : sequences, cache, packs, (logits) =>
        chooseTokens(model, first ? logits.expand([samples, logits.shape[1]!]) : logits, sequences, request),
      );
      for (const [i, text] of batch.entries()) text.push(ids[i]!);
      const growing = batch.flatMap((text, i) => (text.finishReason === null ? [i] : []));
      if (growing.length === 0) break;
      const fewer = growing.length <= batch.length / 2;
      if (first) select(fewer ? growing.map(() => 0) : batch.map(() => 0));
      else if (fewer) select(growing);
      if (fewer) batch = growing.map((i) => batch[i]!);
      await setImmediate();
    }
  } finally {
    cache.dispose();
    free();
  }
  return texts.map(({ ids, text, finishReason }) => ({ ids, text, finishReason: finishReason! }));
}
