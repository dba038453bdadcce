import type { Encoding } from '../encoding.js';

/** What token `index` of an encoding covers, spelled as the vocabulary spells it. */
export type Spelling = (encoding: Encoding, index: number) => string;

/** Puts special tokens around encoded texts and corrects their offsets. */
export interface PostProcessor {
  /** The name tokenizer.json knows it by. */
  readonly type: string;
  /** True if what it puts in, and where, depends on nothing but how many texts there are; ids alone are then laid out sooner. */
  readonly isFixed?: boolean;
  /** How many tokens it adds to one text or to a pair. */
  addedTokens(isPair: boolean): number;
  /**
   * Parts that, one after the other, are the result.
   * @param encodings one text or a pair; @param special whether to put in special tokens.
   * @param spelling the token at an index, for trimming offsets.
   */
  process(encodings: Encoding[], special: boolean, spelling: Spelling): Encoding[];
  /** The object that tokenizer.json holds. */
  toJSON(): object;
}
