import { checkFinite, checkInteger, MetricError, show } from '../errors.js';
import { AdditiveMetric, type AdditiveOptions, formatSignature, type Scored } from '../metric.js';
import { checkText, pairTexts, type TextSample } from '../text/sample.js';
import { type Tokenizer, type TokenizerName, tokenizer } from '../text/tokenizers.js';
import { NgramTrie, WordIds } from '../text/trie.js';
import { stripEnd } from '../text/whitespace.js';
import { RefCounts } from './reference-counts.js';

/** How BLEU treats an order without a match (Chen and Cherry 2014, methods 1 to 3). */
export type BleuSmoothing = 'none' | 'floor' | 'add-k' | 'exp';

/** Settings of {@link Bleu}. */
export interface BleuOptions extends AdditiveOptions {
  /** Default `13a`. */
  readonly tokenizer?: TokenizerName | Tokenizer;
  /** Lowercase before tokenizing. Default false. */
  readonly lowercase?: boolean;
  /** Default `exp`. */
  readonly smoothing?: BleuSmoothing;
  /** The floor (default 0.1) or the k (default 1); ignored by the other methods. */
  readonly smoothingValue?: number;
  /** Highest n-gram order, 1 to 16. Default 4. */
  readonly maxOrder?: number;
  /** Average only orders the hypothesis is long enough for; meant for single sentences. Default false. */
  readonly effectiveOrder?: boolean;
}

/** A BLEU score and what it is made of. */
export interface BleuResult extends Scored {
  /** BLEU, 0 to 100. */
  readonly score: number;
  /** Clipped matches per order, [maxOrder]. */
  readonly counts: readonly number[];
  /** Hypothesis n-grams per order, [maxOrder]. */
  readonly totals: readonly number[];
  /** Smoothed precision per order in percent, [maxOrder]. */
  readonly precisions: readonly number[];
  /** exp(1 - r/c) when the hypotheses are shorter than the references, else 1. */
  readonly brevityPenalty: number;
  /** Tokens in the hypotheses (c). */
  readonly hypothesisLength: number;
  /** Tokens in the closest references (r). */
  readonly referenceLength: number;
}

/**
 * Corpus BLEU: 100 · BP · exp(mean over n of log p_n), with clipped n-gram precisions p_n over the whole corpus.
 *
 * Papineni et al. 2002 (https://aclanthology.org/P02-1040); smoothing as Chen and Cherry 2014
 * (https://aclanthology.org/W14-3346); equal to sacrebleu 2.6 (Post 2018) setting by setting, including its signature.
 * NLTK and multi-bleu.perl leave tokenization to the caller, and NLTK and HF `evaluate`'s "bleu" (13a too) do not smooth
 * unless asked to. When no n-gram of any order matches the score is 0, whatever the smoothing.
 *
 * An empty hypothesis counts as length 0; a sample without references is refused (`E_INPUT`).
 *
 * @example
 * const bleu = new Bleu();
 * bleu.update([{ hypothesis: 'The dog bit the man.', references: ['The dog had bit the man.'] }]);
 * bleu.compute().score.toFixed(4); // => '51.1508'
 * bleu.signature(); // => 'nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:2.6.0'
 */
export class Bleu extends AdditiveMetric<TextSample, BleuResult> {
  readonly name: string = 'BLEU';
  readonly width: number;
  readonly maxOrder: number;
  private readonly tokens: Tokenizer;
  private readonly lowercase: boolean;
  private readonly smoothing: BleuSmoothing;
  private readonly smoothingValue: number;
  private readonly effectiveOrder: boolean;
  private readonly referenceCounts = new RefCounts();
  private readonly words = new WordIds();
  private readonly trie = new NgramTrie();

  constructor(options: BleuOptions = {}) {
    super(options);
    this.maxOrder = options.maxOrder ?? 4;
    checkInteger('bleu', 'maxOrder', this.maxOrder, 1, 16);
    this.width = 2 + 2 * this.maxOrder;
    this.tokens = tokenizer(options.tokenizer ?? '13a');
    this.lowercase = options.lowercase ?? false;
    this.smoothing = options.smoothing ?? 'exp';
    if (!['none', 'floor', 'add-k', 'exp'].includes(this.smoothing)) {
      throw new MetricError(
        'E_INPUT',
        'bleu',
        'smoothing must be none, floor, add-k or exp',
        show(this.smoothing),
        'pick one',
      );
    }
    this.smoothingValue = options.smoothingValue ?? (this.smoothing === 'floor' ? 0.1 : 1);
    checkFinite('bleu', 'smoothingValue', this.smoothingValue);
    this.effectiveOrder = options.effectiveOrder ?? false;
  }

  signature(): string {
    return `nrefs:${this.referenceCounts}|${this.mergeKey()}`;
  }

