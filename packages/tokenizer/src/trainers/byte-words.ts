import type { SymbolWords } from './learn-merges.js';
import type { WordCounts } from './word-counts.js';

/** Words as UTF-8, one after the other: word w is `bytes[starts[w], starts[w + 1])` and occurs `counts[w]` times. */
export interface ByteWords {
  bytes: Uint8Array;
  /** One more entry than there are words. */
  starts: Uint32Array;
  /** Exact up to 2^53. */
  counts: Float64Array;
}

/** Counted words as UTF-8. */
export function byteWords(words: WordCounts): ByteWords {
  const encoder = new TextEncoder();
  const starts = new Uint32Array(words.size + 1);
  let bytes = new Uint8Array(1 << 16);
  let at = 0;
  for (let word = 0; word < words.size; word++) {
    const piece = words.piece(word);
    if (at + 3 * piece.length > bytes.length) {
      const larger = new Uint8Array(Math.max(bytes.length * 2, at + 3 * piece.length));
      larger.set(bytes);
      bytes = larger;
    }
    at += encoder.encodeInto(piece, bytes.subarray(at)).written;
    starts[word + 1] = at;
  }
  return { bytes: bytes.subarray(0, at), starts, counts: words.counts };
}

/** Words whose bytes have ids. */
export function symbolWords({ bytes, starts, counts }: ByteWords, byteIds: Int32Array): SymbolWords {
  return { symbols: Int32Array.from(bytes, (byte) => byteIds[byte]!), starts, counts };
}
