import { UNKNOWN_PENALTY } from '../models/unigram.js';
import type { Cuts } from './word-lattices.js';

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

/** Puts the score of a character without a piece into place 0 of scores by id. */
export function withUnknown(scores: Float64Array): Float64Array {
  let lowest = scores.length > 1 ? scores[1]! : 0;
  for (let id = 2; id < scores.length; id++) lowest = Math.min(lowest, scores[id]!);
  scores[0] = lowest - UNKNOWN_PENALTY;
  return scores;
}

/** The pieces that go on, ascending, and their scores by the ids that they have from now on. */
export interface Maximum {
  kept: Int32Array;
  scores: Float64Array;
}

/**
 * The M-step of a Bayesian EM with a sparse Dirichlet prior: score = digamma(count) - digamma(sum of counts), which
 * favours fewer pieces; those expected less than half a time go.
 *
 * @param expected by id.
 */
export function maximize(expected: Float64Array): Maximum {
  const ids = new Int32Array(expected.length);
  let size = 0;
  let sum = 0;
  for (let id = 1; id < expected.length; id++) {
    if (expected[id]! < LEAST_EXPECTED) continue;
    ids[size++] = id;
    sum += expected[id]!;
  }
  const kept = ids.subarray(0, size);
  const total = digamma(sum);
  const scores = new Float64Array(size + 1);
  for (let i = 0; i < size; i++) scores[i + 1] = digamma(expected[kept[i]!]!) - total;
  return { kept, scores: withUnknown(scores) };
}

/**
 * The pieces to keep when those whose loss is least are dropped until `keep` are left. The loss of a piece is how much the
 * log likelihood of the best cuts falls when its occurrences are cut in the next best way; pieces that no best cut has go
 * first, those that cannot be cut otherwise, single characters among them, stay.
 */
export function prune({ used, parts, starts }: Cuts, keep: number): Int32Array {
  let sum = 0;
  for (const count of used) sum += count;
  const logSum = Math.log(sum);
  /** By id; what stays has more to lose than anything, what goes first nothing. */
  const losses = new Float64Array(used.length).fill(-Infinity);
  let stay = 0;
  let going = 0;
  for (let id = 1; id < used.length; id++) {
    const from = starts[id - 1]!;
    const to = starts[id]!;
    const count = used[id]!;
    if (from === to) {
      stay++;
      losses[id] = Infinity;
    } else if (count > 0) {
      // Its occurrences go to the parts of the other cut, so the sum of counts grows by them.
      const logOther = Math.log(sum + count * (to - from - 1));
      let after = 0;
      for (let i = from; i < to; i++) after += Math.log(used[parts[i]!]! + count) - logOther;
      going++;
      losses[id] = count * (Math.log(count) - logSum - after);
    }
  }
  const size = Math.max(stay, Math.min(keep, stay + going));
  const least = losses.slice().sort()[losses.length - size];
  let ties = size;
  for (const loss of losses) if (loss > least!) ties--;
  const kept = new Int32Array(size);
  let at = 0;
  for (let id = 1; at < size; id++) {
    if (losses[id]! > least! || (losses[id] === least && ties-- > 0)) kept[at++] = id;
  }
  return kept;
}
