import type { AlignedText } from '../aligned-text.js';

/** Where the piece of `text` that starts at `start` ends; `limit` is the end of the text it may see. */
export type Cutter = (text: string, start: number, limit: number) => number;

/** The cutter that leaves a text whole. */
export const cutNothing: Cutter = (_text, _start, limit) => limit;

/** Cuts before each `▁`, which stands for a space. */
export const cutMarks: Cutter = (text, start, limit) => {
  const next = text.indexOf('▁', start + 1);
  return next < 0 ? limit : Math.min(next, limit);
};

/** Cuts normalized text into the pieces a model sees, one at a time. */
export interface PreTokenizer {
  /** The name tokenizer.json knows it by. */
  readonly type: string;
  /** Cuts, and perhaps rewrites, each of the texts; none of the pieces is empty. */
  preTokenize(texts: readonly AlignedText[]): AlignedText[];
  /** Set where all `preTokenize` does is to cut a text into pieces that tile it. */
  readonly cutter?: Cutter | undefined;
  /** Set where all it does is to cut so and then to spell bytes: pieces then need not be made at all. */
  readonly byteCutter?: Cutter | undefined;
  /** Set in place of `byteCutter` where a text that does not start with a space is first given one. */
  readonly spacedCutter?: Cutter | undefined;
  /** Set in place of `byteCutter` where the pieces that are white space go; none of the others begins with any. */
  readonly wordCutter?: Cutter | undefined;
  /** The object that tokenizer.json holds. */
  toJSON(): object;
}

/** Pieces by a cutter. */
export function cutEach(texts: readonly AlignedText[], cut: Cutter): AlignedText[] {
  const out: AlignedText[] = [];
  for (const text of texts) {
    const { length } = text.text;
    for (let at = 0; at < length; ) {
      const next = cut(text.text, at, length);
      out.push(text.slice(at, next));
      at = next;
    }
  }
  return out;
}
