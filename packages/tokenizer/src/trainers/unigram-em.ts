import { Lattice } from '../models/lattice.js';
import { Unigram } from '../models/unigram.js';
import type { Pace, TrainProgress } from './progress.js';
import type { WordCounts } from './word-counts.js';

/** A token with its log probability in nats. */
export type Piece = readonly [token: string, score: number];

/** Expected counts below this make a token vanish, as in SentencePiece. */
const LEAST_EXPECTED = 0.5;

/**
 * The digamma function, the derivative of log gamma, for x > 0: recurrence up to 7, then the asymptotic series
 * in x - 1/2. Absolute error below 1e-10.
 *
 * @example
 * digamma(1).toFixed(6); // => '-0.577216'
 */
export function digamma(x: number): number {
  let sum = 0;
  for (; x < 7; x++) sum -= 1 / x;
  x -= 0.5;
  const s = 1 / (x * x);
  return sum + Math.log(x) + s * (1 / 24 - s * (7 / 960 - s * (31 / 8064 - s * (127 / 30720))));
}

/** A model of pieces alone; id 0 is what no piece covers. */
const modelOf = (pieces: readonly Piece[]) =>
  new Unigram([['', 0], ...pieces], { unkId: 0, hidden: new Set([0]) });

/** Runs over the words now and then giving the event loop a turn. */
async function eachWord(
  words: WordCounts,
  pace: Pace,
  progress: TrainProgress,
  visit: (word: string, count: number, index: number) => void,
): Promise<void> {
  const { counts } = words;
  for (let i = 0; i < words.size; i++) {
    visit(words.piece(i), counts[i]!, i);
    if (i % 64 === 63 && pace.due) await pace.rest(progress);
  }
}

/** What one expectation step finds. */
export interface Expectation {
  /** Expected count of each piece in all cuts of all words, by their probabilities. */
  expected: Float64Array;
  /** Log likelihood of the words, sum of count times log Z, in nats. */
  logLikelihood: number;
}

/** The E-step: expected counts of the pieces under the model they make (Kudo 2018, section 3.2). */
export async function expect(
  words: WordCounts,
  pieces: readonly Piece[],
  pace: Pace,
  progress: TrainProgress,
): Promise<Expectation> {
  const model = modelOf(pieces);
  const lattice = new Lattice();
  const expected = new Float64Array(pieces.length + 1);
  let logLikelihood = 0;
  await eachWord(words, pace, progress, (word, count) => {
    logLikelihood +=
      count *
      lattice.fill(model, word).marginals((id, probability) => (expected[id]! += count * probability));
  });
  return { expected: expected.subarray(1), logLikelihood };
}

/**
 * The M-step of a Bayesian EM with a sparse Dirichlet prior: score = digamma(count) - digamma(sum of counts), which
 * favours fewer pieces; those expected less than half a time go.
 */
export function maximize(pieces: readonly Piece[], expected: Float64Array): Piece[] {
  let sum = 0;
  for (const count of expected) if (count >= LEAST_EXPECTED) sum += count;
  const total = digamma(sum);
  return pieces.flatMap(([token], i) =>
    expected[i]! < LEAST_EXPECTED ? [] : [[token, digamma(expected[i]!) - total] as const],
  );
}

/**
 * Drops the pieces whose loss is least until `keep` are left. The loss of a piece is how much the likelihood of the
 * best cuts falls when its occurrences are cut in the next best way; pieces that no best cut has go first, those
 * that cannot be cut otherwise, single characters among them, stay.
 */
export async function prune(
  words: WordCounts,
  pieces: readonly Piece[],
  keep: number,
  pace: Pace,
  progress: TrainProgress,
): Promise<Piece[]> {
  const model = modelOf(pieces);
  const lattice = new Lattice();
  /** How often each piece stands in best cuts. */
  const used = new Float64Array(pieces.length + 1);
  let wordSum = 0;
  await eachWord(words, pace, progress, (word, count) => {
    wordSum += count;
    for (const id of model.bestPath(word).ids) used[id]! += count;
  });
  let sum = 0;
  for (const count of used) sum += count;
  const logSum = Math.log(sum);

  const stay: number[] = [];
  const losses: [index: number, loss: number][] = [];
  for (let i = 0; i < pieces.length; i++) {
    const [token] = pieces[i]!;
    const id = i + 1;
    lattice.fill(model, token);
    const [other] = lattice.nBest(1, (_, length) => length === token.length);
    if (!other) {
      stay.push(i);
    } else if (used[id]! > 0) {
      const count = used[id]!;
      // Its occurrences go to the parts of the other cut, so the sum of counts grows by them.
      const logOther = Math.log(sum + count * (other.ids.length - 1));
      let after = 0;
      for (const part of other.ids) after += Math.log(used[part]! + count) - logOther;
      losses.push([i, (count / wordSum) * (Math.log(count) - logSum - after)]);
    }
    if (i % 64 === 63 && pace.due) await pace.rest(progress);
  }
  losses.sort(([a, x], [b, y]) => y - x || a - b);
  const kept = losses.slice(0, Math.max(0, keep - stay.length)).map(([i]) => i);
  return [...stay, ...kept].sort((a, b) => a - b).map((i) => pieces[i]!);
}
