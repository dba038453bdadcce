import { PieceLattice, type UnitWords } from './piece-lattice.js';
import type { Pace, TrainProgress } from './progress.js';

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

/** Fills the lattice with one word after the other, now and then giving the event loop a turn. */
async function eachWord(
  { units, starts, counts }: UnitWords,
  lattice: PieceLattice,
  pace: Pace,
  progress: TrainProgress,
  visit: (count: number) => void,
): Promise<void> {
  for (let i = 0; i < counts.length; i++) {
    lattice.fill(units, starts[i]!, starts[i + 1]!);
    visit(counts[i]!);
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
  words: UnitWords,
  pieces: readonly Piece[],
  pace: Pace,
  progress: TrainProgress,
): Promise<Expectation> {
  const lattice = new PieceLattice(pieces);
  const expected = new Float64Array(pieces.length + 1);
  let logLikelihood = 0;
  await eachWord(words, lattice, pace, progress, (count) => {
    logLikelihood += count * lattice.marginals(count, expected);
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
  const out: Piece[] = [];
  for (let i = 0; i < pieces.length; i++) {
    if (expected[i]! >= LEAST_EXPECTED) out.push([pieces[i]![0], digamma(expected[i]!) - total]);
  }
  return out;
}

/**
 * Drops the pieces whose loss is least until `keep` are left. The loss of a piece is how much the likelihood of the
 * best cuts falls when its occurrences are cut in the next best way; pieces that no best cut has go first, those
 * that cannot be cut otherwise, single characters among them, stay.
 */
export async function prune(
  words: UnitWords,
  pieces: readonly Piece[],
  keep: number,
  pace: Pace,
  progress: TrainProgress,
): Promise<Piece[]> {
  const lattice = new PieceLattice(pieces);
  /** How often each piece stands in best cuts. */
  const used = new Float64Array(pieces.length + 1);
  let wordSum = 0;
  await eachWord(words, lattice, pace, progress, (count) => {
    wordSum += count;
    lattice.best(true);
    for (const id of lattice.path) used[id]! += count;
  });
  let sum = 0;
  for (const count of used) sum += count;
  const logSum = Math.log(sum);

  const stay: number[] = [];
  const losses: [index: number, loss: number][] = [];
  const units = new Uint16Array(pieces.reduce((most, [token]) => Math.max(most, token.length), 0));
  for (let i = 0; i < pieces.length; i++) {
    const [token] = pieces[i]!;
    const id = i + 1;
    for (let k = 0; k < token.length; k++) units[k] = token.charCodeAt(k);
    if (!lattice.fill(units, 0, token.length).best(false)) {
      stay.push(i);
    } else if (used[id]! > 0) {
      const count = used[id]!;
      const { path } = lattice;
      // Its occurrences go to the parts of the other cut, so the sum of counts grows by them.
      const logOther = Math.log(sum + count * (path.length - 1));
      let after = 0;
      for (const part of path) after += Math.log(used[part]! + count) - logOther;
      losses.push([i, (count / wordSum) * (Math.log(count) - logSum - after)]);
    }
    if (i % 64 === 63 && pace.due) await pace.rest(progress);
  }
  losses.sort(([a, x], [b, y]) => y - x || a - b);
  const kept = losses.slice(0, Math.max(0, keep - stay.length)).map(([i]) => i);
  return [...stay, ...kept].sort((a, b) => a - b).map((i) => pieces[i]!);
}
