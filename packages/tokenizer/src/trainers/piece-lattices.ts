import type { ByteWords } from './byte-words.js';
import type { Pace, TrainProgress } from './progress.js';
import { type PointWords, seedPieces } from './seed-pieces.js';
import type { CharacterCounts, Cuts, Seed, WordLattices } from './word-lattices.js';

/** Words with a sum below LOW are summed in numbers with powers of LOW of their own. */
const LOW = 2 ** -128;

/** An edge is the id of its piece and, in the lowest bits, one less than its length. */
const LENGTH_BITS = 6;
const LENGTH_MASK = (1 << LENGTH_BITS) - 1;

/** `WordLattices` in TypeScript: the definition. The edges are found once and kept, 4 bytes each. */
export class PieceLattices implements WordLattices {
  #words: PointWords;
  /** Of each position the edges that start there, shortest first; one more entry than positions. */
  #first = Uint32Array.of(0);
  #edges = new Uint32Array(0);
  /** Of each piece from 1 on, where one of its occurrences is, and its length. */
  #at = new Int32Array(1);
  #lengths = new Uint8Array(1);
  /** x + m - m rounds x to a multiple of m / 1.5 / 2^52, of which no sum has more than 2^51. */
  #rounding = 0;
  /** By position of a word: sums up to it and from it on; where the best cut so far comes from, and by which piece. */
  #forward = new Float64Array(64);
  #backward = new Float64Array(64);
  #from = new Int32Array(64);
  #by = new Int32Array(64);
  /** The ids of the last cut that `best` found, in order. */
  readonly #path: number[] = [];

  constructor(words: ByteWords) {
    this.#words = pointWords(words);
  }

  characters(): CharacterCounts {
    const frequency = new Map<number, number>();
    this.#eachPoint((point, count) => frequency.set(point, (frequency.get(point) ?? 0) + count));
    return { points: Int32Array.from(frequency.keys()), counts: Float64Array.from(frequency.values()) };
  }

