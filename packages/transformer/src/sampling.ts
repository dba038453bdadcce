import { TransformerError } from './errors.js';

/** How the next token is chosen from logits. */
export interface SamplingOptions {
  /** Logits are divided by it; 0 takes the likeliest token. Default 1. */
  temperature?: number;
  /** Only the k likeliest tokens; 0 for all. Default 0. */
  topK?: number;
  /** Only the likeliest tokens that together reach this probability, in (0, 1]. Default 1. */
  topP?: number;
  /** Only tokens at least this share as likely as the likeliest, in [0, 1]. Default 0. */
  minP?: number;
  /** Above 1, tokens that occur already become less likely. Default 1. */
  repetitionPenalty?: number;
}

type Logits = Float64Array | Float32Array;

/**
 * Checks sampling options and fills in the defaults.
 * @throws TransformerError E_ARGUMENT
 */
export function samplingOptions(options: SamplingOptions = {}): Required<SamplingOptions> {
  const { temperature = 1, topK = 0, topP = 1, minP = 0, repetitionPenalty = 1 } = options;
  const require = (name: string, value: number, fits: boolean, rule: string) => {
    if (!fits)
      throw new TransformerError('E_ARGUMENT', name, rule, `${value}`, 'leave it out for its default');
  };
  require('temperature', temperature, temperature >= 0 &&
    temperature < Infinity, 'must be finite and not negative');
  require('topK', topK, Number.isSafeInteger(topK) && topK >= 0, 'must be a non-negative integer');
  require('topP', topP, topP > 0 && topP <= 1, 'must lie in (0, 1]');
  require('minP', minP, minP >= 0 && minP <= 1, 'must lie in [0, 1]');
  require('repetitionPenalty', repetitionPenalty, repetitionPenalty > 0 &&
    repetitionPenalty < Infinity, 'must be positive and finite');
  return { temperature, topK, topP, minP, repetitionPenalty };
}

/**
 * Divides the positive logits of tokens that occur in `ids` by the penalty and multiplies the negative ones with it,
 * once for each token. In place.
 *
 * Keskar et al., CTRL, 2019, section 4.1.
 *
 * @param logits [V]
 * @param ids the prompt and what was generated; ids outside the vocabulary count for nothing
 * @example
 * const logits = Float64Array.of(4, -4, 1);
 * applyRepetitionPenalty(logits, [0, 1], 2);
 * [...logits]; // => [2, -8, 1]
 */
export function applyRepetitionPenalty(logits: Logits, ids: Iterable<number>, penalty: number): void {
  if (penalty === 1) return;
  for (const id of new Set(ids)) {
    const logit = logits[id];
    if (logit !== undefined) logits[id] = logit < 0 ? logit * penalty : logit / penalty;
  }
}

/**
 * Divides logits by a positive temperature. In place.
 * @example
 * applyTemperature(Float64Array.of(4, -4, 1), 0.8);
 */
export function applyTemperature(logits: Logits, temperature: number): void {
  if (temperature === 1) return;
  for (let i = 0; i < logits.length; i++) logits[i]! /= temperature;
}

/**
 * Removes (sets to -Infinity) all but the k largest logits; those equal to the k-th stay. In place.
 *
 * Fan, Lewis, Dauphin, Hierarchical Neural Story Generation, 2018, section 5.4.
 *
 * @param k 0 or at least V keeps all
 * @example
 * const logits = Float64Array.of(4, -4, 1);
 * applyTopK(logits, 2);
 * [...logits]; // => [4, -Infinity, 1]
 */
export function applyTopK(logits: Logits, k: number): void {
  if (k <= 0 || k >= logits.length) return;
  const smallest = logits.slice().sort()[logits.length - k]!;
  for (let i = 0; i < logits.length; i++) if (logits[i]! < smallest) logits[i] = Number.NEGATIVE_INFINITY;
}

/**
 * Removes the least likely tokens whose probabilities together are at most 1 - p; at least one token stays. In place.
 *
 * Holtzman et al., The Curious Case of Neural Text Degeneration, 2020, equation 2.
 *
 * @example
 * const logits = Float64Array.of(0, 0, 9);
 * applyTopP(logits, 0.9);
 * [...logits]; // => [-Infinity, -Infinity, 9]
 */
