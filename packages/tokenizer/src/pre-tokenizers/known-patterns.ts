import { categoryMask, hasCategory } from '../unicode.js';
import { type Cl100kOptions, cl100kCutter } from './cl100k-cutter.js';
import { cutClip } from './clip-cutter.js';
import { cutDeepSeek, DEEPSEEK_PATTERN } from './deepseek-cutter.js';
import { cutGpt2, GPT2_PATTERN } from './gpt2-cutter.js';
import {
  KIMI_PATTERN,
  O200K_PATTERN,
  type O200kOptions,
  o200kCutter,
  TEKKEN_PATTERN,
} from './o200k-cutter.js';
import { type Cutter, cutMarks, cutNothing } from './pre-tokenizer.js';
import { type Run, runCutter } from './run-cutter.js';

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
  pattern: 'whole' | 'gpt2' | 'cl100k' | 'o200k' | 'kimi' | 'clip' | 'marks' | 'deepseek';
  options: Cl100kOptions & O200kOptions;
}

const GPT2_LISTED = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";
const cl100ks: [string, Cl100kOptions][] = [
  [CL100K_PATTERN, { digits: 3, wholeTail: false }],
  [TIKTOKEN_CL100K_PATTERN, { digits: 3, wholeTail: true }],
  [QWEN2_PATTERN, { digits: 1, wholeTail: false }],
  [cl100k('\\p{N}{1,2}'), { digits: 2, wholeTail: false }],
];

const o200ks: [string, O200kOptions][] = [
  [O200K_PATTERN, { digits: 3, contractions: true }],
  [TEKKEN_PATTERN, { digits: 1, contractions: false }],
  [KIMI_PATTERN, { digits: 3, contractions: true, han: true }],
];

const inCategory = (...names: Parameters<typeof categoryMask>) => {
  const mask = categoryMask(...names);
  return (point: number) => hasCategory(point, mask);
};
const among = (text: string) => {
  const points = new Set(Array.from(text, (char) => char.codePointAt(0)));
  return (point: number) => points.has(point);
};
const between = (...ranges: [number, number][]) => {
  return (point: number) => ranges.some(([from, to]) => point >= from && point <= to);
};
const isNumber = inCategory('N');
const isSpace = inCategory('space');
const bloomEnds = among('()|.,!?…。，、।۔،');
/** Patterns of DeepSeek, BLOOM and their kin that are one run. */
const runs: [string, Run][] = [
  ['\\p{N}', { member: isNumber, most: 1 }],
  ['\\p{N}+', { member: isNumber, most: Infinity }],
  ['\\p{N}{1,3}', { member: isNumber, most: 3 }],
  ['[\\r\\n]', { member: among('\r\n'), most: 1 }],
  ['\\s?\\p{L}+', { member: inCategory('L'), lead: isSpace, most: Infinity }],
  ['\\s?\\p{P}+', { member: inCategory('P'), lead: isSpace, most: Infinity }],
  ['[一-龥぀-ゟ゠-ヿ]+', { member: between([0x4e00, 0x9fa5], [0x3040, 0x30ff]), most: Infinity }],
  ['[一-龥ࠀ-一가-퟿]+', { member: between([0x800, 0x9fa5], [0xac00, 0xd7ff]), most: Infinity }],
  [
    ' ?[^(\\s|[.,!?…。，、।۔،])]+',
    { member: (point) => !isSpace(point) && !bloomEnds(point), lead: among(' '), most: Infinity },
  ],
];

/** Hand-written cutters by the pattern they follow, so that no expression is run on the text. */
const cutters = new Map<string, Cutter>();
const scans = new Map<Cutter, Scan>();
const unused = { digits: 3, wholeTail: false, contractions: true };
for (const pattern of [GPT2_PATTERN, GPT2_LISTED, TIKTOKEN_R50K_PATTERN]) cutters.set(pattern, cutGpt2);
scans.set(cutGpt2, { pattern: 'gpt2', options: unused });
for (const [pattern, options] of cl100ks) {
  const cutter = cl100kCutter(options);
  cutters.set(pattern, cutter);
  scans.set(cutter, { pattern: 'cl100k', options: { ...unused, ...options } });
}
for (const [pattern, options] of o200ks) {
  const cutter = o200kCutter(options);
  cutters.set(pattern, cutter);
  const { digits, contractions, han } = options;
  scans.set(cutter, { pattern: han ? 'kimi' : 'o200k', options: { ...unused, digits, contractions } });
}
scans.set(cutNothing, { pattern: 'whole', options: unused });
scans.set(cutClip, { pattern: 'clip', options: unused });
scans.set(cutMarks, { pattern: 'marks', options: unused });
/** Those whose matches leave nothing out. */
const tiling = new Set(cutters.values());
cutters.set(DEEPSEEK_PATTERN, cutDeepSeek);
scans.set(cutDeepSeek, { pattern: 'deepseek', options: unused });
for (const [pattern, run] of runs) cutters.set(pattern, runCutter(run));

/** The cutter for a pattern, if it is one of the field's usual ones. */
export function knownCutter(pattern: string): Cutter | undefined {
  // Some files spell line breaks as they are.
  return cutters.get(pattern.replaceAll('\r', '\\r').replaceAll('\n', '\\n'));
}

/** True for a known cutter whose pattern matches every character of every text. */
export function isTiling(cut: Cutter): boolean {
  return tiling.has(cut);
}

/** True for the cutters of known patterns, none of which looks past white space that is followed by something else. */
export function isKnownCutter(cut: Cutter): boolean {
  return tiling.has(cut);
}

/** What a cutter follows, if it is a known one or cuts nothing. */
export function scanOf(cut: Cutter): Scan | undefined {
  return scans.get(cut);
}
