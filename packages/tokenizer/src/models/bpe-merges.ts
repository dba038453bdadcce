import { PairTable } from '../pair-table.js';

const NONE = 0x7fffffff;
/** Up to this many symbols a scan for the lowest rank is faster than a heap. */
const SCAN_LIMIT = 40;
/** Rank and position share one float64 key: rank * 2^31 + position, exact below 2^53. */
const POSITION = 2 ** 31;

/**
 * The merge rules of byte-pair encoding and the buffers in which a piece is merged: lowest rank first, then
 * leftmost (Sennrich et al. 2016, arXiv 1508.07909). Short pieces are scanned; long ones use a heap over a linked
 * list, O(n log n) for n symbols whatever the text.
 */
export class BpeMerges {
  /** The symbols of the piece: ids, and how long each is in units of the caller's choice. */
  ids = new Int32Array(256);
  lengths = new Int32Array(256);
  readonly #ranks: PairTable;
  readonly #merged: Int32Array;
  readonly #scanRanks = new Int32Array(SCAN_LIMIT);
  #next = new Int32Array(0);
  #previous = new Int32Array(0);
  #heap = new Float64Array(0);

  /**
   * @param rules triples left id, right id, merged id.
   * @param ranks the rank of each rule, below 2^21; rules of one rank make the same token. By default the index.
   */
  constructor(
    readonly rules: Int32Array,
    ranks?: Int32Array,
  ) {
    const count = rules.length / 3;
    this.#ranks = new PairTable(count);
    this.#merged = new Int32Array(1 + (ranks ? ranks.reduce((a, b) => Math.max(a, b), 0) : count));
    for (let i = 0; i < count; i++) {
      const rank = ranks ? ranks[i]! : i;
      this.#ranks.set(rules[3 * i]!, rules[3 * i + 1]!, rank);
      this.#merged[rank] = rules[3 * i + 2]!;
    }
  }

  /** Makes room for `count` symbols, keeping those written. */
  reserve(count: number): void {
    if (count <= this.ids.length) return;
    const size = Math.max(count, this.ids.length * 2);
    const ids = new Int32Array(size);
    ids.set(this.ids);
    this.ids = ids;
    const lengths = new Int32Array(size);
    lengths.set(this.lengths);
    this.lengths = lengths;
  }

  /**
   * Merges the first `count` symbols in place and returns how many are left.
   * With `dropout` p, each merge that comes up is skipped with probability p until another succeeds
   * (Provilkov et al. 2020, arXiv 1910.13267); `random` gives numbers in [0, 1).
   */
  merge(count: number, dropout = 0, random: () => number = Math.random): number {
    if (dropout > 0) return this.#mergeHeap(count, dropout, random);
    return count <= SCAN_LIMIT ? this.#mergeScan(count) : this.#mergeHeap(count, 0, random);
  }

  #mergeScan(count: number): number {
    const { ids, lengths } = this;
    const table = this.#ranks;
    const ranks = this.#scanRanks;
    for (let i = 0; i + 1 < count; i++) {
      const rank = table.get(ids[i]!, ids[i + 1]!);
      ranks[i] = rank < 0 ? NONE : rank;
    }
    while (count > 1) {
      let best = NONE;
      let at = 0;
      for (let i = 0; i + 1 < count; i++) {
        if (ranks[i]! < best) {
          best = ranks[i]!;
          at = i;
        }
      }
      if (best === NONE) break;
      ids[at] = this.#merged[best]!;
      lengths[at]! += lengths[at + 1]!;
      count--;
      for (let i = at + 1; i < count; i++) {
        ids[i] = ids[i + 1]!;
        lengths[i] = lengths[i + 1]!;
        ranks[i] = ranks[i + 1]!;
      }
      if (at + 1 < count) {
        const rank = table.get(ids[at]!, ids[at + 1]!);
        ranks[at] = rank < 0 ? NONE : rank;
      }
      if (at > 0) {
        const rank = table.get(ids[at - 1]!, ids[at]!);
        ranks[at - 1] = rank < 0 ? NONE : rank;
      }
    }
    return count;
  }

  #mergeHeap(count: number, dropout: number, random: () => number): number {
    const { ids, lengths } = this;
    const table = this.#ranks;
    if (this.#next.length < count) {
      this.#next = new Int32Array(count);
      this.#previous = new Int32Array(count);
      // Every symbol enters once at the start; every merge removes one symbol and enters at most two pairs.
      this.#heap = new Float64Array(3 * count);
    }
    const next = this.#next;
    const previous = this.#previous;
    const heap = this.#heap;
    let size = 0;
    for (let i = 0; i < count; i++) {
      next[i] = i + 1;
      previous[i] = i - 1;
      if (i + 1 < count) {
        const rank = table.get(ids[i]!, ids[i + 1]!);
        if (rank >= 0) heap[size++] = rank * POSITION + i;
      }
    }
    for (let i = (size >> 1) - 1; i >= 0; i--) siftDown(heap, i, size);
    const skipped: number[] = [];
    while (size > 0) {
      const key = heap[0]!;
      heap[0] = heap[--size]!;
      siftDown(heap, 0, size);
      if (dropout > 0) {
        if (random() < dropout) {
          skipped.push(key);
          continue;
        }
        for (const again of skipped) siftUp(heap, size++, again);
        skipped.length = 0;
      }
      const rank = Math.floor(key / POSITION);
      const at = key - rank * POSITION;
      if (ids[at]! < 0) continue;
      const right = next[at]!;
      if (right >= count || table.get(ids[at]!, ids[right]!) !== rank) continue;
      ids[at] = this.#merged[rank]!;
      lengths[at]! += lengths[right]!;
      ids[right] = -1;
      const after = next[right]!;
      next[at] = after;
      if (after < count) {
        previous[after] = at;
        const follows = table.get(ids[at]!, ids[after]!);
        if (follows >= 0) siftUp(heap, size++, follows * POSITION + at);
      }
      const before = previous[at]!;
      if (before >= 0) {
        const precedes = table.get(ids[before]!, ids[at]!);
        if (precedes >= 0) siftUp(heap, size++, precedes * POSITION + before);
      }
    }
    let left = 0;
    for (let i = 0; i < count; i = next[i]!) {
      ids[left] = ids[i]!;
      lengths[left++] = lengths[i]!;
    }
    return left;
  }
}

function siftDown(heap: Float64Array, i: number, size: number): void {
  const key = heap[i]!;
  for (;;) {
    let child = 2 * i + 1;
    if (child >= size) break;
    if (child + 1 < size && heap[child + 1]! < heap[child]!) child++;
    if (heap[child]! >= key) break;
    heap[i] = heap[child]!;
    i = child;
  }
  heap[i] = key;
}

function siftUp(heap: Float64Array, i: number, key: number): void {
  while (i > 0) {
    const parent = (i - 1) >> 1;
    if (heap[parent]! <= key) break;
    heap[i] = heap[parent]!;
    i = parent;
  }
  heap[i] = key;
}
