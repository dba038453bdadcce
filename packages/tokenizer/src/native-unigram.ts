/** Unigram by the addon: which tokenizers it can take, and the engine. */
import type { NativeAddon, UnigramEncoder, UnigramEncoderOptions } from '@inkstone/native';
import { AddedTokens } from './added-tokens.js';
import { BYTE_TOKENS } from './byte-alphabet.js';
import type { EncoderParts, Engine, EngineDecoder, Place, TextTokens, TokenTable } from './engine.js';
import { Unigram } from './models/unigram.js';
import { idsIn, inOrder, tokensIn } from './native-batch.js';
import { nativeDecoder } from './native-decoder.js';
import { tokenBytes } from './native-parts.js';
import { textRules } from './native-text-rules.js';
import { TextEncoderPipeline } from './text-encoder.js';
import { toWellFormed } from './unicode.js';

/** What the addon is made of for a tokenizer, or in words why it cannot take it. */
export function unigramPlan(parts: EncoderParts): (() => UnigramEncoderOptions) | string {
  const { model } = parts;
  if (!(model instanceof Unigram)) return `the model is ${model.type}`;
  if (model.options.sampling) return 'it draws cuts at random';
  const rules = textRules(parts);
  if (typeof rules === 'string') return rules;
  const { vocab, options } = model;
  const hidden = new Set(options.hidden);
  if (options.byteFallback) for (const token of BYTE_TOKENS) hidden.add(model.tokenToId(token) ?? -1);
  const visible = vocab.flatMap(([token], id) => (hidden.has(id) ? [] : [token]));
  if (visible.some((token) => toWellFormed(token) !== token)) return 'a token has half a character';
  if (visible.some((token) => hidden.has(model.tokenToId(token)!)))
    return 'a token is there twice, once as one that text never spells';
  return () => {
    const encoder = new TextEncoder();
    const spelled: (Uint8Array | undefined)[] = vocab.map(() => undefined);
    // Of equal tokens the last counts.
    for (const token of visible) spelled[model.tokenToId(token)!] = encoder.encode(token);
    return {
      ...tokenBytes(spelled),
      scores: Float64Array.from(vocab, ([, score]) => score),
      unknown: options.unkId ?? -1,
      unknownScore: model.unknownScore,
      singlePrecision: options.singlePrecision ?? false,
      ...(options.byteFallback
        ? { byteIds: Int32Array.from(BYTE_TOKENS, (token) => model.tokenToId(token) ?? -1) }
        : {}),
      rules: rules(),
    };
  };
}

/** Bits of the places of the addon. */
const NOT_FIRST = 1;
const NORMALIZED = 2;

function bitsOf(place: Place | undefined): number {
  return place ? (place.first ? 0 : NOT_FIRST) + (place.normalized ? NORMALIZED : 0) : 0;
}

/** An engine that leaves texts with a character whose rewriting depends on its neighbours to the TypeScript. */
export class UnigramEngine implements Engine {
  readonly #addon: NativeAddon;
  readonly #encoder: UnigramEncoder;
  readonly #parts: EncoderParts;
  /** TypeScript for texts as they come, and for those that have been normalized. */
  readonly #rest: [TextEncoderPipeline?, TextEncoderPipeline?] = [];
  readonly #threads: number;

  constructor(addon: NativeAddon, parts: EncoderParts, options: UnigramEncoderOptions, threads: number) {
    this.#addon = addon;
    this.#threads = threads;
    this.#encoder = new addon.UnigramEncoder(options);
    this.#parts = { ...parts, addedTokens: new AddedTokens([]) };
  }

  ids(text: string, place?: Place): Int32Array {
    return this.#encoder.encode(text, false, bitsOf(place)) ?? this.#restIds(text, place);
  }

  tokens(text: string, place?: Place): TextTokens {
    const found = this.#encoder.encode(text, true, bitsOf(place));
    if (!found) return this.#restTokens(text, place);
    const [ids, offsets, wordIds] = found;
    return { ids, offsets, wordIds };
  }

  idsOfAll(texts: readonly string[], places?: readonly (Place | undefined)[]): Int32Array[] {
    const encoded = this.#batch(texts, false, places);
    return inOrder(encoded, idsIn, (i) => this.#restIds(texts[i]!, places?.[i]));
  }

  tokensOfAll(texts: readonly string[], places?: readonly (Place | undefined)[]): TextTokens[] {
    const encoded = this.#batch(texts, true, places);
    return inOrder(encoded, tokensIn, (i) => this.#restTokens(texts[i]!, places?.[i]));
  }

  #batch(texts: readonly string[], spans: boolean, places: readonly (Place | undefined)[] | undefined) {
    const bits = places?.some(bitsOf) ? Uint8Array.from(places, bitsOf) : undefined;
    return this.#encoder.encodeBatch(texts, spans, this.#threads, bits);
  }

  #restIds(text: string, place: Place | undefined): Int32Array {
    return this.#restOf(place).ids(text, 'none', place && !place.first ? 1 : 0);
  }

  #restTokens(text: string, place: Place | undefined): TextTokens {
    const origin = place && !place.first ? 1 : 0;
    const out = this.#restOf(place).tokens(text, 'none', origin);
    for (let i = 0; i < out.offsets.length; i++) out.offsets[i]! -= origin;
    return out;
  }

  #restOf(place: Place | undefined): TextEncoderPipeline {
    const normalized = place?.normalized ?? false;
    const parts = normalized ? { ...this.#parts, normalizer: undefined } : this.#parts;
    return (this.#rest[normalized ? 1 : 0] ??= new TextEncoderPipeline(parts));
  }

  decoder(table: TokenTable): EngineDecoder {
    return nativeDecoder(this.#addon, table);
  }

  /** Characters looked at so far to find the tokens of pieces: what a test of the worst case counts. */
  get steps(): number {
    return this.#encoder.steps();
  }
}
