import { checkFinite, checkInteger } from '../errors.js';
import { AdditiveMetric, type AdditiveOptions, formatSignature, type Scored } from '../metric.js';
import { checkText, pairTexts, type TextSample } from '../text/sample.js';
import { NgramTrie, WordIds } from '../text/trie.js';
import { codePoints, isSpace, splitSpaces } from '../text/whitespace.js';
import { RefCounts } from './reference-counts.js';

/** Settings of {@link Chrf}. */
export interface ChrfOptions extends AdditiveOptions {
  /** Highest character n-gram order. Default 6. */
  readonly charOrder?: number;
  /** Highest word n-gram order; 2 makes it chrF++. Default 0. */
  readonly wordOrder?: number;
  /** Weight of recall against precision. Default 2. */
  readonly beta?: number;
  /** Default false. */
  readonly lowercase?: boolean;
  /** Count white space as characters. Default false. */
  readonly whitespace?: boolean;
  /** Average the per-order F-scores with a tiny epsilon, as chrF++.py and NLTK do, not effective orders. Default false. */
  readonly epsilonSmoothing?: boolean;
}

/** A chrF score. */
export interface ChrfResult extends Scored {
  /** chrF, 0 to 100. */
  readonly score: number;
  /** [hypothesis n-grams, reference n-grams, matches] per order, characters first. */
  readonly statistics: readonly (readonly [number, number, number])[];
}

const PUNCTUATION = new Set('!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~');

/** Splits one leading or trailing ASCII punctuation mark off each word (the last one first), as chrF++.py does. */
function chrfWords(text: string): string[] {
  const words: string[] = [];
  for (const word of splitSpaces(text)) {
    const points = [...word];
    if (points.length === 1) words.push(word);
    else if (PUNCTUATION.has(points.at(-1)!)) words.push(word.slice(0, -1), word.slice(-1));
    else if (PUNCTUATION.has(points[0]!)) words.push(word[0]!, word.slice(1));
    else words.push(word);
  }
  return words;
}

/**
 * chrF and chrF++: F_beta of character (and word) n-grams.
 *
 * chrF = 100 (1 + β²) P R / (β² P + R) with P and R averaged over the orders both sides have n-grams of.
 * Popović 2015 (https://aclanthology.org/W15-3049) and 2017 (https://aclanthology.org/W17-4770); equal to sacrebleu 2.6.
 * With several references the one with the best F-score counts. Characters are Unicode code points.
 *
 * @example
 * const chrf = new Chrf({ wordOrder: 2 });
 * chrf.update([{ hypothesis: 'the cat sat', references: ['the cat sits'] }]);
 * chrf.compute().score.toFixed(4); // => '60.3941'
 * chrf.name; // => 'chrF2++'
 */
export class Chrf extends AdditiveMetric<TextSample, ChrfResult> {
  readonly name: string;
  readonly width: number;
  private readonly charOrder: number;
  private readonly wordOrder: number;
  private readonly beta: number;
  private readonly lowercase: boolean;
  private readonly whitespace: boolean;
  private readonly epsilon: boolean;
  private readonly referenceCounts = new RefCounts();
  private readonly words = new WordIds();
  private readonly trie = new NgramTrie();

  constructor(options: ChrfOptions = {}) {
    super(options);
    this.charOrder = options.charOrder ?? 6;
    this.wordOrder = options.wordOrder ?? 0;
    this.beta = options.beta ?? 2;
    checkInteger('chrf', 'charOrder', this.charOrder, 1, 32);
    checkInteger('chrf', 'wordOrder', this.wordOrder, 0, 32);
    checkFinite('chrf', 'beta', this.beta);
    this.lowercase = options.lowercase ?? false;
    this.whitespace = options.whitespace ?? false;
    this.epsilon = options.epsilonSmoothing ?? false;
    this.width = 3 * (this.charOrder + this.wordOrder);
    this.name = `chrF${this.beta}${'+'.repeat(this.wordOrder)}`;
  }

  signature(): string {
    return `nrefs:${this.referenceCounts}|${this.mergeKey()}`;
  }

