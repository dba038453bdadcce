import type { ByteWords } from './byte-words.js';

/** Counts the words of texts. */
export interface WordCounter {
  /** Counts the words of a text, which never go on in the next. */
  add(text: string): void;
  /** Counts what may still wait for others to be counted with. */
  flush(): void;
  /** What the words counted so far take by `WordCounts.bytesOf`; words that were counted apart may come twice. */
  readonly bytes: number;
  /** The words with their counts, sorted by UTF-16 units; the counter forgets them. */
  drain(): Iterable<readonly [word: string, count: number]>;
}

/** A counter that has its words as UTF-8. */
export interface ByteWordCounter extends WordCounter {
  /** All words in any order; the counter forgets them. */
  take(): ByteWords;
}
