import type { Encoding } from './encoding.js';

/** Turns the offsets of an encoding, in place, from UTF-16 units to code points of the texts it comes from. */
export function toCodePoints(encoding: Encoding, texts: readonly string[]): void {
  const maps = texts.map(unitsToPoints);
  const convert = (part: Encoding) => {
    for (let i = 0; i < part.length; i++) {
      const map = maps[part.sequenceIds[i]!];
      if (!map) continue;
      part.offsets[2 * i] = map[part.offsets[2 * i]!]!;
      part.offsets[2 * i + 1] = map[part.offsets[2 * i + 1]!]!;
    }
    part.overflowing.forEach(convert);
  };
  convert(encoding);
}

/**
 * Moves offsets that lie inside a surrogate pair, in place, out of it: trimming counts in characters, so that a start has
 * passed that one, and an end has left it out.
 */
export function snapToCharacters(encoding: Encoding, texts: readonly string[]): void {
  if (!texts.some((text) => /[\ud800-\udbff]/.test(text))) return;
  const snap = (part: Encoding) => {
    const { offsets } = part;
    for (let i = 0; i < part.length; i++) {
      const text = texts[part.sequenceIds[i]!];
      if (!text) continue;
      const isInside = (at: number) => at > 0 && text.codePointAt(at - 1)! > 0xffff;
      if (isInside(offsets[2 * i]!)) offsets[2 * i]! += 1;
      if (isInside(offsets[2 * i + 1]!)) offsets[2 * i + 1]! -= 1;
      offsets[2 * i + 1] = Math.max(offsets[2 * i]!, offsets[2 * i + 1]!);
    }
    part.overflowing.forEach(snap);
  };
  snap(encoding);
}

/** Code points before each UTF-16 unit, and before the end; undefined where the two counts are the same. */
function unitsToPoints(text: string): Int32Array | undefined {
  if (!/[\ud800-\udbff]/.test(text)) return undefined;
  const out = new Int32Array(text.length + 1);
  let points = 0;
  for (let i = 0; i < text.length; i++) {
    out[i] = points;
    // The second half of a pair counts for the character it belongs to.
    if (text.codePointAt(i)! > 0xffff) out[++i] = points;
    points++;
  }
  out[text.length] = points;
  return out;
}
