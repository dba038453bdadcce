import { PieceTable } from '../piece-table.js';

/** How often each piece occurs in the texts seen so far; counts are exact up to 2^53. */
export class WordCounts {
  readonly #table = new PieceTable();
  #counts = new Float64Array(1 << 10);

  /** How many different pieces there are. */
  get size(): number {
    return this.#table.size;
  }

  /** Counts `text[start, end)` once more. */
  add(text: string, start: number, end: number, times = 1): void {
    const hash = PieceTable.hash(text, start, end);
    let index = this.#table.find(text, start, end, hash);
    if (index < 0) {
      index = this.#table.add(text, start, end, hash);
      if (index === this.#counts.length) {
        const counts = new Float64Array(index * 2);
        counts.set(this.#counts);
        this.#counts = counts;
      }
      this.#counts[index] = 0;
    }
    this.#counts[index]! += times;
  }

  piece(index: number): string {
    return this.#table.piece(index);
  }

  /** The count of each piece, in the order of the pieces. */
  get counts(): Float64Array {
    return this.#counts.subarray(0, this.size);
  }
}