export function applyTopP(logits: Logits, p: number): void {
  if (p >= 1) return;
  const probabilities = softmaxOf(logits);
  const ascending = probabilities.slice().sort();
  let removed = 0;
  let sum = 0;
  while (removed < ascending.length - 1 && (sum += ascending[removed]!) <= 1 - p) removed++;
  // Of tokens as likely as the last one that stays, only as many go as were counted.
  const limit = ascending[removed]!;
  let ties = removed - ascending.indexOf(limit);
  for (let i = 0; i < logits.length; i++)
    if (probabilities[i]! < limit || (probabilities[i] === limit && ties-- > 0))
      logits[i] = Number.NEGATIVE_INFINITY;
}

/**
 * Removes tokens less likely than p times the likeliest. In place.
 *
 * Nguyen et al., Turning Up the Heat: Min-p Sampling, 2024, section 3.
 *
 * @example
 * const logits = Float64Array.of(1, 2, 9);
 * applyMinP(logits, 0.1);
 * [...logits]; // => [-Infinity, -Infinity, 9]
 */
export function applyMinP(logits: Logits, p: number): void {
  if (p <= 0) return;
  // p_i < p * p_max in logarithms.
  const limit = maximum(logits) + Math.log(p);
  for (let i = 0; i < logits.length; i++) if (logits[i]! < limit) logits[i] = Number.NEGATIVE_INFINITY;
}

/**
 * The id of the largest logit, the first of equals.
 * @throws TransformerError E_ARGUMENT when no logit is finite, or one is NaN
 * @example
 * greedyToken(Float64Array.of(1, 3, 2)); // => 1
 */
export function greedyToken(logits: Logits): number {
  return logits.indexOf(requireNumbers(logits));
}

/**
 * An id drawn with probability softmax(logits).
 * @param random uniform in [0, 1)
 * @throws TransformerError E_ARGUMENT when no logit is finite, or one is NaN
 * @example
 * sampleToken(Float64Array.of(0, 0), 0.7); // => 1
 */
export function sampleToken(logits: Logits, random: number): number {
  requireNumbers(logits);
  const probabilities = softmaxOf(logits);
  let left = random;
  let last = 0;
  for (let i = 0; i < probabilities.length; i++) {
    if (probabilities[i] === 0) continue;
    last = i;
    left -= probabilities[i]!;
    if (left < 0) return i;
  }
  return last; // Rounding left a little over.
}

/**
 * The next token: repetition penalty, then temperature, top-k, top-p and min-p, then a draw; the order of
 * transformers. Changes the logits.
 *
 * @param logits [V]
 * @param ids all tokens so far
 * @param random gives numbers uniform in [0, 1); not called when the temperature is 0
 * @throws TransformerError E_ARGUMENT when no logit is finite, or one is NaN
 * @example
 * chooseToken(Float64Array.of(1, 3, 2), [], { temperature: 0 }, Math.random); // => 1
 */
export function chooseToken(
  logits: Logits,
  ids: Iterable<number>,
  options: SamplingOptions,
  random: () => number,
): number {
  const { temperature, topK, topP, minP, repetitionPenalty } = samplingOptions(options);
  applyRepetitionPenalty(logits, ids, repetitionPenalty);
  if (temperature === 0) return greedyToken(logits);
  requireNumbers(logits);
  applyTemperature(logits, temperature);
  applyTopK(logits, topK);
  applyTopP(logits, topP);
  applyMinP(logits, minP);
  return sampleToken(logits, random());
}

function maximum(logits: Logits): number {
  let max = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < logits.length; i++) if (logits[i]! > max) max = logits[i]!;
  return max;
}

// The largest logit, once it is known that there is one and that none is NaN.
function requireNumbers(logits: Logits): number {
  const max = maximum(logits);
  if (!Number.isFinite(max) || logits.includes(Number.NaN))
    throw new TransformerError(
      'E_ARGUMENT',
      'logits',
      'must be numbers, at least one of them finite',
      logits.includes(Number.NaN) ? 'NaN' : `a maximum of ${max}`,
      'the weights may have diverged: use an earlier checkpoint',
    );
  return max;
}

function softmaxOf(logits: Logits): Float64Array {
  const max = maximum(logits);
  const out = new Float64Array(logits.length);
  let total = 0;
  for (let i = 0; i < out.length; i++) total += out[i] = Math.exp(logits[i]! - max);
  for (let i = 0; i < out.length; i++) out[i]! /= total;
  return out;
}
