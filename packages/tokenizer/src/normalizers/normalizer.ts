import { AlignedText } from '../aligned-text.js';

/** Rewrites a text before it is cut. */
export interface Normalizer {
  /** The name tokenizer.json knows it by. */
  readonly type: string;
  normalize(text: AlignedText): AlignedText;
  /** Set where the text of `normalize` can be had sooner without its positions. */
  normalizeText?(text: string): string;
  /** The object that tokenizer.json holds. */
  toJSON(): object;
}

/** A whole text as a normalizer rewrites it, if there is one, without positions. */
export function normalizedText(text: string, normalizer: Normalizer | undefined): string {
  if (!normalizer) return text;
  return normalizer.normalizeText?.(text) ?? normalizer.normalize(AlignedText.of(text)).text;
}