  protected override mergeKey(): string {
    const shown = this.smoothing === 'floor' || this.smoothing === 'add-k';
    return formatSignature({
      case: this.lowercase ? 'lc' : 'mixed',
      eff: this.effectiveOrder,
      tok: this.tokens.name,
      order: this.maxOrder === 4 ? undefined : this.maxOrder,
      smooth: shown ? `${this.smoothing}[${this.smoothingValue.toFixed(2)}]` : this.smoothing,
      version: '2.6.0',
    });
  }

  protected override absorb(other: this): void {
    this.referenceCounts.merge(other.referenceCounts);
  }

  protected statistics(sample: TextSample, row: Float64Array): void {
    checkText('bleu', sample);
    const { maxOrder, trie } = this;
    this.words.trim();
    trie.reset();
    const hypothesis = this.idsOf(sample.hypothesis);
    let closest = -1;
    for (const [i, text] of sample.references.entries()) {
      const reference = this.idsOf(text);
      const gap = Math.abs(hypothesis.length - reference.length) - Math.abs(hypothesis.length - closest);
      if (closest < 0 || gap < 0 || (gap === 0 && reference.length < closest)) closest = reference.length;
      if (i === 0) trie.addAll(reference, maxOrder);
      else this.raiseLimits(reference);
    }
    trie.counts.fill(0, 0, trie.size);
    row[0] = hypothesis.length;
    row[1] = closest;
    trie.matchAll(hypothesis, maxOrder, row, 2);
    for (let n = 0; n < maxOrder; n++) row[2 + maxOrder + n] = Math.max(0, hypothesis.length - n);
    this.referenceCounts.add(sample.references.length);
  }

  /** Further references: the limit of an n-gram is its largest count in any one of them. */
  private raiseLimits(reference: Int32Array): void {
    const { trie, maxOrder } = this;
    trie.counts.fill(0, 0, trie.size);
    for (let i = 0; i < reference.length; i++) {
      const end = Math.min(reference.length, i + maxOrder);
      for (let j = i, node = 0; j < end; j++) {
        node = trie.add(node, reference[j]!);
        const count = ++trie.counts[node]!;
        if (count > trie.limits[node]!) trie.limits[node] = count;
      }
    }
  }

  private idsOf(text: string): Int32Array {
    if (this.lowercase) text = text.toLowerCase();
    return this.words.of(this.tokens.tokenize(stripEnd(text)));
  }

  protected result(sums: Float64Array): BleuResult {
    const { maxOrder, smoothing, smoothingValue } = this;
    const [hypothesisLength, referenceLength] = sums as unknown as [number, number];
    const counts = Array.from(sums.subarray(2, 2 + maxOrder));
    const totals = Array.from(sums.subarray(2 + maxOrder, 2 + 2 * maxOrder));
    const precisions = new Array<number>(maxOrder).fill(0);
    let brevityPenalty = 1;
    if (hypothesisLength < referenceLength) {
      brevityPenalty = hypothesisLength > 0 ? Math.exp(1 - referenceLength / hypothesisLength) : 0;
    }
    const rest = { counts, totals, precisions, brevityPenalty, hypothesisLength, referenceLength };
    if (counts.every((count) => count === 0)) return { score: 0, ...rest };
    let halvings = 1;
    let orders = maxOrder;
    for (let n = 0; n < maxOrder; n++) {
      const extra = smoothing === 'add-k' && n > 0 ? smoothingValue : 0;
      const count = counts[n]! + extra;
      const total = totals[n]! + extra;
      if (total === 0) break;
      if (this.effectiveOrder) orders = n + 1;
      if (count > 0) precisions[n] = (100 * count) / total;
      else if (smoothing === 'exp') precisions[n] = 100 / ((halvings *= 2) * total);
      else if (smoothing === 'floor') precisions[n] = (100 * smoothingValue) / total;
    }
    let logs = 0;
    for (let n = 0; n < orders; n++) logs += Math.log(precisions[n]!);
    return { score: brevityPenalty * Math.exp(logs / orders), ...rest };
  }
}

/**
 * BLEU of a whole corpus in one call.
 *
 * @param hypotheses One text per sample.
 * @param references One text, or several, per sample.
 * @throws MetricError `E_INPUT` when the lengths differ or a sample has no reference, `E_EMPTY` without samples.
 * @example
 * corpusBleu(['a b c d e'], [['a b c d e', 'a b']]).score.toFixed(9); // => '100.000000000'
 */
export function corpusBleu(
  hypotheses: readonly string[],
  references: readonly (string | readonly string[])[],
  options?: BleuOptions,
): BleuResult {
  const metric = new Bleu({ keepRows: false, ...options });
  metric.update(pairTexts(hypotheses, references));
  return metric.compute();
}

/**
 * BLEU of one sentence, with effective order as sacrebleu recommends.
 *
 * @example
 * sentenceBleu('the cat', ['the cat']).score.toFixed(9); // => '100.000000000'
 */
export function sentenceBleu(
  hypothesis: string,
  references: readonly string[],
  options?: BleuOptions,
): BleuResult {
  return corpusBleu([hypothesis], [references], { effectiveOrder: true, ...options });
}
