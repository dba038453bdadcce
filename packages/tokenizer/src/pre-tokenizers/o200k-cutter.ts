import { categoryMask, classTable } from '../unicode.js';
import { contractionEnd } from './cl100k-cutter.js';
import type { Cutter } from './pre-tokenizer.js';

/** Classes of the scanner: 0 none of these. */
const UPPER = 1;
const LOWER = 2;
const CASELESS = 3;
const MARK = 4;
const NUMBER = 5;
const NEWLINE = 6;
let classes: Uint8Array | undefined;

/** The class of each code point, as the constants above number them. */
export function wordClasses(): Uint8Array {
  if (classes) return classes;
  const table = classTable([
    categoryMask('Lu', 'Lt'),
    categoryMask('Ll'),
    categoryMask('Lm', 'Lo'),
    categoryMask('M'),
    categoryMask('N'),
    0,
    categoryMask('space'),
  ]);
  table[0x0a] = NEWLINE;
  table[0x0d] = NEWLINE;
  classes = table;
  return table;
}

/** The o200k pattern with the given ends of words and numbers. */
function o200k(contractions: string, numbers: string): string {
  return [
    `[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+${contractions}`,
    `[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]+[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]*${contractions}`,
    numbers,
    ' ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*',
    '\\s*[\\r\\n]+',
    '\\s+(?!\\S)',
    '\\s+',
  ].join('|');
}

/** How the variants of the o200k pattern differ. */
export interface O200kOptions {
  /** Most digits in one piece; 3 for o200k, 1 for Tekken. */
  digits: number;
  /** English contractions go with the word before them. */
  contractions: boolean;
}

/** The pattern as tiktoken writes it. */
export const O200K_PATTERN = o200k("(?i:'s|'t|'re|'ve|'m|'ll|'d)?", '\\p{N}{1,3}');
/** Mistral's Tekken. */
export const TEKKEN_PATTERN = o200k('', '\\p{N}');

/** A cutter for the patterns of the o200k family, which passes over each text at most twice. */
export function o200kCutter({ digits, contractions }: O200kOptions): Cutter {
  return (text, start, limit) => cutO200k(text, start, limit, digits, contractions);
}

function cutO200k(text: string, start: number, limit: number, digits: number, contractions: boolean): number {
  const table = classes ?? wordClasses();
  const point = text.codePointAt(start)!;
  const kind = table[point]!;
  const next = start + (point > 0xffff ? 2 : 1);
  if (kind === NUMBER) {
    let at = next;
    for (let count = 1; count < digits && at < limit; count++) {
      const digit = text.codePointAt(at)!;
      if (table[digit] !== NUMBER) break;
      at += digit > 0xffff ? 2 : 1;
    }
    return at;
  }
  const end = wordEnd(table, text, start, next, kind, limit);
  if (end > 0) {
    const contraction = contractions ? contractionEnd(text, end, limit) : -1;
    return contraction > 0 ? contraction : end;
  }
  const follows = next < limit ? table[text.codePointAt(next)!]! : -1;
  if (kind === 0 || kind === MARK || (point === 0x20 && (follows === 0 || follows === MARK))) {
    let at = next;
    while (at < limit) {
      const symbol = text.codePointAt(at)!;
      if (table[symbol] !== 0 && table[symbol] !== MARK) break;
      at += symbol > 0xffff ? 2 : 1;
    }
    while (at < limit && isTail(text.charCodeAt(at))) at++;
    return at;
  }
  let at = start;
  let newline = 0;
  for (; at < limit; at++) {
    const space = table[text.charCodeAt(at)]!;
    if (space < NEWLINE) break;
    if (space === NEWLINE) newline = at + 1;
  }
  if (newline > 0) return newline;
  return at < limit && at - start > 1 ? at - 1 : at;
}

/** Newlines and slashes may end a run of symbols. */
function isTail(unit: number): boolean {
  return unit === 0x0a || unit === 0x0d || unit === 0x2f;
}

/** The end of the word at `start`, with the one character before it that may belong to it, or -1. */
function wordEnd(
  table: Uint8Array,
  text: string,
  start: number,
  next: number,
  kind: number,
  limit: number,
): number {
  if (kind === UPPER || kind === LOWER || kind === CASELESS) {
    const end = mixedEnd(table, text, start, limit);
    return end > 0 ? end : upperEnd(table, text, start, limit);
  }
  if (kind === NEWLINE) return -1;
  const mixed = mixedEnd(table, text, next, limit);
  if (mixed > 0) return mixed;
  // A mark can be the character before, or begin the word itself.
  if (kind === MARK) return mixedEnd(table, text, start, limit);
  return upperEnd(table, text, next, limit);
}

/** The end of `[upper]*[lower]+`, where caseless letters and marks are both; -1 if there is none. */
function mixedEnd(table: Uint8Array, text: string, start: number, limit: number): number {
  let at = start;
  let both = -1;
  for (; at < limit; ) {
    const point = text.codePointAt(at)!;
    const kind = table[point]!;
    if (kind === LOWER) return lowerEnd(table, text, at, limit);
    if (kind === 0 || kind > MARK) break;
    at += point > 0xffff ? 2 : 1;
    if (kind !== UPPER) both = at;
  }
  return both;
}

function lowerEnd(table: Uint8Array, text: string, at: number, limit: number): number {
  while (at < limit) {
    const point = text.codePointAt(at)!;
    const kind = table[point]!;
    if (kind < LOWER || kind > MARK) break;
    at += point > 0xffff ? 2 : 1;
  }
  return at;
}

/** The end of a run of capitals, of which there must be one; what is both cannot come, or it would be mixed. */
function upperEnd(table: Uint8Array, text: string, start: number, limit: number): number {
  let at = start;
  while (at < limit) {
    const point = text.codePointAt(at)!;
    if (table[point] !== UPPER) break;
    at += point > 0xffff ? 2 : 1;
  }
  return at > start ? at : -1;
}
