import type { Cutter } from './pre-tokenizer.js';

const links = new WeakMap<Cutter, readonly Cutter[]>();

/**
 * The cutter for cutters one after the other: each cuts what the one before has left whole, and sees no more than that.
 * Pieces are asked for in order; anything else begins anew, at a place where all of them cut.
 *
 * @param cutters two or more that look at nothing before the place they are asked about.
 */
export function chainCutters(cutters: readonly Cutter[]): Cutter {
  const ends = new Int32Array(cutters.length);
  let seen = '';
  let seenLimit = -1;
  let next = -1;
  const cut: Cutter = (text, start, limit) => {
    if (start !== next || limit !== seenLimit || text !== seen) {
      ends.fill(start);
      seen = text;
      seenLimit = limit;
    }
    next = limit;
    for (let i = 0; i < cutters.length; i++) {
      if (ends[i]! <= start) ends[i] = cutters[i]!(text, start, next);
      next = ends[i]!;
    }
    return next;
  };
  links.set(cut, cutters);
  return cut;
}

/** The cutters that a cutter is a chain of. */
export function chainOf(cut: Cutter): readonly Cutter[] | undefined {
  return links.get(cut);
}
