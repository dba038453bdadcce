import { categoryMask, classTable } from '../unicode.js';
import type { Cutter } from './pre-tokenizer.js';

/** Classes of the scanner: 0 none of these. */
const LETTER = 1;
const NUMBER = 2;
const NEWLINE = 3;
let classes: Uint8Array | undefined;

function load(): Uint8Array {
  const table = classTable([categoryMask('L'), categoryMask('N'), 0, categoryMask('space')]);
  table[0x0a] = NEWLINE;
  table[0x0d] = NEWLINE;
  return table;
}

/** How the variants of the cl100k pattern differ. */
export interface Cl100kOptions {
  /** Most digits in one piece; 3 for cl100k and Llama 3, 1 for Qwen 2, 2 for nanochat. */
  digits: number;
  /** White space that ends the text is one piece, newlines or not, as in the pattern tiktoken has had since 0.8. */
  wholeTail: boolean;
}

/**
 * A cutter for the patterns of the cl100k family, in one pass and without backtracking:
 * `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
 */
export function cl100kCutter({ digits, wholeTail }: Cl100kOptions): Cutter {
  return (text, start, limit) => {
    const table = (classes ??= load());
    const unit = text.charCodeAt(start);
    const astral = unit >= 0xd800 && unit < 0xdc00;
    const kind = table[astral ? text.codePointAt(start)! : unit]!;
    const next = start + (astral ? 2 : 1);
    if (kind === LETTER) return runEnd(table, LETTER, text, next, limit);
    if (kind === NUMBER) {
      let at = next;
      for (let count = 1; count < digits && at < limit; count++) {
        const point = text.codePointAt(at)!;
        if (table[point] !== NUMBER) break;
        at += point > 0xffff ? 2 : 1;
      }
      return at;
    }
    if (unit === 0x27) {
      const end = contractionEnd(text, start, limit);
      if (end > 0) return end;
    }
    const follows = next < limit ? table[text.codePointAt(next)!]! : -1;
    if (kind !== NEWLINE && follows === LETTER) return runEnd(table, LETTER, text, next, limit);
    if (kind === 0 || (unit === 0x20 && follows === 0)) {
      return newlinesEnd(text, runEnd(table, 0, text, next, limit), limit);
    }
    return spacesEnd(table, text, start, limit, wholeTail);
  };

  function newlinesEnd(text: string, at: number, limit: number): number {
    while (at < limit && (text.charCodeAt(at) === 0x0a || text.charCodeAt(at) === 0x0d)) at++;
    return at;
  }

  function spacesEnd(table: Uint8Array, text: string, start: number, limit: number, whole: boolean): number {
    let at = start;
    let newline = 0;
    for (; at < limit; at++) {
      const kind = table[text.charCodeAt(at)]!;
      if (kind < NEWLINE) break;
      if (kind === NEWLINE) newline = at + 1;
    }
    if (at === limit && whole) return at;
    if (newline > 0) return newline;
    return at < limit && at - start > 1 ? at - 1 : at;
  }
}

/** The end of the run of characters of one class from `at` on. */
function runEnd(table: Uint8Array, kind: number, text: string, at: number, limit: number): number {
  while (at < limit) {
    const unit = text.charCodeAt(at);
    const astral = unit >= 0xd800 && unit < 0xdc00;
    if (table[astral ? text.codePointAt(at)! : unit] !== kind) break;
    at += astral ? 2 : 1;
  }
  return at;
}

/** The end of an English contraction at an apostrophe, in any case, or -1. Long s (U+017F) folds to s. */
export function contractionEnd(text: string, start: number, limit: number): number {
  if (start + 1 >= limit || text.charCodeAt(start) !== 0x27) return -1;
  const first = fold(text.charCodeAt(start + 1));
  if (first === 0x73 || first === 0x74 || first === 0x6d || first === 0x64) return start + 2;
  if (start + 2 >= limit) return -1;
  const second = fold(text.charCodeAt(start + 2));
  if (first === 0x6c && second === 0x6c) return start + 3;
  return (first === 0x72 || first === 0x76) && second === 0x65 ? start + 3 : -1;
}

function fold(unit: number): number {
  if (unit === 0x17f) return 0x73;
  return unit >= 0x41 && unit <= 0x5a ? unit + 32 : unit;
}
