import { type Cl100kOptions, cl100kCutter } from './cl100k-cutter.js';
import { cutGpt2, GPT2_PATTERN } from './gpt2-cutter.js';
import { cutO200k, O200K_PATTERN } from './o200k-cutter.js';
import { type Cutter, cutNothing } from './pre-tokenizer.js';

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

/** What a hand-written cutter follows, for an engine that has its own. */
export interface Scan {
  pattern: 'whole' | 'gpt2' | 'cl100k' | 'o200k';
  cl100k: Cl100kOptions;
}

const GPT2_LISTED = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";
const cl100ks: [string, Cl100kOptions][] = [
  [CL100K_PATTERN, { digits: 3, wholeTail: false }],
  [TIKTOKEN_CL100K_PATTERN, { digits: 3, wholeTail: true }],
  [QWEN2_PATTERN, { digits: 1, wholeTail: false }],
  [cl100k('\\p{N}{1,2}'), { digits: 2, wholeTail: false }],
];

/** Hand-written cutters by the pattern they follow, so that no expression is run on the text. */
const cutters = new Map<string, Cutter>();
const scans = new Map<Cutter, Scan>();
const unused: Cl100kOptions = { digits: 3, wholeTail: false };
for (const pattern of [GPT2_PATTERN, GPT2_LISTED, TIKTOKEN_R50K_PATTERN]) cutters.set(pattern, cutGpt2);
scans.set(cutGpt2, { pattern: 'gpt2', cl100k: unused });
for (const [pattern, options] of cl100ks) {
  const cutter = cl100kCutter(options);
  cutters.set(pattern, cutter);
  scans.set(cutter, { pattern: 'cl100k', cl100k: options });
}
cutters.set(O200K_PATTERN, cutO200k);
scans.set(cutO200k, { pattern: 'o200k', cl100k: unused });
scans.set(cutNothing, { pattern: 'whole', cl100k: unused });

/** The cutter for a pattern, if it is one of the field's usual ones. */
export function knownCutter(pattern: string): Cutter | undefined {
  return cutters.get(pattern);
}

/** True for the cutters of known patterns, none of which looks past white space that is followed by something else. */
export function isKnownCutter(cut: Cutter): boolean {
  return cut !== cutNothing && scans.has(cut);
}

/** What a cutter follows, if it is a known one or cuts nothing. */
export function scanOf(cut: Cutter): Scan | undefined {
  return scans.get(cut);
}
