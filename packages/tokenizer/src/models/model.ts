import type { IdBuffer } from '../id-buffer.js';

/** What a model cuts a piece into. */
export interface TokenSink {
  ids: IdBuffer;
  /** Start and end of each token in UTF-16 units of the piece, between characters; null if nobody asks. */
  spans: IdBuffer | null;
}

/** Turns one piece of pre-tokenized text into tokens; owns the vocabulary. */
export interface Model {
  /** The name tokenizer.json knows it by. */
  readonly type: string;
  /** One more than the highest id. */
  readonly idLimit: number;
  /** Appends the tokens of a well-formed piece that is not empty. */
  tokenize(piece: string, sink: TokenSink): void;
  tokenToId(token: string): number | undefined;
  idToToken(id: number): string | undefined;
  /** The object that tokenizer.json holds under `model`. */
  toJSON(): object;
}

/** Appends one token. */
export function emit(sink: TokenSink, id: number, start: number, end: number): void {
  sink.ids.push(id);
  if (!sink.spans) return;
  sink.spans.push(start);
  sink.spans.push(end);
}
