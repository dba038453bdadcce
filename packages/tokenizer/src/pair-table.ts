/**
 * A hash table from a pair of ids to a non-negative int32, in one flat array: open addressing, linear probing, at
 * most half full. It is the innermost lookup of both merging and training.
 */
export class PairTable {
  /** Slots of four: left, right, value + 1 (0 is an empty slot), unused. */
  #slots: Int32Array;
  #mask: number;
  #size = 0;

  /** @param capacity pairs expected; the table grows beyond it. */
  constructor(capacity = 16) {
    let slots = 16;
    while (slots < capacity * 2) slots *= 2;
    this.#slots = new Int32Array(slots * 4);
    this.#mask = slots - 1;
  }

  get size(): number {
    return this.#size;
  }

  /** The value of the pair, or -1. */
  get(left: number, right: number): number {
    const slots = this.#slots;
    const mask = this.#mask;
    let h = Math.imul(left, 0x9e3779b1) ^ Math.imul(right, 0x85ebca6b);
    h ^= h >>> 15;
    for (let slot = h & mask; ; slot = (slot + 1) & mask) {
      const at = slot << 2;
      const value = slots[at + 2]!;
      if (value === 0) return -1;
      if (slots[at] === left && slots[at + 1] === right) return value - 1;
    }
  }

  /** Sets the value of the pair. */
  set(left: number, right: number, value: number): void {
    if (this.#size * 2 >= this.#mask) this.#grow();
    const slots = this.#slots;
    const mask = this.#mask;
    let h = Math.imul(left, 0x9e3779b1) ^ Math.imul(right, 0x85ebca6b);
    h ^= h >>> 15;
    let at = (h & mask) << 2;
    while (slots[at + 2] !== 0 && (slots[at] !== left || slots[at + 1] !== right)) {
      at = (((at >> 2) + 1) & mask) << 2;
    }
    if (slots[at + 2] === 0) this.#size++;
    slots[at] = left;
    slots[at + 1] = right;
    slots[at + 2] = value + 1;
  }

  #grow(): void {
    const old = this.#slots;
    this.#slots = new Int32Array(old.length * 2);
    this.#mask = this.#mask * 2 + 1;
    this.#size = 0;
    for (let at = 0; at < old.length; at += 4) {
      if (old[at + 2] !== 0) this.set(old[at]!, old[at + 1]!, old[at + 2]! - 1);
    }
  }
}