  #eachPoint(visit: (point: number, count: number) => void): void {
    const { points, starts, counts } = this.#words;
    for (let word = 0; word < counts.length; word++) {
      for (let i = starts[word]!; i < starts[word + 1]!; i++) visit(points[i]!, counts[word]!);
    }
  }

  seed(characters: Int32Array, longest: number, limit: number): Seed {
    const ids = new Map(Array.from(characters, (point, i) => [point, i + 1]));
    const words = splitAtOthers(this.#words, ids);
    this.#words = words;
    const { points, starts } = words;
    const { order, found } = seedPieces(words, longest, limit);
    const pieces = ids.size + found.length;

    const first = new Uint32Array(points.length + 1);
    for (let i = 0; i < points.length; i++) first[i + 1] = 1;
    for (const { from, to } of found) for (let k = from; k < to; k++) first[order[k]! + 1]!++;
    for (let i = 0; i < points.length; i++) first[i + 1]! += first[i]!;
    const edges = new Uint32Array(first.at(-1)!);
    const next = first.slice();
    const counts = new Float64Array(pieces);
    const at = new Int32Array(pieces + 1);
    const lengths = new Uint8Array(pieces + 1);
    for (let word = 0; word + 1 < starts.length; word++) {
      for (let i = starts[word]!; i < starts[word + 1]!; i++) {
        const id = ids.get(points[i]!)!;
        edges[next[i]!++] = id << LENGTH_BITS;
        counts[id - 1]! += words.counts[word]!;
        at[id] = i;
        lengths[id] = 1;
      }
    }
    for (let length = 2; length <= longest; length++) {
      found.forEach((candidate, i) => {
        if (candidate.length !== length) return;
        const edge = ((ids.size + i + 1) << LENGTH_BITS) | (length - 1);
        for (let k = candidate.from; k < candidate.to; k++) edges[next[order[k]!]!++] = edge;
      });
    }
    found.forEach((candidate, i) => {
      const id = ids.size + i + 1;
      counts[id - 1] = candidate.count;
      at[id] = order[candidate.from]!;
      lengths[id] = candidate.length;
    });
    this.#first = first;
    this.#edges = edges;
    this.#at = at;
    this.#lengths = lengths;
    let length = 0;
    this.#eachPoint((_, count) => {
      length += count;
    });
    let unit = 2 ** -40;
    while (length > 2 ** 51 * unit) unit *= 2;
    this.#rounding = 1.5 * 2 ** 52 * unit;
    return spelled(points, characters, at, lengths, counts);
  }

  keep(ids: Int32Array): void {
    const renumbered = new Int32Array(this.#at.length);
    ids.forEach((id, i) => {
      renumbered[id] = i + 1;
    });
    this.#at = Int32Array.from({ length: ids.length + 1 }, (_, i) => (i > 0 ? this.#at[ids[i - 1]!]! : 0));
    this.#lengths = Uint8Array.from({ length: ids.length + 1 }, (_, i) =>
      i > 0 ? this.#lengths[ids[i - 1]!]! : 0,
    );
    const first = this.#first;
    const edges = this.#edges;
    let read = 0;
    let write = 0;
    for (let i = 0; i + 1 < first.length; i++) {
      first[i] = write;
      for (const end = first[i + 1]!; read < end; read++) {
        const length = edges[read]! & LENGTH_MASK;
        const id = renumbered[edges[read]! >>> LENGTH_BITS]!;
        // A character stays, if need be without a piece.
        if (id > 0 || length === 0) edges[write++] = (id << LENGTH_BITS) | length;
      }
    }
    first[first.length - 1] = write;
    // Half of the room is given back as soon as it is not needed.
    this.#edges = 2 * write < edges.length ? edges.slice(0, write) : edges;
  }

  async expect(probabilities: Float64Array, pace: Pace, progress: TrainProgress): Promise<Float64Array> {
    const { starts, counts } = this.#words;
    const expected = new Float64Array(probabilities.length);
    for (let word = 0; word < counts.length; word++) {
      this.#expectWord(starts[word]!, starts[word + 1]!, counts[word]!, probabilities, expected);
      if (word % 64 === 63 && pace.due) await pace.rest(progress);
    }
    return expected;
  }

  /**
   * Adds `count` times each piece's probability of standing in a cut of a word to `expected`:
   * P(edge) = forward(start) * p * backward(end) / Z. Words as improbable as a product below
   * LOW are left to `#expectImprobable`.
   */
  #expectWord(
    start: number,
    end: number,
    count: number,
    probabilities: Float64Array,
    expected: Float64Array,
  ): void {
    const size = end - start;
    this.#reserve(size);
    const first = this.#first;
    const edges = this.#edges;
    const rounding = this.#rounding;
    const forward = this.#forward.fill(0, 0, size + 1);
    forward[0] = 1;
    for (let i = 0; i < size; i++) {
      const sum = forward[i]!;
      if (sum < LOW) {
        this.#expectImprobable(start, size, count, probabilities, expected);
        return;
      }
      for (let e = first[start + i]!; e < first[start + i + 1]!; e++) {
        const edge = edges[e]!;
        forward[i + 1 + (edge & LENGTH_MASK)]! += sum * probabilities[edge >>> LENGTH_BITS]!;
      }
    }
    const backward = this.#backward;
    backward[size] = count / forward[size]!;
    for (let i = size - 1; i >= 0; i--) {
      const before = forward[i]!;
      let sum = 0;
      for (let e = first[start + i]!; e < first[start + i + 1]!; e++) {
        const edge = edges[e]!;
        const id = edge >>> LENGTH_BITS;
        const rest = probabilities[id]! * backward[i + 1 + (edge & LENGTH_MASK)]!;
        sum += rest;
        expected[id]! += before * rest + rounding - rounding;
      }
      backward[i] = sum;
    }
  }

  /** The same where sums become too small: each is a number times a power of LOW, and no path is lost. */
  #expectImprobable(
    start: number,
    size: number,
    count: number,
    probabilities: Float64Array,
    expected: Float64Array,
  ): void {
    const first = this.#first;
    const edges = this.#edges;
    const rounding = this.#rounding;
    const forward = this.#forward.fill(0, 0, size + 1);
    const backward = this.#backward.fill(0, 0, size + 1);
    const powers = this.#from;
    const powersBack = this.#by;
    forward[0] = 1;
    powers[0] = 0;
    for (let i = 0; i < size; i++) {
      normalize(forward, powers, i);
      for (let e = first[start + i]!; e < first[start + i + 1]!; e++) {
        const edge = edges[e]!;
        const to = i + 1 + (edge & LENGTH_MASK);
        add(forward, powers, to, forward[i]! * probabilities[edge >>> LENGTH_BITS]!, powers[i]!);
      }
    }
    normalize(forward, powers, size);
    backward[size] = count / forward[size]!;
    powersBack[size] = -powers[size]!;
    for (let i = size - 1; i >= 0; i--) {
      for (let e = first[start + i]!; e < first[start + i + 1]!; e++) {
        const edge = edges[e]!;
        const id = edge >>> LENGTH_BITS;
        const to = i + 1 + (edge & LENGTH_MASK);
        const rest = probabilities[id]! * backward[to]!;
        const power = powersBack[to]!;
        add(backward, powersBack, i, rest, power);
        expected[id]! += timesLow(forward[i]! * rest, powers[i]! + power) + rounding - rounding;
      }
      normalize(backward, powersBack, i);
    }
  }

  async cut(scores: Float64Array, pace: Pace, progress: TrainProgress): Promise<Cuts> {
    const { starts, counts } = this.#words;
    const used = new Float64Array(scores.length);
    for (let word = 0; word < counts.length; word++) {
      this.#best(starts[word]!, starts[word + 1]!, true, scores);
      for (const id of this.#path) used[id]! += counts[word]!;
      if (word % 64 === 63 && pace.due) await pace.rest(progress);
    }
    const parts: number[] = [];
    const partStarts = new Int32Array(scores.length);
    for (let id = 1; id < scores.length; id++) {
      const at = this.#at[id]!;
      this.#best(at, at + this.#lengths[id]!, false, scores);
      for (const part of this.#path) parts.push(part);
      partStarts[id] = parts.length;
      if (id % 64 === 63 && pace.due) await pace.rest(progress);
    }
    return { used, parts: Int32Array.from(parts), starts: partStarts };
  }

  /** Finds the best cut of what stands at [start, end), with itself as a piece or without; none if there is none. */
  #best(start: number, end: number, withWhole: boolean, scores: Float64Array): void {
    const size = end - start;
    this.#reserve(size);
    const first = this.#first;
    const edges = this.#edges;
    const best = this.#forward;
    const from = this.#from.fill(-1, 0, size + 1);
    const by = this.#by;
    best[0] = 0;
    for (let i = 0; i < size; i++) {
      for (let e = first[start + i]!; e < first[start + i + 1]!; e++) {
        const length = (edges[e]! & LENGTH_MASK) + 1;
        const to = i + length;
        if (to > size || (!withWhole && length === size)) break;
        const id = edges[e]! >>> LENGTH_BITS;
        const score = best[i]! + scores[id]!;
        if (from[to]! >= 0 && score <= best[to]!) continue;
        best[to] = score;
        from[to] = i;
        by[to] = id;
      }
    }
    this.#path.length = 0;
    if (from[size]! < 0) return;
    for (let at = size; at > 0; at = from[at]!) this.#path.push(by[at]!);
    this.#path.reverse();
  }

  /** Makes room for a word. */
  #reserve(size: number): void {
    if (size < this.#forward.length) return;
    this.#forward = new Float64Array(2 * size);
    this.#backward = new Float64Array(2 * size);
    this.#from = new Int32Array(2 * size);
    this.#by = new Int32Array(2 * size);
  }
}

