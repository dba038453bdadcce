import type { AddedTokens } from './added-tokens.js';
import { AlignedText } from './aligned-text.js';
import type { Decoder } from './decoders/decoder.js';
import type { Engine, EngineDecoder, TokenTable } from './engine.js';
import { describe, TokenizerError } from './errors.js';
import type { Model } from './models/model.js';
import type { Normalizer } from './normalizers/normalizer.js';
import { toWellFormed } from './unicode.js';

/** Options of the decoding calls. */
export interface DecodeOptions {
  /** Leaves special tokens out; default true. */
  skipSpecialTokens?: boolean;
}

/** What ids are turned to text with. */
export interface DecoderParts {
  model: Model;
  normalizer: Normalizer | undefined;
  decoder: Decoder | undefined;
  addedTokens: AddedTokens;
}

/** Fewer ids than this are decoded sooner than an engine is called. */
const ENGINE_DECODES = 16;

/** The way from ids to text: ids have spellings, the decoder joins them, and an engine takes its place for long lists. */
export class TokenDecoder {
  /** One more than the highest id, added tokens included. */
  readonly vocabSize: number;
  readonly #parts: DecoderParts;
  readonly #engine: Engine | undefined;
  /** The engine's decoder, made at its first use. */
  #engineDecoder: EngineDecoder | undefined;
  readonly #special: ReadonlySet<number>;
  /** Bytes of each id, found once each. */
  readonly #bytes: (Uint8Array | undefined)[] = [];

  constructor(parts: DecoderParts, engine?: Engine) {
    const { list } = parts.addedTokens;
    this.#parts = parts;
    this.#engine = engine;
    this.#special = new Set(list.flatMap(({ id, special }) => (special ? [id] : [])));
    this.vocabSize = Math.max(parts.model.idLimit, (list.at(-1)?.id ?? -1) + 1);
  }

  /** The token of an id as the vocabulary spells it. */
  token(id: number): string | undefined {
    return this.#parts.addedTokens.byId(id)?.content ?? this.#parts.model.idToToken(id);
  }

  /** The same; throws E_VOCAB where the id does not exist. */
  spelling(id: number): string {
    const token = this.token(id);
    if (token !== undefined) return token;
    throw new TokenizerError('E_VOCAB', 'ids', {
      rule: `every id exists, from 0 to ${this.vocabSize - 1}`,
      received: describe(id),
      fix: 'check that the ids come from this tokenizer',
    });
  }

  /**
   * The text of ids. Bytes that are no UTF-8 come out as U+FFFD, as when a character is cut in the middle.
   * @throws {TokenizerError} E_VOCAB on an id that does not exist.
   */
  text(ids: ArrayLike<number>, options: DecodeOptions): string {
    if (this.givesBytes) {
      const skip = options.skipSpecialTokens ?? true;
      if (this.#engine && ids.length >= ENGINE_DECODES) {
        return this.#decodeByEngine(this.#engine, ids, (decoder, given) => decoder.text(given, skip));
      }
      return new TextDecoder('utf-8', { ignoreBOM: true }).decode(this.bytes(ids, options));
    }
    const tokens = this.shownIds(ids, options).map((id) => this.#normalizedForm(id) ?? this.spelling(id));
    return this.#parts.decoder ? this.#parts.decoder.decodeChain(tokens).join('') : tokens.join(' ');
  }

  /** True if every token stands for bytes of its own, whatever its neighbours, so that `bytes` works. */
  get givesBytes(): boolean {
    return this.#parts.decoder?.tokenBytes !== undefined;
  }

  /**
   * The bytes of ids, as they are; only where `givesBytes`.
   * @throws {TokenizerError} E_VOCAB on an id that does not exist, E_UNSUPPORTED where tokens have no bytes.
   */
  bytes(ids: ArrayLike<number>, options: DecodeOptions): Uint8Array {
    const skip = options.skipSpecialTokens ?? true;
    if (this.#engine && ids.length >= ENGINE_DECODES) {
      return this.#decodeByEngine(this.#engine, ids, (decoder, given) => decoder.bytes(given, skip));
    }
    let out = new Uint8Array(16 + 4 * ids.length);
    let length = 0;
    for (let i = 0; i < ids.length; i++) {
      const id = ids[i]!;
      const bytes = (this.#bytes[id] ??= this.#bytesOf(id));
      if (skip && this.#special.has(id)) continue;
      if (length + bytes.length > out.length) {
        const larger = new Uint8Array(Math.max(2 * out.length, length + bytes.length));
        larger.set(out);
        out = larger;
      }
      // Tokens are short: a loop is faster than a call that copies.
      for (let k = 0; k < bytes.length; k++) out[length++] = bytes[k]!;
    }
    return out.subarray(0, length);
  }

  #decodeByEngine<T>(
    engine: Engine,
    ids: ArrayLike<number>,
    decode: (decoder: EngineDecoder, ids: Int32Array) => T | number,
  ): T {
    this.#engineDecoder ??= engine.decoder(this.#tokenTable());
    let given: Int32Array;
    if (ids instanceof Int32Array) given = ids;
    else {
      given = Int32Array.from(ids);
      for (let i = 0; i < given.length; i++) if (given[i] !== ids[i]) this.spelling(ids[i]!);
    }
    const out = decode(this.#engineDecoder, given);
    if (typeof out !== 'number') return out;
    this.spelling(given[out]!);
    throw new Error('unreachable: the id does not exist');
  }

  /** The bytes of all ids. */
  #tokenTable(): TokenTable {
    const starts = new Uint32Array(this.vocabSize + 1);
    const kinds = new Uint8Array(this.vocabSize);
    const all: Uint8Array[] = [];
    for (let id = 0; id < kinds.length; id++) {
      const exists = this.token(id) !== undefined;
      const bytes = exists ? (this.#bytes[id] ??= this.#bytesOf(id)) : new Uint8Array(0);
      kinds[id] = !exists ? 2 : this.#special.has(id) ? 1 : 0;
      starts[id + 1] = starts[id]! + bytes.length;
      all.push(bytes);
    }
    const bytes = new Uint8Array(starts.at(-1)!);
    all.forEach((part, id) => {
      bytes.set(part, starts[id]!);
    });
    return { bytes, starts, kinds };
  }

  /** The ids that a decode shows: all, or all but the special ones. */
  shownIds(ids: ArrayLike<number>, options: DecodeOptions): number[] {
    const list = Array.from(ids);
    for (const id of list) this.spelling(id);
    if (!(options.skipSpecialTokens ?? true)) return list;
    return list.filter((id) => !this.#special.has(id));
  }

  #bytesOf(id: number): Uint8Array {
    const form = this.#normalizedForm(id);
    const token = form ?? this.spelling(id);
    if (form === undefined && this.#parts.addedTokens.byId(id)) return new TextEncoder().encode(token);
    if (this.#parts.decoder?.tokenBytes) return this.#parts.decoder.tokenBytes(token);
    throw new TokenizerError('E_UNSUPPORTED', 'decodeBytes', {
      rule: 'tokens must stand for bytes of their own',
      received: `the decoder ${describe(this.#parts.decoder?.type ?? null)}`,
      fix: 'use decode',
    });
  }

  /** What an added token that is looked for in normalized text looks like there; what the decoder expects. */
  #normalizedForm(id: number): string | undefined {
    const added = this.#parts.addedTokens.byId(id);
    const { normalizer } = this.#parts;
    return added?.normalized && normalizer
      ? normalizer.normalize(AlignedText.of(toWellFormed(added.content))).text
      : undefined;
  }
}
