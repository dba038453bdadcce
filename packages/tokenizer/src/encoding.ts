/** The result of `Tokenizer.encode`. */
export interface Encoding {
  /** Token ids. */
  ids: Int32Array;
  /** The tokens as the vocabulary spells them. */
  tokens: string[];
}
