import { defaultGenerator, Generator, PackedWeights } from '@inkstone/tensor-core';
import type { Tokenizer } from '@inkstone/tokenizer';
import { describe, TransformerError } from './errors.js';
import type { GPT } from './gpt.js';
import { type SamplingOptions, samplingOptions } from './sampling.js';
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
  /**
   * Products use packed weights (PackedWeights of tensor-core): true makes packs for this generation, at the price of a
   * second copy of the matrices; packs of your own serve many generations. For one text at a time
   * weights are read at the speed of memory either way: f32 models gain little, bf16 models more. Default false.
   */
  packed?: boolean | PackedWeights;
  signal?: AbortSignal;
}

/** A whole generation. */
export interface Generation {
  /** The new tokens, without the prompt; a last end-of-text token is among them. */
  readonly ids: number[];
  /** Their text, up to a stop string; empty without a tokenizer. */
  readonly text: string;
  readonly finishReason: FinishReason;
}

/** A checked request with its defaults. */
export interface Request {
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

/** @throws TransformerError E_ARGUMENT, E_LENGTH */
export function prepare(model: GPT, options: GenerateOptions): Request {
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

/** Packs for a generation, and how to give them up: those that were made for it are freed, others are not its own. */
export function packsOf(
  model: GPT,
  packed: boolean | PackedWeights,
): { packs: PackedWeights | null; free: () => void } {
  if (packed instanceof PackedWeights) return { packs: packed, free: () => undefined };
  const packs = packed ? new PackedWeights(model.parameters()) : null;
  return { packs, free: () => packs?.dispose() };
}

/** One text while it grows: what was generated, the text that completes, and whether it has ended. */
export class Growing {
  /** The prompt and all that followed; a text that has ended may go on here beside others that have not. */
  readonly context: number[];
  /** The new tokens up to the end. */
  readonly ids: number[] = [];
  text = '';
  finishReason: FinishReason | null = null;
  private readonly decoder: ReturnType<Tokenizer['decodeStream']> | undefined;
  private readonly stops: StopStrings;

  constructor(private readonly request: Request) {
    this.context = [...request.ids];
    this.decoder = request.tokenizer?.decodeStream();
    this.stops = new StopStrings(request.stop);
  }

  /** Takes the next token. @returns the text that it completes */
  push(id: number): string {
    const { decoder, stops, request } = this;
    this.context.push(id);
    if (this.finishReason !== null) return '';
    this.ids.push(id);
    const ended = request.eos.includes(id);
    let text = decoder ? stops.push(ended ? decoder.end() : decoder.push(id)) : '';
    if (stops.found !== null) this.finishReason = 'stop';
    else if (ended) this.finishReason = 'eos';
    else if (this.ids.length === request.maxNewTokens) this.finishReason = 'length';
    if (this.finishReason === 'length' && decoder) text += stops.push(decoder.end());
    if (this.finishReason !== null) text += stops.end();
    this.text += text;
    return text;
  }
}
