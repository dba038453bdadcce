import type { IdBuffer } from '../id-buffer.js';

/** What a model cuts a piece into: ids, and where each token ends in UTF-16 units of the piece. */
export interface TokenSink {
  ids: IdBuffer;
  ends: IdBuffer;
}

/** Turns one piece of pre-tokenized text into tokens; owns the vocabulary. */
export interface Model {
  /** The name tokenizer.json knows it by. */
  readonly type: string;
  /** One more than the highest id. */
  readonly idLimit: number;
  /** How many tokens there are. */
  readonly vocabSize: number;
  /** Appends the tokens of a well-formed piece; the ends tile it. */
  tokenize(piece: string, sink: TokenSink): void;
  tokenToId(token: string): number | undefined;
  idToToken(id: number): string | undefined;
  /** The object that tokenizer.json holds under `model`. */
  toJSON(): object;
}
