import { AlignedText } from '../aligned-text.js';
import { describe, TokenizerError } from '../errors.js';
import type { Normalizer } from '../normalizers/normalizer.js';
import type { PreTokenizer } from '../pre-tokenizers/pre-tokenizer.js';
import { toWellFormed } from '../unicode.js';
import type { Pace, ProgressOptions } from './progress.js';
import type { WordSpill } from './spill.js';
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
  const { maxWordLength = Infinity, memoryLimit = Infinity } = options;
  for (const [name, value] of Object.entries({ maxWordLength, memoryLimit })) {
    if (value >= 1) continue;
    throw new TokenizerError('E_OPTION', name, {
      rule: 'must be 1 or more',
      received: describe(value),
      fix: 'leave it out for no limit',
    });
  }
  let words = new WordCounts();
  let spill: WordSpill | undefined;
  const add = (text: string, start: number, end: number) => {
    if (end - start <= maxWordLength) words.add(text, start, end);
  };
  try {
    let read = 0;
    for await (const text of texts) {
      cut(toWellFormed(text), add);
      read++;
      if (words.bytes > memoryLimit) {
        spill ??= await (await import('./spill.js')).WordSpill.create();
        await spill.write(words);
        words = new WordCounts();
      }
      if (pace.due) await pace.rest({ stage: 'read', done: read, total: undefined });
    }
    if (spill) {
      await spill.write(words);
      words = await spill.merge(memoryLimit, options.onDropped, () => pace.options.signal?.throwIfAborted());
    }
    pace.report({ stage: 'read', done: read, total: undefined });
    return words;
  } finally {
    await spill?.remove();
  }
}