/** x times LOW to the power n. */
function timesLow(x: number, n: number): number {
  for (; n > 0; n--) x *= LOW;
  for (; n < 0; n++) x /= LOW;
  return x;
}

/** Adds value * LOW^power to a sum; the lower of the two powers stays. */
function add(sums: Float64Array, powers: Int32Array, at: number, value: number, power: number): void {
  if (sums[at] === 0) {
    sums[at] = value;
    powers[at] = power;
    return;
  }
  if (power < powers[at]!) {
    sums[at] = timesLow(sums[at]!, powers[at]! - power);
    powers[at] = power;
  }
  sums[at]! += timesLow(value, power - powers[at]!);
}

/** Brings a sum that is neither 0 nor infinite between LOW and 1 / LOW. */
function normalize(sums: Float64Array, powers: Int32Array, at: number): void {
  for (; sums[at]! > 0 && sums[at]! < LOW; powers[at]!++) sums[at]! /= LOW;
  for (; sums[at]! > 1 / LOW && sums[at]! < Infinity; powers[at]!--) sums[at]! *= LOW;
}

/** Words of UTF-8 as code points. */
function pointWords({ bytes, starts, counts }: ByteWords): PointWords {
  let size = 0;
  for (let i = 0; i < bytes.length; i++) if ((bytes[i]! & 0xc0) !== 0x80) size++;
  const points = new Int32Array(size);
  const pointStarts = new Int32Array(starts.length);
  let at = 0;
  for (let word = 0; word < counts.length; word++) {
    for (let i = starts[word]!; i < starts[word + 1]!; ) {
      const lead = bytes[i++]!;
      let point = lead < 0x80 ? lead : lead < 0xe0 ? lead & 31 : lead < 0xf0 ? lead & 15 : lead & 7;
      for (; i < starts[word + 1]! && (bytes[i]! & 0xc0) === 0x80; i++)
        point = (point << 6) | (bytes[i]! & 63);
      points[at++] = point;
    }
    pointStarts[word + 1] = at;
  }
  return { points, starts: pointStarts, counts };
}

