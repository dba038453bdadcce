import { categoryMask, classTable } from '../unicode.js';
import { HAN_RUNS } from '../unicode-data.js';
import { contractionEnd } from './cl100k-cutter.js';
import type { Cutter } from './pre-tokenizer.js';

/** Classes of the scanner: 0 none of these. */
const UPPER = 1;
const LOWER = 2;
const CASELESS = 3;
const MARK = 4;
const NUMBER = 5;
const NEWLINE = 6;
/** The bit of Han characters where they are apart; the others say which of the classes above they are of. */
const HAN = 8;
const CLASS = 7;
let classes: Uint8Array | undefined;
let hanClasses: Uint8Array | undefined;

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

/** The same, 8 more for Han characters: they are no part of words. */
export function kimiClasses(): Uint8Array {
  if (hanClasses) return hanClasses;
  const table = wordClasses().slice();
  for (const [first, last] of HAN_RUNS) for (let point = first; point <= last; point++) table[point]! |= HAN;
  hanClasses = table;
  return table;
}

/** The o200k pattern with the given ends of words and numbers; `but` takes characters out of words. */
function o200k(contractions: string, numbers: string, tail = '[\\r\\n/]*', but = ''): string {
  const upper = `[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}${but}]`;
  const lower = `[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}${but}]`;
  return [
    `[^\\r\\n\\p{L}\\p{N}]?${upper}*${lower}+${contractions}`,
    `[^\\r\\n\\p{L}\\p{N}]?${upper}+${lower}*${contractions}`,
    numbers,
    ` ?[^\\s\\p{L}\\p{N}]+${tail}`,
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
  /** A run of Han characters is a piece, and slashes end no symbols, as in Kimi K2. */
  han?: boolean;
}

const CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)?";
/** The pattern as tiktoken writes it. */
export const O200K_PATTERN = o200k(CONTRACTIONS, '\\p{N}{1,3}');
/** Kimi K2's, as its tokenization_kimi.py writes it. */
export const KIMI_PATTERN = `[\\p{Han}]+|${o200k(CONTRACTIONS, '\\p{N}{1,3}', '[\\r\\n]*', '&&[^\\p{Han}]')}`;
/** Mistral's Tekken. */
export const TEKKEN_PATTERN = o200k('', '\\p{N}');

/** A cutter for the patterns of the o200k family, which passes over each text at most twice. */
export function o200kCutter({ digits, contractions, han = false }: O200kOptions): Cutter {
  return (text, start, limit) => cutO200k(text, start, limit, digits, contractions, han);
}

function cutO200k(
  text: string,
  start: number,
  limit: number,
  digits: number,
  contractions: boolean,
  han: boolean,
): number {
  const table = han ? (hanClasses ?? kimiClasses()) : (classes ?? wordClasses());
  const point = text.codePointAt(start)!;
  const kind = table[point]!;
  const next = start + (point > 0xffff ? 2 : 1);
  if (kind >= HAN) return hanEnd(table, text, next, limit);
  if (kind === NUMBER) {
    let at = next;
    for (let count = 1; count < digits && at < limit; count++) {
      const digit = text.codePointAt(at)!;
      if ((table[digit]! & CLASS) !== NUMBER) break;
      at += digit > 0xffff ? 2 : 1;
    }
    return at;
  }
  const end = wordEnd(table, text, start, next, kind, limit);
  if (end > 0) {
    const contraction = contractions ? contractionEnd(text, end, limit) : -1;
    return contraction > 0 ? contraction : end;
  }
  const follows = next < limit ? table[text.codePointAt(next)!]! & CLASS : -1;
  if (kind === 0 || kind === MARK || (point === 0x20 && (follows === 0 || follows === MARK))) {
    let at = next;
    while (at < limit) {
      const symbol = text.codePointAt(at)!;
      const symbolKind = table[symbol]! & CLASS;
      if (symbolKind !== 0 && symbolKind !== MARK) break;
      at += symbol > 0xffff ? 2 : 1;
    }
    while (at < limit && isTail(text.charCodeAt(at), !han)) at++;
    return at;
  }
  let at = start;
  let newline = 0;
  for (; at < limit; at++) {
    const space = table[text.charCodeAt(at)]! & CLASS;
    if (space < NEWLINE) break;
    if (space === NEWLINE) newline = at + 1;
  }
  if (newline > 0) return newline;
  return at < limit && at - start > 1 ? at - 1 : at;
}

/** Newlines, and slashes or not, may end a run of symbols. */
function isTail(unit: number, slashes: boolean): boolean {
  return unit === 0x0a || unit === 0x0d || (slashes && unit === 0x2f);
}

function hanEnd(table: Uint8Array, text: string, at: number, limit: number): number {
  while (at < limit) {
    const point = text.codePointAt(at)!;
    if (table[point]! < HAN) break;
    at += point > 0xffff ? 2 : 1;
  }
  return at;
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
