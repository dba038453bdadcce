import { cl100kCutter } from './cl100k-cutter.js';
import { cutGpt2, GPT2_PATTERN } from './gpt2-cutter.js';
import { cutO200k, O200K_PATTERN } from './o200k-cutter.js';
import type { Cutter } from './pre-tokenizer.js';

/** The cl100k pattern as Hugging Face files spell it, with the given number part. */
function cl100k(numbers: string): string {
  return (
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|" +
    `${numbers}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+`
  );
}

/** The spelling tiktoken has had since 0.8; Python's possessive quantifiers are not JavaScript's. */
export const TIKTOKEN_CL100K_PATTERN =
  "'(?i:[sdmt]|ll|ve|re)|[^\\r\\n\\p{L}\\p{N}]?+\\p{L}++|\\p{N}{1,3}+| ?[^\\s\\p{L}\\p{N}]++[\\r\\n]*+|" +
  '\\s++$|\\s*[\\r\\n]|\\s+(?!\\S)|\\s';
export const TIKTOKEN_R50K_PATTERN =
  "'(?:[sdmt]|ll|ve|re)| ?\\p{L}++| ?\\p{N}++| ?[^\\s\\p{L}\\p{N}]++|\\s++$|\\s+(?!\\S)|\\s";
/** Llama 3, and what most converted files hold. */
export const CL100K_PATTERN = cl100k('\\p{N}{1,3}');
export const QWEN2_PATTERN = cl100k('\\p{N}');

/** Hand-written cutters by the pattern they follow, so that no expression is run on the text. */
const cutters = new Map<string, Cutter>([
  [GPT2_PATTERN, cutGpt2],
  ["'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+", cutGpt2],
  [TIKTOKEN_R50K_PATTERN, cutGpt2],
  [CL100K_PATTERN, cl100kCutter({ digits: 3, wholeTail: false })],
  [TIKTOKEN_CL100K_PATTERN, cl100kCutter({ digits: 3, wholeTail: true })],
  [QWEN2_PATTERN, cl100kCutter({ digits: 1, wholeTail: false })],
  [cl100k('\\p{N}{1,2}'), cl100kCutter({ digits: 2, wholeTail: false })],
  [O200K_PATTERN, cutO200k],
]);

/** The cutter for a pattern, if it is one of the field's usual ones. */
export function knownCutter(pattern: string): Cutter | undefined {
  return cutters.get(pattern);
}

/** True for the cutters above, none of which looks past white space that is followed by something else. */
export function isKnownCutter(cut: Cutter): boolean {
  for (const known of cutters.values()) if (known === cut) return true;
  return false;
}
