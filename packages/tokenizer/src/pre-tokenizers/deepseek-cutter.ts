import { categoryMask, classTable } from '../unicode.js';
import type { Cutter } from './pre-tokenizer.js';

/** Classes of the scanner: 0 none of these. */
const LETTER = 1;
const SYMBOL = 2;
const NEWLINE = 3;
const SPACE = 4;
let classes: Uint8Array | undefined;

/** The class of each code point, as the constants above number them; letters and marks are one. */
export function deepSeekClasses(): Uint8Array {
  if (classes) return classes;
  const table = classTable([categoryMask('L', 'M'), categoryMask('P', 'S'), 0, categoryMask('space')]);
  table[0x0a] = NEWLINE;
  table[0x0d] = NEWLINE;
  classes = table;
  return table;
}

/** The pattern `cutDeepSeek` follows, the last of the three of DeepSeek V3. */
export const DEEPSEEK_PATTERN = [
  '[!"#$%&\'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+',
  '[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+',
  ' ?[\\p{P}\\p{S}]+[\\r\\n]*',
  '\\s*[\\r\\n]+',
  '\\s+(?!\\S)',
  '\\s+',
].join('|');

/**
 * The end of the piece that starts at `start` (`DEEPSEEK_PATTERN`). Not every character belongs to a match: what lies
 * between two, control characters above all, is a piece as well.
 */
export const cutDeepSeek: Cutter = (text, start, limit) => {
  const table = classes ?? deepSeekClasses();
  const kindAt = (at: number) => (at < limit ? table[text.codePointAt(at)!]! : -1);
  const sizeAt = (at: number) => (text.codePointAt(at)! > 0xffff ? 2 : 1);
  const runEnd = (kind: number, at: number) => {
    while (kindAt(at) === kind) at += sizeAt(at);
    return at;
  };
  const unit = text.charCodeAt(start);
  const kind = kindAt(start);
  const next = start + sizeAt(start);
  if (kind === SYMBOL && unit < 0x80 && isAsciiLetter(text, next, limit)) {
    let at = next + 1;
    while (isAsciiLetter(text, at, limit)) at++;
    return at;
  }
  if (kind === LETTER) return runEnd(LETTER, next);
  const follows = kindAt(next);
  if ((kind === 0 || kind === SPACE) && follows === LETTER) return runEnd(LETTER, next);
  if (kind === SYMBOL || (unit === 0x20 && follows === SYMBOL)) {
    return runEnd(NEWLINE, runEnd(SYMBOL, next));
  }
  let at = start;
  if (kind === 0) {
    do at += sizeAt(at);
    while (kindAt(at) === 0 && kindAt(at + sizeAt(at)) !== LETTER);
    return at;
  }
  let newline = 0;
  for (; kindAt(at) >= NEWLINE; at++) if (kindAt(at) === NEWLINE) newline = at + 1;
  if (newline > 0) return newline;
  return at < limit && at - start > 1 ? at - 1 : at;
};

function isAsciiLetter(text: string, at: number, limit: number): boolean {
  const lower = at < limit ? text.charCodeAt(at) | 0x20 : 0;
  return lower >= 0x61 && lower <= 0x7a;
}
