const BEAM = 25;
const LONGEST_SHIFT = 10;
const FARTHEST_SHIFT = 50;
const MOST_CANDIDATES = 1000;
const INFINITE = 1e9;

/** Edit operations, seen as turning the hypothesis into the reference. */
const KEEP = 0;
const SUBSTITUTE = 1;
const DELETE = 2;
const INSERT = 3;

/**
 * Edit distances from changing hypotheses of one length to one reference, near the diagonal only.
 *
 * A shifted hypothesis shares its first words with the unshifted one, hence the first rows of the table: only the rows
 * from the first changed word on are computed again.
 */
class BeamDistance {
  private readonly base: Int32Array;
  private readonly scratch: Int32Array;
  private readonly operations: Uint8Array;
  private readonly columns: number;
  private readonly ratio: number;
  private readonly beam: number;

  constructor(
    private readonly reference: Int32Array,
    private readonly length: number,
  ) {
    this.columns = reference.length + 1;
    const cells = (length + 1) * this.columns;
    this.base = new Int32Array(cells);
    this.scratch = new Int32Array(cells);
    this.operations = new Uint8Array(cells);
    this.ratio = length > 0 ? reference.length / length : 1;
    // Very unequal lengths would leave neighbouring rows without overlap.
    this.beam = BEAM < this.ratio / 2 ? Math.ceil(this.ratio / 2 + BEAM) : BEAM;
    for (let j = 0; j < this.columns; j++) {
      this.base[j] = j;
      this.operations[j] = INSERT;
    }
  }

  /** Computes the whole table for `hypothesis` and keeps it; returns the distance. */
  setBase(hypothesis: Int32Array): number {
    this.fill(hypothesis, 1, this.base, this.base, true);
    return this.base.at(-1)!;
  }

  /** The distance of a hypothesis that agrees with the base in its first `same` words. */
  shifted(hypothesis: Int32Array, same: number): number {
    const { columns } = this;
    this.scratch.set(this.base.subarray(same * columns, (same + 1) * columns), same * columns);
    this.fill(hypothesis, same + 1, this.scratch, this.scratch, false);
    return same === this.length ? this.base.at(-1)! : this.scratch.at(-1)!;
  }

  private fill(
    hypothesis: Int32Array,
    from: number,
    previous: Int32Array,
    table: Int32Array,
    keep: boolean,
  ): void {
    const { columns, reference, length, operations } = this;
    for (let i = from; i <= length; i++) {
      const row = i * columns;
      table.fill(INFINITE, row, row + columns);
      const diagonal = Math.floor(i * this.ratio);
      const low = Math.max(0, diagonal - this.beam);
      const high = i === length ? columns : Math.min(columns, diagonal + this.beam);
      const word = hypothesis[i - 1]!;
      for (let j = low; j < high; j++) {
        const above = row - columns + j;
        let cost = INFINITE;
        let operation = DELETE;
        if (j === 0) {
          cost = previous[above]! + 1;
        } else {
          const equal = word === reference[j - 1];
          const diagonalCost = previous[above - 1]! + (equal ? 0 : 1);
          if (diagonalCost < cost) {
            cost = diagonalCost;
            operation = equal ? KEEP : SUBSTITUTE;
          }
          if (previous[above]! + 1 < cost) {
            cost = previous[above]! + 1;
            operation = DELETE;
          }
          if (table[row + j - 1]! + 1 < cost) {
            cost = table[row + j - 1]! + 1;
            operation = INSERT;
          }
        }
        table[row + j] = cost;
        if (keep) operations[row + j] = operation;
      }
    }
  }

  /**
   * Reads the base's alignment: for each reference position the hypothesis position it lines up with (or the last one
   * before it, -1 at the start), and which positions of either side are in error.
   */
  align(): { aligned: Int32Array; referenceWrong: Uint8Array; hypothesisWrong: Uint8Array } {
    const aligned = new Int32Array(this.reference.length);
    const referenceWrong = new Uint8Array(this.reference.length);
    const hypothesisWrong = new Uint8Array(this.length);
    let i = this.length;
    let j = this.reference.length;
    while (i > 0 || j > 0) {
      const operation = this.operations[i * this.columns + j]!;
      if (operation === INSERT) {
        j--;
        aligned[j] = i - 1;
        referenceWrong[j] = 1;
      } else if (operation === DELETE) {
        i--;
        hypothesisWrong[i] = 1;
      } else {
        i--;
        j--;
        aligned[j] = i;
        referenceWrong[j] = hypothesisWrong[i] = operation;
      }
    }
    return { aligned, referenceWrong, hypothesisWrong };
  }
}

