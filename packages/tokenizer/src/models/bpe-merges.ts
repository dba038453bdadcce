import { PairTable } from '../pair-table.js';

const NONE = 0x7fffffff;
/** Up to this many symbols a scan for the lowest rank is faster than a queue. */
const SCAN_LIMIT = 40;
/** Symbols merged at a time where there are many, and how many of them at the end are merged again with those that follow. */
const WINDOW = 1 << 15;
const MARGIN = 256;
/** Rank and position share one float64 key: rank * 2^31 + position, exact below 2^53. */
const POSITION = 2 ** 31;

/**
 * The merge rules of byte-pair encoding and the buffers in which a piece is merged: lowest rank first, then
 * leftmost (Sennrich et al. 2016, arXiv 1508.07909). Short pieces are scanned; in long ones the positions wait in
 * buckets by rank over a linked list, so that each rank is one go over the text; very long ones are merged window by window.
 * O(n log n) for n symbols whatever the text, and O(n) where no rule has a lower rank than one that makes its parts.
 */
export class BpeMerges {
  /** The symbols of the piece: ids, and how long each is in units of the caller's choice. */
  ids = new Int32Array(256);
  lengths = new Int32Array(256);
  readonly #ranks: PairTable;
  #merged: Int32Array;
  readonly #scanRanks = new Int32Array(SCAN_LIMIT);
  #next = new Int32Array(0);
  #previous = new Int32Array(0);
  #heap = new Float64Array(0);
  /** The long way: the rank of each symbol with the one behind it, and the positions that wait for each rank. */
  #pairRanks = new Int32Array(0);
  readonly #buckets = new Map<number, number[]>();
  /** The symbols of a piece that is merged in windows, and their lengths. */
  #symbols = new Int32Array(0);
  #sizes = new Int32Array(0);
  /** Where each symbol that the long way left began. */
  #starts = new Int32Array(0);

  /**
   * @param rules triples left id, right id, merged id.
   * @param ranks the rank of each rule, below 2^21; rules of one rank make the same token. By default the index.
   */
  constructor(
    readonly rules: Int32Array = new Int32Array(0),
    ranks?: Int32Array,
  ) {
    const count = rules.length / 3;
    this.#ranks = new PairTable(count);
    this.#merged = new Int32Array(1 + (ranks ? ranks.reduce((a, b) => Math.max(a, b), 0) : count));
    for (let i = 0; i < count; i++)
      this.add(rules[3 * i]!, rules[3 * i + 1]!, rules[3 * i + 2]!, ranks ? ranks[i]! : i);
  }

