import type { AddedTokens } from './added-tokens.js';
import type { Model } from './models/model.js';
import type { Normalizer } from './normalizers/normalizer.js';
import type { PreTokenizer } from './pre-tokenizers/pre-tokenizer.js';

/** What text is turned to tokens with. */
export interface EncoderParts {
  model: Model;
  normalizer: Normalizer | undefined;
  preTokenizer: PreTokenizer | undefined;
  addedTokens: AddedTokens;
}

/** The tokens of a text, as typed arrays; offsets in UTF-16 units. */
export interface TextTokens {
  ids: Int32Array;
  offsets: Int32Array;
  wordIds: Int32Array;
}

/** The bytes of ids one after the other (id t is `bytes[starts[t], starts[t + 1])`), for decoding. */
export interface TokenTable {
  bytes: Uint8Array;
  starts: Uint32Array;
  /** 0 text, 1 special, 2 no such id. */
  kinds: Uint8Array;
}

/** Where a part of a text stands, and what it has been through. */
export interface Place {
  /** It begins where the whole text begins. */
  first: boolean;
  /** It has been normalized. */
  normalized: boolean;
}

/**
 * Encodes texts in which no added token is looked for, as they come: normalizing and cutting is its own affair. Decodes. It
 * gives the same ids, offsets and bytes as the TypeScript that it stands in for, lone surrogates counting as U+FFFD. A text
 * without a place is a whole one, not normalized.
 */
export interface Engine {
  ids(text: string, place?: Place): Int32Array;
  tokens(text: string, place?: Place): TextTokens;
  idsOfAll(texts: readonly string[], places?: readonly (Place | undefined)[]): Int32Array[];
  tokensOfAll(texts: readonly string[], places?: readonly (Place | undefined)[]): TextTokens[];
  decoder(table: TokenTable): EngineDecoder;
}

/** Decodes ids; the index of the first that does not exist where one does not. */
export interface EngineDecoder {
  bytes(ids: Int32Array, skipSpecial: boolean): Uint8Array | number;
  /** The text of the bytes as `TextDecoder` reads them, a byte order mark included. */
  text(ids: Int32Array, skipSpecial: boolean): string | number;
}

/** Makes the engine of a tokenizer with these parts. Throws where it cannot take them. */
export type EngineFactory = (parts: EncoderParts) => Engine;
