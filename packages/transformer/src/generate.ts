import { setImmediate } from 'node:timers/promises';
import type { GPT } from './gpt.js';
import {
  type FinishReason,
  type GenerateOptions,
  type Generation,
  Growing,
  packsOf,
  prepare,
} from './request.js';
import { chooseTokens, withNextLogits } from './step.js';

/** One generated token. */
export interface GeneratedToken {
  readonly id: number;
  /** The text it completes, in whole characters; empty without a tokenizer or while a character is unfinished. */
  readonly text: string;
  /** Set on the last token. */
  readonly finishReason: FinishReason | null;
}

/**
 * Generates tokens one by one. The event loop gets a turn after each; memory does not grow with their number.
 *
 * @throws TransformerError E_ARGUMENT, E_LENGTH for more than the model has positions for (see `slide`); the
 *   signal's reason
 * @example
 * for await (const { text } of stream(model, { prompt: 'Once', tokenizer, temperature: 0.8, seed: 1 }))
 *   process.stdout.write(text);
 */
export async function* stream(
  model: GPT,
  options: GenerateOptions,
): AsyncGenerator<GeneratedToken, void, undefined> {
  const request = prepare(model, options);
  const growing = new Growing(request);
  const { context } = growing;
  const positions = Math.min(model.config.n_positions, context.length + request.maxNewTokens);
  const { packs, free } = packsOf(model, options.packed ?? false);
  const cache = options.cache === false ? null : model.createCache(1, positions);
  try {
    for (;;) {
      request.signal?.throwIfAborted();
      const [id] = withNextLogits(model, [context], cache, packs, (logits) =>
        chooseTokens(model, logits, [context], request),
      ) as [number];
      const text = growing.push(id);
      const { finishReason } = growing;
      yield { id, text, finishReason };
      if (finishReason !== null) return;
      await setImmediate();
    }
  } finally {
    cache?.dispose();
    free();
  }
}

/**
 * Generates tokens and returns them all; see {@link stream}.
 *
 * @example
 * const { text } = await generate(model, { prompt: 'Once', tokenizer, maxNewTokens: 50, temperature: 0 });
 */
export async function generate(model: GPT, options: GenerateOptions): Promise<Generation> {
  const ids: number[] = [];
  let text = '';
  let finishReason: FinishReason = 'length';
  for await (const token of stream(model, options)) {
    ids.push(token.id);
    text += token.text;
    finishReason = token.finishReason ?? finishReason;
  }
  return { ids, text, finishReason };
}
