import type { Pace, TrainProgress } from './progress.js';

/** Characters of the words, as code points, with how often each occurs. */
export interface CharacterCounts {
  points: Int32Array;
  counts: Float64Array;
}

/** The first pieces: piece i + 1 is `points[starts[i], starts[i + 1])` and occurs `counts[i]` times. */
export interface Seed extends CharacterCounts {
  /** One more entry than there are pieces. */
  starts: Int32Array;
}

/** What `WordLattices.cut` finds. */
export interface Cuts {
  /** By id, how often each piece stands in the best cuts of the words. */
  used: Float64Array;
  /**
   * The best other cut of piece i + 1 alone is `parts[starts[i], starts[i + 1])`, as ids; of none where it cannot be cut
   * otherwise.
   */
  parts: Int32Array;
  /** One more entry than there are pieces. */
  starts: Int32Array | Uint32Array;
}

/**
 * Every way to cut the words of a text into pieces: for each word a graph whose nodes are its positions and whose edges are
 * pieces (Kudo 2018, arXiv 1804.10959, section 3). Training Unigram does little else. Pieces have the ids from 1 on; id 0 is
 * a character that no piece covers any more.
 *
 * What comes out depends on neither the order of the words nor on how the work is divided: sums are exact.
 */
export interface WordLattices {
  /** The characters of the words, in any order. */
  characters(): CharacterCounts;
  /**
   * Makes the first pieces: the given characters in their order, then what `seedPieces` finds. Words end at characters that
   * are not given.
   */
  seed(characters: Int32Array, longest: number, limit: number): Seed;
  /** Only these pieces go on, ascending; the first of them has the id 1 from now on. */
  keep(ids: Int32Array): void;
  /**
   * The E-step: by id, the expected count of each piece in all cuts of all words. Each word's share is rounded to a multiple of
   * a power of two, about 2^-51 of the text's length.
   *
   * @param probabilities by id, each at least 1e-200.
   */
  expect(probabilities: Float64Array, pace: Pace, progress: TrainProgress): Promise<Float64Array>;
  /**
   * The best cuts of the words, and of the pieces without themselves; of equals those whose pieces come first.
   *
   * @param scores by id, log probabilities.
   */
  cut(scores: Float64Array, pace: Pace, progress: TrainProgress): Promise<Cuts>;
}
