import type { Cutter } from './gpt2-cutter.js';

/** Cuts normalized text into the pieces a model sees, one at a time. */
export interface PreTokenizer {
  /** The name tokenizer.json knows it by. */
  readonly type: string;
  /**
   * Set where all this component does is to cut the text into pieces that tile it and to spell their bytes in
   * the byte alphabet: then pieces need not be made at all.
   */
  readonly byteCutter: Cutter | undefined;
  /** The object that tokenizer.json holds. */
  toJSON(): object;
}