/** The words without the characters that are not known, cut there. */
function splitAtOthers(
  { points, starts, counts }: PointWords,
  known: ReadonlyMap<number, number>,
): PointWords {
  const kept = new Int32Array(points.length);
  const keptStarts = [0];
  const keptCounts: number[] = [];
  let size = 0;
  const close = (count: number) => {
    if (size === keptStarts.at(-1)) return;
    keptStarts.push(size);
    keptCounts.push(count);
  };
  for (let word = 0; word < counts.length; word++) {
    for (let i = starts[word]!; i < starts[word + 1]!; i++) {
      if (known.has(points[i]!)) kept[size++] = points[i]!;
      else close(counts[word]!);
    }
    close(counts[word]!);
  }
  return {
    points: kept.subarray(0, size),
    starts: Int32Array.from(keptStarts),
    counts: Float64Array.from(keptCounts),
  };
}

/** Pieces that stand at the given positions, but for characters, which may stand nowhere. */
function spelled(
  points: Int32Array,
  characters: Int32Array,
  at: Int32Array,
  lengths: Uint8Array,
  counts: Float64Array,
): Seed {
  const starts = new Int32Array(at.length);
  for (let i = 1; i < at.length; i++) starts[i] = starts[i - 1]! + (i <= characters.length ? 1 : lengths[i]!);
  const out = new Int32Array(starts.at(-1)!);
  out.set(characters);
  for (let id = characters.length + 1; id < at.length; id++) {
    out.set(points.subarray(at[id]!, at[id]! + lengths[id]!), starts[id - 1]!);
  }
  return { points: out, starts, counts };
}
