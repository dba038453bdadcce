import { setImmediate } from 'node:timers/promises';
import {
  defaultGenerator,
  Generator,
  noGrad,
  sampleLogits,
  scope,
  type Tensor,
  TensorError,
  tensor,
  uniform,
} from '@inkstone/tensor-core';
import type { Tokenizer } from '@inkstone/tokenizer';
import { describe, TransformerError } from './errors.js';
import type { GPT } from './gpt.js';
import type { KVCache } from './kvCache.js';
import { chooseToken, greedyToken, type SamplingOptions, samplingOptions } from './sampling.js';
import { StopStrings } from './stopStrings.js';

/** Why a generation ended: an end-of-text token, a stop string, or as many tokens as were allowed. */
export type FinishReason = 'eos' | 'stop' | 'length';

/** What to generate, and how. */
export interface GenerateOptions extends SamplingOptions {
  /** Text (with a tokenizer), or token ids. When it is empty, `bos_token_id` of the model's configuration. */
  prompt: string | ArrayLike<number>;
  /** Turns text prompts into ids, and ids into text. */
  tokenizer?: Tokenizer;
  /** Default: as many as the model has positions for after the prompt. */
  maxNewTokens?: number;
  /** Strings that end the text; they are not part of it. Needs a tokenizer. */
  stop?: string | readonly string[];
  /** Ids that end it. Default `eos_token_id` of the model's configuration; [] for none. */
  eosTokenId?: number | readonly number[];
  /** Decides every draw. Default: the default generator of tensor-core goes on. */
  seed?: number;
  /** Where draws come from, instead of a seed. */
  generator?: Generator;
  /**
   * What happens when the model's positions are used up: false refuses a request that could come to that; true goes
   * on with the last half of the positions computed anew as if they were the beginning. Default false.
   */
  slide?: boolean;
  /** Keeps keys and values of earlier positions, which changes nothing but the speed. Default true. */
  cache?: boolean;
  signal?: AbortSignal;
}

/** One generated token. */
export interface GeneratedToken {
  readonly id: number;
  /** The text it completes, in whole characters; empty without a tokenizer or while a character is unfinished. */
  readonly text: string;
  /** Set on the last token. */
  readonly finishReason: FinishReason | null;
}

