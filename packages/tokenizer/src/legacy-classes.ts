import { BERT_CONTROL, COMBINING, NONSPACING, NUMERIC, PUNCTUATION } from './legacy-classes-data.js';

const data = { BERT_CONTROL, COMBINING, NONSPACING, NUMERIC, PUNCTUATION };

/** Classes that the reference takes from older Unicode tables than its patterns. */
export type LegacyClass = keyof typeof data;

const sets = new Map<LegacyClass, Uint8Array>();

/** A test whether a code point is in the class; the class is a bit set of 139 kB, built at the first use. */
export function legacyClass(name: LegacyClass): (point: number) => boolean {
  let bits: Uint8Array | undefined;
  return (point) => {
    bits ??= sets.get(name) ?? load(name);
    return (bits[point >> 3]! & (1 << (point & 7))) !== 0;
  };
}

/** The code points of a class, as ranges in order; both ends belong to it. */
export function* legacyRanges(name: LegacyClass): Generator<[first: number, last: number]> {
  let start = 0;
  for (const run of data[name].split(' ')) {
    const [distance, more = 0] = run.split(',').map((part) => Number.parseInt(part, 16)) as [number, number?];
    start += distance;
    yield [start, start + more];
  }
}

function load(name: LegacyClass): Uint8Array {
  const bits = new Uint8Array(0x110000 / 8);
  for (const [first, last] of legacyRanges(name)) {
    for (let point = first; point <= last; point++) bits[point >> 3]! |= 1 << (point & 7);
  }
  sets.set(name, bits);
  return bits;
}
