/**
 * Numbers words 0, 1, 2, ... and gives them back: a `Map` and an array in about a third of their memory.
 *
 * The UTF-16 units of all words lie in one array, one after another; an open-addressing table finds a word's number.
 */
export class WordTable {
  private units = new Uint16Array(4096);
  /** Where each word ends in `units`, [size]. */
  private ends = new Int32Array(1024);
  /** Word number + 1 by hash; 0 is free. */
  private slots = new Int32Array(2048);
  /** How many words there are. */
  size = 0;

  /** The number of `word`, a new one when it has none. */
  idOf(word: string): number {
    const mask = this.slots.length - 1;
    let slot = hashOf(word) & mask;
    for (let entry = this.slots[slot]!; entry !== 0; entry = this.slots[slot]!) {
      if (this.is(entry - 1, word)) return entry - 1;
      slot = (slot + 1) & mask;
    }
    const id = this.size++;
    this.slots[slot] = id + 1;
    const start = this.startOf(id);
    const end = start + word.length;
    if (end > this.units.length) {
      const bigger = new Uint16Array(Math.max(end, Math.ceil(this.units.length * 1.5)));
      bigger.set(this.units);
      this.units = bigger;
    }
    for (let i = 0; i < word.length; i++) this.units[start + i] = word.charCodeAt(i);
    if (id >= this.ends.length) {
      const bigger = new Int32Array(Math.ceil(this.ends.length * 1.5));
      bigger.set(this.ends);
      this.ends = bigger;
    }
    this.ends[id] = end;
    if (this.size * 4 > this.slots.length * 3) this.rehash();
    return id;
  }

  /** The word of a number that {@link idOf} gave. */
  wordOf(id: number): string {
    let word = '';
    for (let i = this.startOf(id); i < this.ends[id]!; i++) word += String.fromCharCode(this.units[i]!);
    return word;
  }

  private startOf(id: number): number {
    return id === 0 ? 0 : this.ends[id - 1]!;
  }

  private is(id: number, word: string): boolean {
    const start = this.startOf(id);
    if (this.ends[id]! - start !== word.length) return false;
    for (let i = 0; i < word.length; i++) if (this.units[start + i] !== word.charCodeAt(i)) return false;
    return true;
  }

  private rehash(): void {
    const slots = new Int32Array(this.slots.length * 2);
    const mask = slots.length - 1;
    for (let id = 0; id < this.size; id++) {
      let slot = hashOf(this.wordOf(id)) & mask;
      while (slots[slot] !== 0) slot = (slot + 1) & mask;
      slots[slot] = id + 1;
    }
    this.slots = slots;
  }
}

function hashOf(word: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < word.length; i++) h = Math.imul(h ^ word.charCodeAt(i), 0x01000193);
  h ^= h >>> 15;
  h = Math.imul(h, 0x2c1b3c6d);
  return h ^ (h >>> 13);
}
