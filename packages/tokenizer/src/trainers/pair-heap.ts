/**
 * A max-heap of pairs with counts: the highest count first, of equals the pair with the smaller ids. Each entry
 * carries the words in which its pair was seen.
 */
export class PairHeap {
  readonly #counts: number[] = [];
  readonly #lefts: number[] = [];
  readonly #rights: number[] = [];
  readonly #words: ArrayLike<number>[] = [];
  /** Order in which entries came, which settles what the pair does not. */
  readonly #serials: number[] = [];
  #serial = 0;
  readonly #heap: number[] = [];
  readonly #free: number[] = [];

  get size(): number {
    return this.#heap.length;
  }

  push(count: number, left: number, right: number, words: ArrayLike<number>): void {
    const entry = this.#free.pop() ?? this.#counts.length;
    this.#counts[entry] = count;
    this.#lefts[entry] = left;
    this.#rights[entry] = right;
    this.#words[entry] = words;
    this.#serials[entry] = this.#serial++;
    const heap = this.#heap;
    let i = heap.length;
    heap.push(entry);
    while (i > 0) {
      const parent = (i - 1) >> 2;
      if (!this.#before(entry, heap[parent]!)) break;
      heap[i] = heap[parent]!;
      i = parent;
    }
    heap[i] = entry;
  }

  /** The count and the ids of the top entry. */
  top(): { count: number; left: number; right: number } {
    const entry = this.#heap[0]!;
    return { count: this.#counts[entry]!, left: this.#lefts[entry]!, right: this.#rights[entry]! };
  }

  /** Gives the top entry a smaller count and moves it to its place. */
  lowerTop(count: number): void {
    this.#counts[this.#heap[0]!] = count;
    this.#sink(this.#heap[0]!);
  }

  /** Removes the top entry and returns its words. */
  pop(): ArrayLike<number> {
    const heap = this.#heap;
    const entry = heap[0]!;
    const words = this.#words[entry]!;
    this.#words[entry] = [];
    this.#free.push(entry);
    const last = heap.pop()!;
    if (heap.length > 0) this.#sink(last);
    return words;
  }

  /** Puts an entry that belongs at the top or below into place, starting at the top. */
  #sink(entry: number): void {
    const heap = this.#heap;
    const size = heap.length;
    let i = 0;
    for (;;) {
      const first = 4 * i + 1;
      if (first >= size) break;
      let best = first;
      for (let child = first + 1; child < Math.min(first + 4, size); child++) {
        if (this.#before(heap[child]!, heap[best]!)) best = child;
      }
      if (!this.#before(heap[best]!, entry)) break;
      heap[i] = heap[best]!;
      i = best;
    }
    heap[i] = entry;
  }

  #before(a: number, b: number): boolean {
    const counts = this.#counts;
    if (counts[a] !== counts[b]) return counts[a]! > counts[b]!;
    if (this.#lefts[a] !== this.#lefts[b]) return this.#lefts[a]! < this.#lefts[b]!;
    if (this.#rights[a] !== this.#rights[b]) return this.#rights[a]! < this.#rights[b]!;
    return this.#serials[a]! < this.#serials[b]!;
  }
}
