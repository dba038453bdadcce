import { IdBuffer } from './id-buffer.js';
import type { Bpe } from './models/bpe.js';
import { PieceTable } from './piece-table.js';
import type { Cutter } from './pre-tokenizers/pre-tokenizer.js';
import { categoryMask, hasCategory } from './unicode.js';

const SPACE = categoryMask('space');

/** Longer pieces are rarely seen twice. */
const LONGEST_CACHED = 48;
const MOST_CACHED = 1 << 16;
/** A crowd of colliding hashes costs at most this many looks before the piece counts as unseen. */
const PROBES = 24;

/**
 * Byte-level BPE straight from UTF-16: a cutter finds the pieces, a cache knows the ids of those seen before, and
 * the others are merged. The cache is emptied when it is full, so memory is bounded.
 */
export class ByteLevelEncoder {
  readonly #table = new PieceTable();
  /** Ids of all cached pieces, and where those of each piece start. */
  readonly #ids = new IdBuffer(1 << 12);
  #starts = new Int32Array(1 << 10);

  /**
   * @param cut finds the pieces.
   * @param model a byte-level model, `takesBytes` true.
   * @param dropsSpaces pieces that are white space go.
   */
  constructor(
    readonly cut: Cutter,
    readonly model: Bpe,
    readonly dropsSpaces = false,
  ) {}

  /** Appends the ids of `text[start, end)`, which is well-formed and holds no added token. */
  encodeRange(text: string, start: number, end: number, out: IdBuffer): void {
    const { cut } = this;
    const table = this.#table;
    for (let at = start; at < end; ) {
      const next = cut(text, at, end);
      if (this.dropsSpaces && hasCategory(text.charCodeAt(at), SPACE)) {
        at = next;
        continue;
      }
      if (next - at > LONGEST_CACHED) {
        this.#tokenize(text, at, next, out);
      } else {
        const hash = PieceTable.hash(text, at, next);
        const index = table.find(text, at, next, hash, PROBES);
        if (index < 0) {
          this.#learn(text, at, next, hash, out);
        } else {
          const from = this.#starts[index]!;
          const to = this.#starts[index + 1]!;
          const ids = this.#ids.data;
          if (out.length + to - from > out.data.length) out.reserve(to - from);
          const target = out.data;
          let length = out.length;
          for (let i = from; i < to; i++) target[length++] = ids[i]!;
          out.length = length;
        }
      }
      at = next;
    }
  }

  /** Appends ids with where they come from, in units of `text`; returns the number of the next word. */
  encodeSpans(text: string, ids: IdBuffer, spans: IdBuffer, words: IdBuffer, word: number): number {
    for (let at = 0; at < text.length; word++) {
      const next = this.cut(text, at, text.length);
      if (this.dropsSpaces && hasCategory(text.charCodeAt(at), SPACE)) {
        at = next;
        word--;
        continue;
      }
      const from = ids.length;
      this.model.tokenizeBytes(text, at, next, { ids, spans });
      for (let i = from; i < ids.length; i++) {
        spans.data[2 * i]! += at;
        spans.data[2 * i + 1]! += at;
        words.push(word);
      }
      at = next;
    }
    return word;
  }

  #learn(text: string, start: number, end: number, hash: number, out: IdBuffer): void {
    if (this.model.options.dropout) {
      this.#tokenize(text, start, end, out);
      return;
    }
    if (this.#table.size >= MOST_CACHED) {
      this.#table.clear();
      this.#ids.length = 0;
    }
    const from = out.length;
    this.#tokenize(text, start, end, out);
    const index = this.#table.add(text, start, end, hash);
    if (index + 2 > this.#starts.length) {
      const starts = new Int32Array(this.#starts.length * 2);
      starts.set(this.#starts);
      this.#starts = starts;
    }
    this.#starts[index] = this.#ids.length;
    for (let i = from; i < out.length; i++) this.#ids.push(out.data[i]!);
    this.#starts[index + 1] = this.#ids.length;
  }

  #tokenize(text: string, start: number, end: number, out: IdBuffer): void {
    this.model.tokenizeBytes(text, start, end, { ids: out, spans: null });
  }
}
