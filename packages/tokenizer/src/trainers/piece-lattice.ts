import { logAdd } from '../models/lattice.js';
import { UNKNOWN_PENALTY } from '../models/unigram.js';
import { PairTable } from '../pair-table.js';
import type { Piece } from './unigram-em.js';
import type { WordCounts } from './word-counts.js';

/** Different words as UTF-16 units: word i is `units[starts[i], starts[i + 1])` and occurs `counts[i]` times. */
export interface UnitWords {
  units: Uint16Array;
  starts: Int32Array;
  counts: Float64Array;
}

/** The words of a table as units, in its order. */
export function unitWords(words: WordCounts): UnitWords {
  const starts = new Int32Array(words.size + 1);
  for (let i = 0; i < words.size; i++) starts[i + 1] = starts[i]! + words.piece(i).length;
  const units = new Uint16Array(starts.at(-1)!);
  for (let i = 0; i < words.size; i++) {
    const piece = words.piece(i);
    for (let k = 0; k < piece.length; k++) units[starts[i]! + k] = piece.charCodeAt(k);
  }
  return { units, starts, counts: words.counts };
}

/**
 * Every way to cut one word into pieces, as `Lattice` of a `Unigram` model, in typed arrays that are filled again and
 * again: training does little else. Piece i has the id i + 1; id 0 is a character that no piece covers.
 */
export class PieceLattice {
  /** Of each unit the node of the trie it leads to from the root, or 0. */
  readonly #roots = new Int32Array(1 << 16);
  readonly #children: PairTable;
  /** The id of the piece that ends at each node, or 0. */
  #nodeIds = new Int32Array(1 << 12);
  readonly #scores: Float64Array;
  /** The edges, by start and then by length. */
  #starts = new Int32Array(64);
  #ends = new Int32Array(64);
  #ids = new Int32Array(64);
  #edges = 0;
  #size = 0;
  /** By position: sums up to it and from it on; where the best cut so far comes from, and by which piece. */
  #forward = new Float64Array(64);
  #backward = new Float64Array(64);
  #from = new Int32Array(64);
  #by = new Int32Array(64);
  /** The ids of the last cut that `best` found, in order. */
  readonly path: number[] = [];

  /** @param pieces none of them twice. */
  constructor(pieces: readonly Piece[]) {
    this.#scores = new Float64Array(pieces.length + 1);
    this.#children = new PairTable(2 * pieces.length);
    let nodes = 1;
    let lowest = 0;
    pieces.forEach(([token, score], i) => {
      this.#scores[i + 1] = score;
      lowest = i === 0 ? score : Math.min(lowest, score);
      let node = 0;
      for (let k = 0; k < token.length; k++) {
        const unit = token.charCodeAt(k);
        let child = k === 0 ? this.#roots[unit]! : this.#children.get(node, unit);
        if (child <= 0) {
          child = nodes++;
          if (k === 0) this.#roots[unit] = child;
          else this.#children.set(node, unit, child);
          if (child === this.#nodeIds.length) this.#nodeIds = grown(this.#nodeIds, child + 1);
        }
        node = child;
      }
      this.#nodeIds[node] = i + 1;
    });
    this.#scores[0] = lowest - UNKNOWN_PENALTY;
  }

  /** Takes the word `units[from, to)`. */
  fill(units: Uint16Array, from: number, to: number): this {
    const size = to - from;
    this.#size = size;
    if (size >= this.#forward.length) {
      this.#forward = new Float64Array(2 * size);
      this.#backward = new Float64Array(2 * size);
      this.#from = new Int32Array(2 * size);
      this.#by = new Int32Array(2 * size);
    }
    let edges = 0;
    for (let at = 0; at < size; ) {
      if (edges + size - at + 1 > this.#starts.length) this.#grow(edges + size - at + 1);
      const starts = this.#starts;
      const ends = this.#ends;
      const ids = this.#ids;
      const unit = units[from + at]!;
      const pair =
        unit >= 0xd800 && unit < 0xdc00 && at + 1 < size && (units[from + at + 1]! & 0xfc00) === 0xdc00;
      const width = pair ? 2 : 1;
      let single = false;
      let node = this.#roots[unit]!;
      for (let end = at + 1; node > 0; end++) {
        const id = this.#nodeIds[node]!;
        if (id > 0) {
          if (end - at === width) single = true;
          starts[edges] = at;
          ends[edges] = end;
          ids[edges++] = id;
        }
        if (end === size) break;
        node = this.#children.get(node, units[from + end]!);
      }
      if (!single) {
        starts[edges] = at;
        ends[edges] = at + width;
        ids[edges++] = 0;
      }
      at += width;
    }
    this.#edges = edges;
    return this;
  }

  /** Adds `count` times each piece's probability of standing in a cut to `expected`, and returns log Z (see `Lattice`). */
  marginals(count: number, expected: Float64Array): number {
    const size = this.#size;
    const starts = this.#starts;
    const ends = this.#ends;
    const ids = this.#ids;
    const scores = this.#scores;
    const forward = this.#forward.fill(-Infinity, 0, size + 1);
    forward[0] = 0;
    for (let e = 0; e < this.#edges; e++) {
      const end = ends[e]!;
      forward[end] = logAdd(forward[end]!, forward[starts[e]!]! + scores[ids[e]!]!);
    }
    const total = forward[size]!;
    const backward = this.#backward.fill(-Infinity, 0, size + 1);
    backward[size] = 0;
    for (let e = this.#edges - 1; e >= 0; e--) {
      const start = starts[e]!;
      const rest = scores[ids[e]!]! + backward[ends[e]!]!;
      backward[start] = logAdd(backward[start]!, rest);
      expected[ids[e]!]! += count * Math.exp(forward[start]! + rest - total);
    }
    return total;
  }

  /** Finds the best cut, of equals the one whose pieces come first; false if there is none without the whole word. */
  best(withWhole: boolean): boolean {
    const size = this.#size;
    const scores = this.#scores;
    const best = this.#forward;
    const from = this.#from.fill(-1, 0, size + 1);
    const by = this.#by;
    best[0] = 0;
    for (let e = 0; e < this.#edges; e++) {
      const start = this.#starts[e]!;
      const end = this.#ends[e]!;
      if (!withWhole && end - start === size) continue;
      const score = best[start]! + scores[this.#ids[e]!]!;
      if (from[end]! >= 0 && score <= best[end]!) continue;
      best[end] = score;
      from[end] = start;
      by[end] = this.#ids[e]!;
    }
    this.path.length = 0;
    if (from[size]! < 0) return false;
    for (let end = size; end > 0; end = from[end]!) this.path.push(by[end]!);
    this.path.reverse();
    return true;
  }

  #grow(edges: number): void {
    this.#starts = grown(this.#starts, edges);
    this.#ends = grown(this.#ends, edges);
    this.#ids = grown(this.#ids, edges);
  }
}

/** The same numbers with room for at least `size`. */
function grown(numbers: Int32Array, size: number) {
  const out = new Int32Array(Math.max(2 * numbers.length, size));
  out.set(numbers);
  return out;
}
