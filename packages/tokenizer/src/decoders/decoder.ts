/** Turns tokens back to text. */
export interface Decoder {
  /** The name tokenizer.json knows it by. */
  readonly type: string;
  /**
   * Set where each token stands for bytes of its own, whatever its neighbours: the bytes of a token. The text is
   * then the bytes of all tokens together, as UTF-8.
   */
  tokenBytes?(token: string): Uint8Array;
  /** The object that tokenizer.json holds. */
  toJSON(): object;
}
