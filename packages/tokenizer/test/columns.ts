import type { Encoding } from '../src/encoding.js';

/** An encoding as the fixtures of Hugging Face have it. */
export interface Columns {
  ids: number[];
  types: number[];
  offsets: number[];
  words: number[];
  sequences: number[];
  special: number[];
  attention: number[];
}

/** The columns of one encoding, without what overflows of it. */
export function columnsOf(encoding: Encoding): Columns {
  return {
    ids: [...encoding.ids],
    types: [...encoding.typeIds],
    offsets: [...encoding.offsets],
    words: [...encoding.wordIds],
    sequences: [...encoding.sequenceIds],
    special: [...encoding.specialTokensMask],
    attention: [...encoding.attentionMask],
  };
}
