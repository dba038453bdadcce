/** Turns tokens back to text. */
export interface Decoder {
  /** The name tokenizer.json knows it by. */
  readonly type: string;
  /** The tokens rewritten; the text is what comes out, put together. */
  decodeChain(tokens: string[]): string[];
  /**
   * Set where each token stands for bytes of its own, whatever its neighbours: the bytes of a token. The text is
   * then the bytes of all tokens together, as UTF-8.
   */
  tokenBytes?(token: string): Uint8Array;
  /**
   * True if what a token turns into depends on no more than whether it is the first, on the token before it, and,
   * for bytes, on the bytes around it. A stream can then give out text as it comes.
   */
  readonly streams: boolean;
  /** The object that tokenizer.json holds. */
  toJSON(): object;
}