  /** One more rule, which `rules` does not list. */
  add(left: number, right: number, made: number, rank: number): void {
    if (rank >= this.#merged.length) {
      const merged = new Int32Array(Math.max(rank + 1, 2 * this.#merged.length));
      merged.set(this.#merged);
      this.#merged = merged;
    }
    this.#ranks.set(left, right, rank);
    this.#merged[rank] = made;
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
    return count > WINDOW ? this.#mergeWindows(count) : this.#mergeWhole(this.ids, this.lengths, count);
  }

  #mergeWhole(ids: Int32Array, lengths: Int32Array, count: number): number {
    return count <= SCAN_LIMIT ? this.#mergeScan(ids, lengths, count) : this.#mergeLong(ids, lengths, count);
  }

  /**
   * Merges window by window, so that what is worked on stays in the caches and little memory is needed.
   *
   * Tokens in a row are what a text is merged to if each two neighbours are what both together are merged to: were there a
   * first merge across a border, it would come first for those two alone as well. Neighbours within a window are; what is
   * left to ask is whether the last token kept of a window and the first of the next one are. If not, all is merged at once.
   */
  #mergeWindows(count: number): number {
    if (this.#symbols.length < count) {
      this.#symbols = new Int32Array(count);
      this.#sizes = new Int32Array(count);
    }
    const symbols = this.#symbols.subarray(0, count);
    const sizes = this.#sizes.subarray(0, count);
    symbols.set(this.ids.subarray(0, count));
    sizes.set(this.lengths.subarray(0, count));
    const ids = new Int32Array(WINDOW);
    const lengths = new Int32Array(WINDOW);
    let kept = 0;
    /** Where the last token kept begins. */
    let last = 0;
    for (let at = 0; at < count; ) {
      const size = Math.min(WINDOW, count - at);
      ids.set(symbols.subarray(at, at + size));
      lengths.set(sizes.subarray(at, at + size));
      let left = this.#mergeLong(ids, lengths, size);
      const starts = this.#starts;
      const firstEnd = at + (left > 1 ? starts[1]! : size);
      let done = size;
      if (at + size < count) {
        // What is near the end of a window could depend on what follows.
        do left--;
        while (left > 0 && starts[left]! + MARGIN > size);
        done = starts[left]!;
      }
      const next = left > 0 ? starts[left - 1]! : 0;
      if (left > 0) {
        this.ids.set(ids.subarray(0, left), kept);
        this.lengths.set(lengths.subarray(0, left), kept);
      }
      if (left === 0 || (at > 0 && !this.#standsApart(symbols.slice(last, firstEnd), kept))) {
        this.ids.set(symbols);
        this.lengths.set(sizes);
        return this.#mergeLong(this.ids, this.lengths, count);
      }
      kept += left;
      last = at + next;
      at += done;
    }
    return kept;
  }

  /** True if these symbols are merged to the tokens before and at `border`, and no others. */
  #standsApart(symbols: Int32Array, border: number): boolean {
    if (this.#mergeWhole(symbols, new Int32Array(symbols.length), symbols.length) !== 2) return false;
    return symbols[0] === this.ids[border - 1] && symbols[1] === this.ids[border];
  }

  #mergeScan(ids: Int32Array, lengths: Int32Array, count: number): number {
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

  #reserveLinks(count: number): void {
    if (this.#next.length >= count) return;
    this.#next = new Int32Array(count);
    this.#previous = new Int32Array(count);
    this.#starts = new Int32Array(count);
  }

  #mergeLong(ids: Int32Array, lengths: Int32Array, count: number): number {
    const table = this.#ranks;
    this.#reserveLinks(count);
    if (this.#pairRanks.length < count) this.#pairRanks = new Int32Array(count);
    const next = this.#next;
    const previous = this.#previous;
    const ranks = this.#pairRanks;
    const buckets = this.#buckets;
    /** A heap of the ranks that have buckets. */
    const waiting: number[] = [];
    /** A heap of rank and position for what comes up behind its time: with a rank that is not above the current one. */
    const late: number[] = [];
    const wait = (rank: number, at: number) => {
      const bucket = buckets.get(rank);
      if (bucket) {
        bucket.push(at);
        return;
      }
      buckets.set(rank, [at]);
      waiting.push(rank);
      siftUp(waiting, waiting.length - 1, rank);
    };
    for (let i = 0; i < count; i++) {
      next[i] = i + 1;
      previous[i] = i - 1;
      const rank = i + 1 < count ? table.get(ids[i]!, ids[i + 1]!) : -1;
      ranks[i] = rank;
      if (rank >= 0) wait(rank, i);
    }
    const note = (at: number, current: number) => {
      const rank = table.get(ids[at]!, ids[next[at]!]!);
      ranks[at] = rank;
      if (rank > current) {
        wait(rank, at);
      } else if (rank >= 0) {
        late.push(0);
        siftUp(late, late.length - 1, rank * POSITION + at);
      }
    };
    const mergeAt = (at: number, rank: number, current: number) => {
      if (ranks[at] !== rank) return;
      const right = next[at]!;
      const after = next[right]!;
      ids[at] = this.#merged[rank]!;
      lengths[at]! += lengths[right]!;
      ranks[at] = -1;
      ranks[right] = -1;
      next[at] = after;
      if (after < count) {
        previous[after] = at;
        note(at, current);
      }
      const before = previous[at]!;
      if (before >= 0) note(before, current);
    };
    while (waiting.length > 0) {
      const rank = takeFirst(waiting);
      const bucket = ascending(buckets.get(rank)!);
      buckets.delete(rank);
      for (let i = 0; i < bucket.length; i++) {
        mergeAt(bucket[i]!, rank, rank);
        while (late.length > 0) {
          const key = takeFirst(late);
          const lower = Math.floor(key / POSITION);
          mergeAt(key - lower * POSITION, lower, rank);
        }
      }
    }
    return this.#collect(ids, lengths, count);
  }

  /** Moves the symbols that are left together. */
  #collect(ids: Int32Array, lengths: Int32Array, count: number): number {
    let left = 0;
    for (let i = 0; i < count; i = this.#next[i]!) {
      this.#starts[left] = i;
      ids[left] = ids[i]!;
      lengths[left++] = lengths[i]!;
    }
    return left;
  }

  #mergeHeap(count: number, dropout: number, random: () => number): number {
    const { ids, lengths } = this;
    const table = this.#ranks;
    this.#reserveLinks(count);
    // Every symbol enters once at the start; every merge removes one symbol and enters at most two pairs.
    if (this.#heap.length < 3 * count) this.#heap = new Float64Array(3 * count);
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
      if (random() < dropout) {
        skipped.push(key);
        continue;
      }
      for (const again of skipped) siftUp(heap, size++, again);
      skipped.length = 0;
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
    return this.#collect(ids, lengths, count);
  }
}

/** A heap in an array, or in the first part of one. */
type Heap = { [index: number]: number };

/** Takes the least number out of a heap. */
function takeFirst(heap: number[]): number {
  const first = heap[0]!;
  const last = heap.pop()!;
  if (heap.length > 0) {
    heap[0] = last;
    siftDown(heap, 0, heap.length);
  }
  return first;
}

/** Positions in ascending order; most lists are. */
function ascending(positions: number[]): ArrayLike<number> {
  for (let i = 1; i < positions.length; i++) {
    if (positions[i - 1]! > positions[i]!) return mergeRuns(positions);
  }
  return positions;
}

/** Sorts what comes in a few ascending runs: each pass merges them two by two. */
function mergeRuns(positions: readonly number[]): Int32Array {
  let from = Int32Array.from(positions);
  let to = new Int32Array(from.length);
  const runEnd = (start: number) => {
    let end = start + 1;
    while (end < from.length && from[end - 1]! <= from[end]!) end++;
    return Math.min(end, from.length);
  };
  while (runEnd(0) < from.length) {
    for (let start = 0; start < from.length; ) {
      const middle = runEnd(start);
      const end = middle < from.length ? runEnd(middle) : middle;
      for (let i = start, left = start, right = middle; i < end; i++) {
        to[i] =
          left < middle && (right >= end || from[left]! <= from[right]!) ? from[left++]! : from[right++]!;
      }
      start = end;
    }
    [from, to] = [to, from];
  }
  return from;
}

function siftDown(heap: Heap, i: number, size: number): void {
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

function siftUp(heap: Heap, i: number, key: number): void {
  while (i > 0) {
    const parent = (i - 1) >> 1;
    if (heap[parent]! <= key) break;
    heap[i] = heap[parent]!;
    i = parent;
  }
  heap[i] = key;
}