/** Moves words[start, start + length) to before position `target` of the original. */
function shift(words: Int32Array, start: number, length: number, target: number, out: Int32Array): void {
  const end = start + length;
  let at = 0;
  const copy = (from: number, to: number): void => {
    for (let i = from; i < to && i < words.length; i++) out[at++] = words[i]!;
  };
  if (target < start) {
    copy(0, target);
    copy(start, end);
    copy(target, start);
    copy(end, words.length);
  } else if (target > end) {
    copy(0, start);
    copy(end, target);
    copy(start, end);
    copy(target, words.length);
  } else {
    // Within itself: the target then counts positions behind the block.
    copy(0, start);
    copy(end, length + target);
    copy(start, end);
    copy(length + target, words.length);
  }
}

const anySet = (flags: Uint8Array, start: number, length: number): boolean => {
  for (let i = start; i < start + length; i++) if (flags[i]) return true;
  return false;
};

interface Shift {
  gain: number;
  length: number;
  start: number;
  target: number;
  words: Int32Array;
}

/** Whether a candidate ranks above the best so far: more gain, longer, earlier source, earlier target. */
function better(gain: number, length: number, start: number, target: number, best: Shift): boolean {
  if (gain !== best.gain) return gain > best.gain;
  if (length !== best.length) return length > best.length;
  if (start !== best.start) return start < best.start;
  return target < best.target;
}

/** The best single shift of `words`, and how many candidates have been looked at in all. */
function bestShift(
  words: Int32Array,
  reference: Int32Array,
  distance: BeamDistance,
  checked: number,
): { best: Shift | undefined; checked: number } {
  const before = distance.setBase(words);
  const { aligned, referenceWrong, hypothesisWrong } = distance.align();
  const candidate = new Int32Array(words.length);
  let best: Shift | undefined;
  for (let start = 0; start < words.length; start++) {
    const from = Math.max(0, start - FARTHEST_SHIFT);
    const to = Math.min(reference.length - 1, start + FARTHEST_SHIFT);
    for (let place = from; place <= to; place++) {
      const most = Math.min(LONGEST_SHIFT, words.length - start, reference.length - place);
      for (
        let length = 1;
        length <= most && words[start + length - 1] === reference[place + length - 1];
        length++
      ) {
        // Only move words that are wrong where they are, to a place that is wrong as it is.
        if (!anySet(hypothesisWrong, start, length) || !anySet(referenceWrong, place, length)) continue;
        if (start <= aligned[place]! && aligned[place]! < start + length) continue;
        let previous = -1;
        for (let offset = -1; offset < length; offset++) {
          const target = place + offset === -1 ? 0 : aligned[place + offset]! + 1;
          if (target === previous) continue;
          previous = target;
          shift(words, start, length, target, candidate);
          const gain = before - distance.shifted(candidate, Math.min(start, target));
          checked++;
          if (!best || better(gain, length, start, target, best)) {
            best = { gain, length, start, target, words: candidate.slice() };
          }
        }
        if (checked >= MOST_CANDIDATES) return { best, checked };
      }
    }
  }
  return { best, checked };
}

/**
 * Tercom's edit count: shifts while they help, then the remaining edit distance.
 *
 * @param hypothesis Word ids, [n].
 * @param reference Word ids, [m].
 */
export function translationEdits(hypothesis: Int32Array, reference: Int32Array): number {
  if (reference.length === 0) return hypothesis.length;
  const distance = new BeamDistance(reference, hypothesis.length);
  let words = hypothesis;
  let shifts = 0;
  let checked = 0;
  for (;;) {
    const found = bestShift(words, reference, distance, checked);
    checked = found.checked;
    if (checked >= MOST_CANDIDATES || !found.best || found.best.gain <= 0) break;
    shifts++;
    words = found.best.words;
  }
  return shifts + distance.setBase(words);
}
