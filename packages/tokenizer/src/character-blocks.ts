/** Where there may be characters that change: all planes but those for private use and for nothing yet. */
const PLANES = [
  [0, 0xd7ff],
  [0xe000, 0x3ffff],
  [0xe0000, 0xeffff],
] as const;
/** Units looked at together for whether anything changes. */
const BLOCK = 512;

/** All characters that may have a case, a decomposition or the like, as texts of some hundred each. */
export function* characterBlocks(): Generator<string> {
  for (const [first, last] of PLANES) {
    const text = textOf(first, last);
    for (let at = 0; at < text.length; at += BLOCK) yield text.slice(at, at + BLOCK);
  }
}

/** A text of all characters of a range. */
function textOf(first: number, last: number): string {
  const units = new Uint16Array(2 * (last - first + 1));
  let size = 0;
  for (let point = first; point <= last; point++) {
    if (point > 0xffff) units[size++] = 0xd7c0 + (point >> 10);
    units[size++] = point > 0xffff ? 0xdc00 + (point & 0x3ff) : point;
  }
  return new TextDecoder('utf-16le', { ignoreBOM: true }).decode(units.subarray(0, size));
}
