import { AlignedText } from '../aligned-text.js';
import { describe, TokenizerError } from '../errors.js';
import type { Normalizer } from '../normalizers/normalizer.js';
import type { PreTokenizer } from '../pre-tokenizers/pre-tokenizer.js';
import { toWellFormed } from '../unicode.js';
import type { Pace, ProgressOptions } from './progress.js';
import type { WordSpill } from './spill.js';
import type { WordCounter } from './word-counter.js';
import { WordCounts } from './word-counts.js';

/** Options of every trainer for its first pass, which counts words. */
export interface CountOptions extends ProgressOptions {
  /** Longer words, in UTF-16 units, are not learned from; no limit by default. */
  maxWordLength?: number;
  /**
   * About how many bytes the table of different words may take (Node only; learning then takes several times that).
   * A fuller table goes to a temporary file, sorted; the files are merged at the end, so that counts stay exact, and
   * the most frequent words that fit are learned from. No limit by default.
   */
  memoryLimit?: number;
  /** Called if not all words fitted `memoryLimit`, with what was left out. */
  onDropped?: (dropped: DroppedWords) => void;
}

/** Words that were too rare to be learned from within `memoryLimit`. */
export interface DroppedWords {
  /** How many different words. */
  words: number;
  /** How many occurrences they have in all. */
  occurrences: number;
  /** Every word that occurs so often or less was left out. */
  highestCount: number;
}

/** Calls `add` for each word of a text, as a range of some string. */
export type WordCutter = (text: string, add: (text: string, start: number, end: number) => void) => void;

/** Normalizes a text, and takes what the pre-tokenizer makes of it as words. */
export function cutWith(normalizer: Normalizer | undefined, preTokenizer: PreTokenizer): WordCutter {
  return (text, add) => {
    const given = AlignedText.of(text);
    const normalized = normalizer ? normalizer.normalize(given) : given;
    for (const { text: piece } of preTokenizer.preTokenize([normalized])) add(piece, 0, piece.length);
  };
}

/** Counts words in TypeScript. */
class CuttingCounter implements WordCounter {
  words = new WordCounts();
  readonly #add = (text: string, start: number, end: number) => {
    if (end - start <= this.maxWordLength) this.words.add(text, start, end);
  };

  constructor(
    readonly cut: WordCutter,
    readonly maxWordLength: number,
  ) {}

  add(text: string): void {
    this.cut(toWellFormed(text), this.#add);
  }

  flush(): void {}

  get bytes(): number {
    return this.words.bytes;
  }

  drain(): Iterable<[string, number]> {
    const { words } = this;
    this.words = new WordCounts();
    return words.entries();
  }
}

/**
 * Counts the words of texts.
 *
 * @param cut cuts each text, made well-formed.
 * @throws {TokenizerError} E_OPTION on an option out of range, E_FILE if a temporary file cannot be written.
 */
export async function countWords(
  texts: Iterable<string> | AsyncIterable<string>,
  options: CountOptions,
  pace: Pace,
  cut: WordCutter,
): Promise<WordCounts> {
  checkCountOptions(options);
  const counter = new CuttingCounter(cut, options.maxWordLength ?? Infinity);
  return (await countInto(counter, texts, options, pace)) ?? counter.words;
}

/**
 * Has a counter count the words of texts, which must heed `maxWordLength` itself.
 *
 * @returns what was counted if it went to disk meanwhile; otherwise the counter has all of it.
 * @throws {TokenizerError} as `countWords`.
 */
export async function countInto(
  counter: WordCounter,
  texts: Iterable<string> | AsyncIterable<string>,
  options: CountOptions,
  pace: Pace,
): Promise<WordCounts | undefined> {
  const { memoryLimit = Infinity } = options;
  let spill: WordSpill | undefined;
  try {
    let read = 0;
    const relieve = async () => {
      if (counter.bytes <= memoryLimit) return;
      spill ??= await (await import('./spill.js')).WordSpill.create();
      await spill.write(counter.drain());
    };
    for await (const text of texts) {
      counter.add(text);
      read++;
      await relieve();
      if (pace.due) await pace.rest({ stage: 'read', done: read, total: undefined });
    }
    counter.flush();
    await relieve();
    let merged: WordCounts | undefined;
    if (spill) {
      await spill.write(counter.drain());
      merged = await spill.merge(memoryLimit, options.onDropped, () => pace.options.signal?.throwIfAborted());
    }
    pace.report({ stage: 'read', done: read, total: undefined });
    return merged;
  } finally {
    await spill?.remove();
  }
}

/** @throws {TokenizerError} E_OPTION on an option out of range. */
export function checkCountOptions({ maxWordLength = 1, memoryLimit = 1 }: CountOptions): void {
  for (const [name, value] of Object.entries({ maxWordLength, memoryLimit })) {
    if (value >= 1) continue;
    throw new TokenizerError('E_OPTION', name, {
      rule: 'must be 1 or more',
      received: describe(value),
      fix: 'leave it out for no limit',
    });
  }
}
