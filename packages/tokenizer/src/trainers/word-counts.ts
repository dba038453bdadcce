import { PieceTable } from '../piece-table.js';

/** How often each piece occurs in the texts seen so far; counts are exact up to 2^53. */
export class WordCounts {
  readonly #table = new PieceTable();
  #counts = new Float64Array(1 << 10);

  /** How many different pieces there are. */
  get size(): number {
    return this.#table.size;
  }

  /** Bytes that the pieces and their counts take. */
  get bytes(): number {
    return WordCounts.bytesOf({ length: this.#table.units }) + (this.size - 1) * WordCounts.bytesOf('');
  }

  /** Bytes that a piece takes: its units, a hash, a start, a count, and about three slots. */
  static bytesOf(piece: { readonly length: number }): number {
    return 2 * piece.length + 28;
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

  /** The indices in the order of their pieces, by UTF-16 units. */
  sorted(): Int32Array {
    return Int32Array.from({ length: this.size }, (_, i) => i).sort((a, b) => this.#table.compare(a, b));
  }

  /** The same table with its pieces sorted. */
  inOrder(): WordCounts {
    const out = new WordCounts();
    for (const index of this.sorted()) {
      const piece = this.piece(index);
      out.add(piece, 0, piece.length, this.#counts[index]!);
    }
    return out;
  }

  /** The pieces with their counts, in the order of `sorted`. */
  *entries(): Generator<[piece: string, count: number]> {
    for (const index of this.sorted()) yield [this.piece(index), this.#counts[index]!];
  }

  /** The count of each piece, in the order of the pieces. */
  get counts(): Float64Array {
    return this.#counts.subarray(0, this.size);
  }
}
