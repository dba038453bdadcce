/**
 * A set of strings given as ranges of a text, each with an index in order of insertion. The UTF-16 units live in
 * one arena, so looking up a piece of a text allocates nothing and keeps no text alive.
 */
export class PieceTable {
  #slots = new Int32Array(1 << 10);
  #mask = (1 << 10) - 1;
  #hashes = new Int32Array(1 << 9);
  /** Where each piece starts in the arena; one more entry than pieces. */
  #starts = new Int32Array((1 << 9) + 1);
  #units = new Uint16Array(1 << 12);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** UTF-16 units of all the pieces together. */
  get units(): number {
    return this.#starts[this.#size]!;
  }

  /** Hash of `text[start, end)`, for `find` and `add`. */
  static hash(text: string, start: number, end: number): number {
    let h = end - start;
    for (let i = start; i < end; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
    h ^= h >>> 15;
    h = Math.imul(h, 0x2c1b3c6d);
    return h ^ (h >>> 13);
  }

  /** The index of the piece, or -1; `probes` bounds the search where missing a piece does no harm. */
  find(text: string, start: number, end: number, hash: number, probes = 0x7fffffff): number {
    const slots = this.#slots;
    const mask = this.#mask;
    const length = end - start;
    for (let slot = hash & mask; probes > 0; slot = (slot + 1) & mask, probes--) {
      const index = slots[slot]! - 1;
      if (index < 0) return -1;
      if (this.#hashes[index] !== hash) continue;
      const at = this.#starts[index]!;
      if (this.#starts[index + 1]! - at !== length) continue;
      const units = this.#units;
      let i = 0;
      while (i < length && units[at + i] === text.charCodeAt(start + i)) i++;
      if (i === length) return index;
    }
    return -1;
  }

  /** Adds a piece that is not in the table and returns its index. */
  add(text: string, start: number, end: number, hash: number): number {
    if (this.#size * 2 >= this.#mask) this.#growSlots();
    const index = this.#size++;
    const at = this.#starts[index]!;
    const length = end - start;
    if (at + length > this.#units.length) {
      const units = new Uint16Array(Math.max(this.#units.length * 2, at + length));
      units.set(this.#units);
      this.#units = units;
    }
    for (let i = 0; i < length; i++) this.#units[at + i] = text.charCodeAt(start + i);
    this.#starts[index + 1] = at + length;
    this.#hashes[index] = hash;
    this.#place(index);
    return index;
  }

  /** The piece of an index. */
  piece(index: number): string {
    const units = this.#units.subarray(this.#starts[index]!, this.#starts[index + 1]!);
    let out = '';
    for (let i = 0; i < units.length; i += 4096) {
      out += String.fromCharCode(...units.subarray(i, i + 4096));
    }
    return out;
  }

  /** Below 0 if piece `a` comes before piece `b` by UTF-16 units, 0 if they are one, else above. */
  compare(a: number, b: number): number {
    const units = this.#units;
    const [i, j] = [this.#starts[a]!, this.#starts[b]!];
    const [m, n] = [this.#starts[a + 1]! - i, this.#starts[b + 1]! - j];
    for (let k = 0; k < m && k < n; k++) {
      const difference = units[i + k]! - units[j + k]!;
      if (difference !== 0) return difference;
    }
    return m - n;
  }

  clear(): void {
    this.#slots.fill(0);
    this.#size = 0;
  }

  #place(index: number): void {
    const slots = this.#slots;
    const mask = this.#mask;
    let slot = this.#hashes[index]! & mask;
    while (slots[slot] !== 0) slot = (slot + 1) & mask;
    slots[slot] = index + 1;
  }

  #growSlots(): void {
    const slots = this.#slots.length * 2;
    this.#slots = new Int32Array(slots);
    this.#mask = slots - 1;
    const hashes = new Int32Array(slots / 2);
    hashes.set(this.#hashes);
    this.#hashes = hashes;
    const starts = new Int32Array(slots / 2 + 1);
    starts.set(this.#starts);
    this.#starts = starts;
    for (let index = 0; index < this.#size; index++) this.#place(index);
  }
}