  protected override mergeKey(): string {
    return formatSignature({
      case: this.lowercase ? 'lc' : 'mixed',
      eff: !this.epsilon,
      nc: this.charOrder,
      nw: this.wordOrder,
      space: this.whitespace,
      beta: this.beta === 2 ? undefined : this.beta,
      version: '2.6.0',
    });
  }

  protected override absorb(other: this): void {
    this.referenceCounts.merge(other.referenceCounts);
  }

  protected statistics(sample: TextSample, row: Float64Array): void {
    checkText('chrf', sample);
    this.words.trim();
    const hypothesis = this.prepare(sample.hypothesis);
    const candidate = new Float64Array(this.width);
    let best = -1;
    for (const reference of sample.references) {
      candidate.fill(0);
      const prepared = this.prepare(reference);
      this.compare(hypothesis.characters, prepared.characters, this.charOrder, candidate, 0);
      this.compare(hypothesis.words, prepared.words, this.wordOrder, candidate, 3 * this.charOrder);
      const score = this.fScore(candidate);
      if (score > best) {
        best = score;
        row.set(candidate);
      }
    }
    this.referenceCounts.add(sample.references.length);
  }

  private prepare(text: string): { characters: ArrayLike<number>; words: ArrayLike<number> } {
    if (this.lowercase) text = text.toLowerCase();
    const points = codePoints(text);
    return {
      characters: this.whitespace ? points : points.filter((point) => !isSpace(point)),
      words: this.wordOrder > 0 ? this.words.of(chrfWords(text)) : [],
    };
  }

  private compare(
    hypothesis: ArrayLike<number>,
    reference: ArrayLike<number>,
    order: number,
    out: Float64Array,
    offset: number,
  ): void {
    if (order === 0) return;
    this.trie.reset();
    this.trie.addAll(reference, order);
    const matches = new Float64Array(order);
    this.trie.matchAll(hypothesis, order, matches);
    for (let n = 0; n < order; n++) {
      const inReference = Math.max(0, reference.length - n);
      // An order the reference is too short for does not count against the hypothesis.
      out[offset + 3 * n] = inReference > 0 ? Math.max(0, hypothesis.length - n) : 0;
      out[offset + 3 * n + 1] = inReference;
      out[offset + 3 * n + 2] = matches[n]!;
    }
  }

  private fScore(statistics: Float64Array): number {
    const factor = this.beta ** 2;
    const tiny = 1e-16;
    let sum = 0;
    let precisions = 0;
    let recalls = 0;
    let effective = 0;
    for (let i = 0; i < statistics.length; i += 3) {
      const [inHypothesis, inReference, matches] = statistics.subarray(i, i + 3) as unknown as [
        number,
        number,
        number,
      ];
      const precision = inHypothesis > 0 ? matches / inHypothesis : tiny;
      const recall = inReference > 0 ? matches / inReference : tiny;
      const denominator = factor * precision + recall;
      sum += denominator > 0 ? ((1 + factor) * precision * recall) / denominator : tiny;
      if (inHypothesis > 0 && inReference > 0) {
        precisions += precision;
        recalls += recall;
        effective++;
      }
    }
    if (this.epsilon) return (100 * sum) / (statistics.length / 3);
    if (precisions + recalls === 0) return 0;
    precisions /= effective;
    recalls /= effective;
    return (100 * (1 + factor) * precisions * recalls) / (factor * precisions + recalls);
  }

  protected result(totals: Float64Array): ChrfResult {
    const statistics = Array.from(
      { length: totals.length / 3 },
      (_, n) => [totals[3 * n]!, totals[3 * n + 1]!, totals[3 * n + 2]!] as const,
    );
    return { score: this.fScore(totals), statistics };
  }
}

/**
 * chrF of a whole corpus in one call.
 *
 * @throws MetricError `E_INPUT` when the lengths differ or a sample has no reference, `E_EMPTY` without samples.
 * @example
 * corpusChrf(['abc'], ['abc']).score; // => 100
 */
export function corpusChrf(
  hypotheses: readonly string[],
  references: readonly (string | readonly string[])[],
  options?: ChrfOptions,
): ChrfResult {
  const metric = new Chrf({ keepRows: false, ...options });
  metric.update(pairTexts(hypotheses, references));
  return metric.compute();
}
