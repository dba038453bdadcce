import { categoryMask, classTable } from '../unicode.js';

/** Classes of the scanner: 0 none, 1 letter, 2 number, 3 white space. */
const SPACE = 3;
let classes: Uint8Array | undefined;

/** The pattern `cutGpt2` follows, as the field writes it. */
export const GPT2_PATTERN = "'(?:[sdmt]|ll|ve|re)| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

/**
 * The end of the GPT-2 piece that starts at `start` (Radford et al. 2019; `GPT2_PATTERN`), in one pass and without
 * backtracking. Every unit of a text belongs to one piece.
 *
 * @example
 * ```ts
 * cutGpt2("I'm here", 1, 8); // => 3
 * ```
 */
export function cutGpt2(text: string, start: number, limit: number): number {
  const table = (classes ??= classTable([categoryMask('L'), categoryMask('N'), categoryMask('space')]));
  let i = start;
  let unit = text.charCodeAt(i);
  if (unit === 0x27 && i + 1 < limit) {
    const next = text.charCodeAt(i + 1);
    if (next === 0x73 || next === 0x64 || next === 0x6d || next === 0x74) return i + 2;
    if (i + 2 < limit) {
      const after = text.charCodeAt(i + 2);
      if (next === 0x6c && after === 0x6c) return i + 3;
      if ((next === 0x76 || next === 0x72) && after === 0x65) return i + 3;
    }
  }
  let kind: number;
  if (unit === 0x20 && i + 1 < limit) {
    const next = text.charCodeAt(i + 1);
    kind = table[next >= 0xd800 && next < 0xe000 ? text.codePointAt(i + 1)! : next]!;
    if (kind === SPACE) return cutSpaces(table, text, i, limit);
    i++;
    unit = next;
  } else {
    kind = table[unit >= 0xd800 && unit < 0xe000 ? text.codePointAt(i)! : unit]!;
    if (kind === SPACE) return cutSpaces(table, text, i, limit);
  }
  for (;;) {
    i += unit >= 0xd800 && unit < 0xdc00 && text.codePointAt(i)! > 0xffff ? 2 : 1;
    if (i >= limit) return limit;
    unit = text.charCodeAt(i);
    if (table[unit >= 0xd800 && unit < 0xe000 ? text.codePointAt(i)! : unit] !== kind) return i;
  }
}

/** The end of the run of white space from `first`, less its last unit where that one goes with what follows. */
function cutSpaces(table: Uint8Array, text: string, first: number, limit: number): number {
  let i = first + 1;
  while (i < limit && table[text.charCodeAt(i)] === SPACE) i++;
  return i < limit && i - first > 1 ? i - 1 : i;
}
