/** Unigram by the addon: which tokenizers it can take, and the engine. */
import type { EncodedWave, NativeAddon, UnigramEncoder, UnigramEncoderOptions } from '@inkstone/native';
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

/** What the addon is made of, and what it is told of clusters as it meets them. */
interface UnigramPlan {
  options: UnigramEncoderOptions;
  clusterOf(cluster: string): Uint32Array | undefined;
}

/** The plan for a tokenizer, or in words why the addon cannot take it. */
export function unigramPlan(parts: EncoderParts): (() => UnigramPlan) | string {
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
    const { clusterOf, ...rest } = rules();
    const made = {
      ...tokenBytes(spelled),
      scores: Float64Array.from(vocab, ([, score]) => score),
      unknown: options.unkId ?? -1,
      unknownScore: model.unknownScore,
      singlePrecision: options.singlePrecision ?? false,
      ...(options.byteFallback
        ? { byteIds: Int32Array.from(BYTE_TOKENS, (token) => model.tokenToId(token) ?? -1) }
        : {}),
      rules: rest,
    };
    return { options: made, clusterOf };
  };
}

type Places = readonly (Place | undefined)[];

/** Bits of the places of the addon. */
const NOT_FIRST = 1;
const NORMALIZED = 2;

function bitsOf(place: Place | undefined): number {
  return place ? (place.first ? 0 : NOT_FIRST) + (place.normalized ? NORMALIZED : 0) : 0;
}

/**
 * An engine that asks TypeScript what becomes of characters that are rewritten together, and leaves to it the texts in which that
 * depends on more than these.
 */
export class UnigramEngine implements Engine {
  readonly #addon: NativeAddon;
  readonly #encoder: UnigramEncoder;
  readonly #clusterOf: UnigramPlan['clusterOf'];
  readonly #parts: EncoderParts;
  /** TypeScript for texts as they come, and for those that have been normalized. */
  readonly #rest: [TextEncoderPipeline?, TextEncoderPipeline?] = [];
  readonly #threads: number;
  #left = 0;

  constructor(addon: NativeAddon, parts: EncoderParts, { options, clusterOf }: UnigramPlan, threads: number) {
    this.#addon = addon;
    this.#threads = threads;
    this.#encoder = new addon.UnigramEncoder(options);
    this.#clusterOf = clusterOf;
    this.#parts = { ...parts, addedTokens: new AddedTokens([]) };
  }

  ids(text: string, place?: Place): Int32Array {
    const encode = () => this.#encoder.encode(text, false, bitsOf(place));
    return encode() ?? (this.#learns() ? encode() : null) ?? this.#restIds(text, place);
  }

  tokens(text: string, place?: Place): TextTokens {
    const encode = () => this.#encoder.encode(text, true, bitsOf(place));
    const found = encode() ?? (this.#learns() ? encode() : null);
    if (!found) return this.#restTokens(text, place);
    const [ids, offsets, wordIds] = found;
    return { ids, offsets, wordIds };
  }

  idsOfAll(texts: readonly string[], places?: Places): Int32Array[] {
    return this.#all(texts, places, false, idsIn, (i) => this.#restIds(texts[i]!, places?.[i]));
  }

  tokensOfAll(texts: readonly string[], places?: Places): TextTokens[] {
    return this.#all(texts, places, true, tokensIn, (i) => this.#restTokens(texts[i]!, places?.[i]));
  }

  /** What `make` makes of each text; of those left out, once more where something was learned, and then `instead`. */
  #all<T>(
    texts: readonly string[],
    places: Places | undefined,
    spans: boolean,
    make: (wave: EncodedWave, from: number, to: number) => T,
    instead: (index: number) => T,
  ): T[] {
    const batch = (which: readonly string[], at: Places | undefined) => {
      const bits = at?.some(bitsOf) ? Uint8Array.from(at, bitsOf) : undefined;
      return this.#encoder.encodeBatch(which, spans, this.#threads, bits);
    };
    const encoded = batch(texts, places);
    if (!this.#learns()) return inOrder(encoded, make, instead);
    const left = Array.from(encoded[0].keys()).filter((i) => encoded[0][i]! < 0);
    const again = batch(
      left.map((i) => texts[i]!),
      places && left.map((i) => places[i]),
    );
    // In the same order.
    const made = inOrder(again, make, (i) => instead(left[i]!)).values();
    return inOrder(encoded, make, () => made.next().value!);
  }

  /** Tells the addon of the clusters that it has met and does not know; false if there are none. */
  #learns(): boolean {
    const unknown = this.#encoder.unknown();
    for (const cluster of unknown) this.#encoder.learn(cluster, this.#clusterOf(cluster));
    return unknown.length > 0;
  }

  #restIds(text: string, place: Place | undefined): Int32Array {
    this.#left++;
    return this.#restOf(place).ids(text, 'none', place && !place.first ? 1 : 0);
  }

  #restTokens(text: string, place: Place | undefined): TextTokens {
    this.#left++;
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

  /** Texts left to TypeScript so far. */
  get left(): number {
    return this.#left;
  }
}
