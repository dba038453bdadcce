import { categoryMask, classTable } from '../unicode.js';

/** The class of numbers; 1 are letters, 3 white space, 0 all others. */
const NUMBER = 2;
let classes: Uint8Array | undefined;

/** The pattern of CLIP, whose matches are kept and nothing else. */
export const CLIP_PATTERN = "'s|'t|'re|'ve|'m|'ll|'d|[\\p{L}]+|[\\p{N}]|[^\\s\\p{L}\\p{N}]+";

/**
 * The end of the piece that starts at `start` (`CLIP_PATTERN`). White space, which no match has, is a piece as well.
 *
 * @example
 * ```ts
 * cutClip("i'm", 1, 3); // => 3
 * ```
 */
export function cutClip(text: string, start: number, limit: number): number {
  const table = (classes ??= classTable([categoryMask('L'), categoryMask('N'), categoryMask('space')]));
  if (text.charCodeAt(start) === 0x27) {
    const next = start + 1 < limit ? text[start + 1]! : '';
    if (next !== '' && 'sdmt'.includes(next)) return start + 2;
    if (start + 2 < limit && ['ll', 've', 're'].includes(next + text[start + 2]!)) return start + 3;
  }
  let point = text.codePointAt(start)!;
  const kind = table[point]!;
  let at = start;
  do {
    at += point > 0xffff ? 2 : 1;
    if (kind === NUMBER || at >= limit) return at;
    point = text.codePointAt(at)!;
  } while (table[point] === kind);
  return at;
}
