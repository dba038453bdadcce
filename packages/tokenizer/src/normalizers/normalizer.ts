import type { AlignedText } from '../aligned-text.js';

/** Rewrites a text before it is cut. */
export interface Normalizer {
  /** The name tokenizer.json knows it by. */
  readonly type: string;
  normalize(text: AlignedText): AlignedText;
  /** The object that tokenizer.json holds. */
  toJSON(): object;
}
