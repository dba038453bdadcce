import type { Cutter } from '../pre-tokenizers/pre-tokenizer.js';
import type { ByteWords } from './byte-words.js';
import type { LearnMergesOptions } from './learn-merges.js';
import type { Pace } from './progress.js';
import type { ByteWordCounter } from './word-counter.js';
import type { WordLattices } from './word-lattices.js';

/** What the merges of a byte-level vocabulary are learned with. */
export interface ByteMergesOptions extends Omit<LearnMergesOptions, 'continuingSubwordPrefix'> {
  /** Ids of the 256 bytes, which follow each other in any order. */
  byteIds: Int32Array;
}

/**
 * Does the work of `trainBpe` and `trainUnigram` in the place of TypeScript: it counts the same words and learns the same
 * merges, or pieces. The engine of `@inkstone/tokenizer/native` is one.
 */
export interface TrainerEngine {
  /** A counter of what `cut` cuts, or undefined for a cutter that it has no code for: then TypeScript counts. */
  counter(cut: Cutter, maxWordLength: number): ByteWordCounter | undefined;
  /** As `learnMerges`: extends `tokens` and returns the merges as ids, in order. */
  learn(
    tokens: string[],
    words: ByteWords,
    options: ByteMergesOptions,
    pace: Pace,
  ): Promise<[number, number][]>;
  /** As `PieceLattices`: the words that `trainUnigram` learns from. */
  lattices(words: ByteWords): WordLattices;
}
