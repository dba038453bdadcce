/**
 * Counts n-grams of integer symbols without building strings: a trie whose nodes are the distinct n-grams.
 *
 * A node is found by (parent node, symbol) in an open-addressing table, so an n-gram costs one probe given its prefix,
 * and two different n-grams never share a node. `reset` is O(1): slots carry the epoch they were written in.
 */
export class NgramTrie {
  private parents = new Int32Array(2048);
  private symbols = new Int32Array(2048);
  private nodes = new Int32Array(2048);
  private epochs = new Int32Array(2048);
  private epoch = 1;
  /** Number of nodes; the root is node 0. */
  size = 1;
  /** A counter per node, zero for a new node. */
  counts = new Int32Array(1024);
  /** A second counter per node, zero for a new node. */
  limits = new Int32Array(1024);

  /** Forgets every n-gram. */
  reset(): void {
    this.epoch++;
    this.size = 1;
  }

  /** The node of the n-gram `parent` + `symbol`, or -1 when it has not been seen. */
  find(parent: number, symbol: number): number {
    const mask = this.nodes.length - 1;
    for (let slot = hash(parent, symbol) & mask; this.epochs[slot] === this.epoch; slot = (slot + 1) & mask) {
      if (this.parents[slot] === parent && this.symbols[slot] === symbol) return this.nodes[slot]!;
    }
    return -1;
  }

  /** The node of the n-gram `parent` + `symbol`, made when new. */
  add(parent: number, symbol: number): number {
    const mask = this.nodes.length - 1;
    let slot = hash(parent, symbol) & mask;
    while (this.epochs[slot] === this.epoch) {
      if (this.parents[slot] === parent && this.symbols[slot] === symbol) return this.nodes[slot]!;
      slot = (slot + 1) & mask;
    }
    const node = this.size++;
    this.epochs[slot] = this.epoch;
    this.parents[slot] = parent;
    this.symbols[slot] = symbol;
    this.nodes[slot] = node;
    if (node >= this.counts.length) {
      this.counts = doubled(this.counts);
      this.limits = doubled(this.limits);
    }
    this.counts[node] = 0;
    this.limits[node] = 0;
    if (this.size * 2 > this.nodes.length) this.rehash();
    return node;
  }

  /** Raises `limits` by one for every n-gram of order 1 to `order`; the multiset hypotheses are clipped to. */
  addAll(sequence: ArrayLike<number>, order: number): void {
    for (let i = 0; i < sequence.length; i++) {
      const end = Math.min(sequence.length, i + order);
      for (let j = i, node = 0; j < end; j++) {
        node = this.add(node, sequence[j]!);
        this.limits[node]!++;
      }
    }
  }

  /**
   * Counts, per order, the n-grams of `sequence` that occur in the trie, each at most `limits` times:
   * sum over n-grams of min(count in sequence, limit). Adds to `matches[offset + n - 1]`.
   * Uses and leaves behind `counts`; call once per reset.
   */
  matchAll(sequence: ArrayLike<number>, order: number, matches: Float64Array | number[], offset = 0): void {
    for (let i = 0; i < sequence.length; i++) {
      const end = Math.min(sequence.length, i + order);
      for (let j = i, node = 0; j < end; j++) {
        node = this.find(node, sequence[j]!);
        if (node < 0) break;
        if (this.counts[node]!++ < this.limits[node]!) matches[offset + j - i]!++;
      }
    }
  }

  private rehash(): void {
    const { parents, symbols, nodes, epochs } = this;
    const capacity = nodes.length * 2;
    this.parents = new Int32Array(capacity);
    this.symbols = new Int32Array(capacity);
    this.nodes = new Int32Array(capacity);
    this.epochs = new Int32Array(capacity);
    for (let i = 0; i < nodes.length; i++) {
      if (epochs[i] !== this.epoch) continue;
      let slot = hash(parents[i]!, symbols[i]!) & (capacity - 1);
      while (this.epochs[slot] === this.epoch) slot = (slot + 1) & (capacity - 1);
      this.epochs[slot] = this.epoch;
      this.parents[slot] = parents[i]!;
      this.symbols[slot] = symbols[i]!;
      this.nodes[slot] = nodes[i]!;
    }
  }
}

function hash(parent: number, symbol: number): number {
  let h = Math.imul(parent, 0x9e3779b1) + Math.imul(symbol, 0x85ebca77);
  h ^= h >>> 15;
  h = Math.imul(h, 0x2c1b3c6d);
  return h ^ (h >>> 13);
}

function doubled(array: Int32Array): Int32Array<ArrayBuffer> {
  const bigger = new Int32Array(array.length * 2);
  bigger.set(array);
  return bigger;
}

/** Gives words integer ids, and forgets them all when there are too many to keep. */
export class WordIds {
  private ids = new Map<string, number>();

  /** @param limit Words kept at most; ids are only comparable until the next {@link trim}. */
  constructor(private readonly limit = 1 << 20) {}

  /** Ids of `words`, equal for equal words. */
  of(words: readonly string[]): Int32Array {
    const result = new Int32Array(words.length);
    for (let i = 0; i < words.length; i++) {
      let id = this.ids.get(words[i]!);
      if (id === undefined) {
        id = this.ids.size;
        this.ids.set(words[i]!, id);
      }
      result[i] = id;
    }
    return result;
  }

  /** Call between samples: bounds the memory of a stream with an endless vocabulary. */
  trim(): void {
    if (this.ids.size > this.limit) this.ids = new Map();
  }
}