/** A whole generation. */
export interface Generation {
  /** The new tokens, without the prompt; a last end-of-text token is among them. */
  readonly ids: number[];
  /** Their text, up to a stop string; empty without a tokenizer. */
  readonly text: string;
  readonly finishReason: FinishReason;
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
  const { ids, maxNewTokens, eos, tokenizer, signal, sampling, generator } = request;
  const decoder = tokenizer?.decodeStream();
  const stops = new StopStrings(request.stop);
  const random = () => scope(() => uniform([1], 0, 1, { dtype: 'f64', device: 'ref', generator }).item());
  const positions = Math.min(model.config.n_positions, ids.length + maxNewTokens);
  const cache = options.cache === false ? null : model.createCache(1, positions);
  try {
    for (let n = 1; ; n++) {
      signal?.throwIfAborted();
      // Rows of the embedding that the tokenizer has no token for are padding.
      const vocabulary = Math.min(tokenizer?.vocabSize ?? Infinity, model.config.vocab_size);
      const id = withNextLogits(model, ids, cache, (all) => {
        const logits = all.reshape([all.size]).slice(0, 0, vocabulary);
        if (sampling.repetitionPenalty !== 1) return chooseToken(logits.numbers(), ids, sampling, random);
        return sampleOnDevice(logits, sampling, generator);
      });
      ids.push(id);
      const ended = eos.includes(id);
      let text = '';
      if (decoder) text = stops.push(ended ? decoder.end() : decoder.push(id));
      const finishReason =
        stops.found !== null ? 'stop' : ended ? 'eos' : n === maxNewTokens ? 'length' : null;
      if (finishReason === 'length' && decoder) text += stops.push(decoder.end());
      if (finishReason !== null) text += stops.end();
      yield { id, text, finishReason };
      if (finishReason !== null) return;
      await setImmediate();
    }
  } finally {
    cache?.dispose();
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

// What chooseToken would choose, with the same draw, without copying the vocabulary to JavaScript.
function sampleOnDevice(logits: Tensor, sampling: SamplingOptions, generator: Generator): number {
  try {
    return sampleLogits(logits, { ...sampling, generator }).item();
  } catch (e) {
    // Logits that are not numbers: it says so in this package's words.
    if (e instanceof TensorError && e.code === 'E_INDEX') greedyToken(logits.numbers());
    throw e;
  }
}

// Gives `use` the logits of the token after `ids`, computing only what the cache lacks.
function withNextLogits(
  model: GPT,
  ids: readonly number[],
  cache: KVCache | null,
  use: (logits: Tensor) => number,
): number {
  const { n_positions } = model.config;
  // What the window holds now: all ids, until they are too many; then it starts anew, half full, again and again.
  const step = Math.ceil(n_positions / 2);
  const start = ids.length <= n_positions ? 0 : Math.ceil((ids.length - n_positions) / step) * step;
  const window = ids.length - start;
  if (cache && cache.length >= window) cache.truncate(0);
  const fresh = ids.slice(start + (cache?.length ?? 0));
  return inEvaluation(model, () =>
    noGrad(() =>
      scope(() => {
        const { device } = model.transformer.wte.weight;
        const input = tensor(fresh, { shape: [1, fresh.length], dtype: 'i32', device });
        const hidden = model.hidden(input, cache ?? undefined);
        return use(model.logits(hidden.slice(1, -1)));
      }),
    ),
  );
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

interface Request {
  /** The prompt, to which generated ids are appended. */
  ids: number[];
  maxNewTokens: number;
  eos: readonly number[];
  stop: readonly string[];
  tokenizer: Tokenizer | undefined;
  signal: AbortSignal | undefined;
  sampling: Required<SamplingOptions>;
  generator: Generator;
}

function prepare(model: GPT, options: GenerateOptions): Request {
  const { config } = model;
  const { prompt, tokenizer, seed, signal } = options;
  const refuse = (subject: string, rule: string, received: string, fix: string) =>
    new TransformerError('E_ARGUMENT', subject, rule, received, fix);
  if (!tokenizer && typeof prompt === 'string')
    throw refuse('prompt', 'a text needs a tokenizer', describe(prompt), 'pass { tokenizer }, or ids');
  const stop =
    options.stop === undefined ? [] : typeof options.stop === 'string' ? [options.stop] : options.stop;
  if (!tokenizer && stop.length > 0)
    throw refuse('stop', 'stop strings need a tokenizer', describe(stop), 'pass { tokenizer }');
  const ids = Array.from(typeof prompt === 'string' ? tokenizer!.encodeIds(prompt) : prompt);
  if (ids.length === 0 && config.bos_token_id !== null) ids.push(config.bos_token_id);
  if (ids.length === 0)
    throw refuse('prompt', 'must have at least one token', 'none', 'add text, or set bos_token_id');
  const foreign = ids.find((id) => !Number.isInteger(id) || id < 0 || id >= config.vocab_size);
  if (foreign !== undefined)
    throw refuse(
      'prompt',
      `every id must be an integer in [0, ${config.vocab_size - 1}]`,
      `${foreign}`,
      'use the tokenizer that belongs to the model',
    );

  const room = config.n_positions - ids.length;
  const maxNewTokens = options.maxNewTokens ?? Math.max(1, room);
  if (!Number.isSafeInteger(maxNewTokens) || maxNewTokens < 1)
    throw refuse(
      'maxNewTokens',
      'must be a positive integer',
      `${maxNewTokens}`,
      'leave it out for the most',
    );
  // The last token is never fed back, so it needs no position.
  if (!options.slide && maxNewTokens - 1 > room)
    throw new TransformerError(
      'E_LENGTH',
      'generate',
      `the model has ${config.n_positions} positions`,
      `${ids.length} of the prompt and ${maxNewTokens} new`,
      'shorten either, or pass { slide: true }',
    );
  const eos = options.eosTokenId ?? config.eos_token_id ?? [];
  return {
    ids,
    maxNewTokens,
    eos: typeof eos === 'number' ? [eos] : eos,
    stop,
    tokenizer,
    signal,
    sampling: samplingOptions(options),
    generator: seed !== undefined ? new Generator(seed) : (options.generator ?? defaultGenerator()),
  };
}
