import { CATEGORY_NAMES, CATEGORY_RUNS, WHITE_SPACE } from './unicode-data.js';

/** A general category such as `Lu`, or the first letter of a group of them such as `L`. */
export type Category = (typeof CATEGORY_NAMES)[number] | 'L' | 'M' | 'N' | 'P' | 'S' | 'Z' | 'C';

const SPACE_BIT = 1 << 30;
let table: Uint8Array | undefined;

/** Category index per code point, 30 more where it is White_Space; 1.1 MB, built at the first use. */
function load(): Uint8Array {
  const out = new Uint8Array(0x110000);
  let point = 0;
  for (const [, letter, length] of CATEGORY_RUNS.matchAll(/([^0-9])(\d*)/g)) {
    const end = point + (length ? Number(length) : 1);
    const code = letter!.charCodeAt(0);
    out.fill(code < 97 ? code - 65 : code - 97 + 26, point, end);
    point = end;
  }
  for (const c of WHITE_SPACE) out[c]! += CATEGORY_NAMES.length;
  return out;
}

/**
 * A bit mask over general categories for `hasCategory`; `'space'` stands for White_Space.
 *
 * @example
 * ```ts
 * hasCategory('é'.codePointAt(0)!, categoryMask('L')); // => true
 * ```
 */
export function categoryMask(...names: (Category | 'space')[]): number {
  let mask = 0;
  for (const name of names) {
    if (name === 'space') mask |= SPACE_BIT;
    CATEGORY_NAMES.forEach((category, i) => {
      if (category === name || category[0] === name) mask |= 1 << i;
    });
  }
  return mask;
}

/** True if the code point (0 to 0x10ffff) belongs to one of the categories of the mask. */
export function hasCategory(point: number, mask: number): boolean {
  const value = (table ??= load())[point]!;
  const count = CATEGORY_NAMES.length;
  return value < count
    ? (mask & (1 << value)) !== 0
    : (mask & (1 << (value - count))) !== 0 || (mask & SPACE_BIT) !== 0;
}

/**
 * A table of one byte per code point with the classes a scanner distinguishes: `classes[i]` gives the points in
 * its mask the value i + 1; the first that matches wins, and 0 is none.
 */
export function classTable(classes: readonly number[]): Uint8Array {
  const out = new Uint8Array(0x110000);
  const count = CATEGORY_NAMES.length;
  const byValue = new Uint8Array(2 * count);
  for (let value = 0; value < 2 * count; value++) {
    const bits = value < count ? 1 << value : (1 << (value - count)) | SPACE_BIT;
    byValue[value] = 1 + classes.findIndex((mask) => (mask & bits) !== 0);
  }
  const source = (table ??= load());
  for (let i = 0; i < out.length; i++) out[i] = byValue[source[i]!]!;
  return out;
}

/** The text with each lone surrogate replaced by U+FFFD, which keeps its length in UTF-16 units. */
export function toWellFormed(text: string): string {
  const native = text as string & { toWellFormed?: () => string };
  return native.toWellFormed ? native.toWellFormed() : text.replace(/\p{Cs}/gu, '\ufffd');
}

/** Bytes of the code point in UTF-8: 1 to 4. */
export function utf8Length(point: number): number {
  return point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
}
