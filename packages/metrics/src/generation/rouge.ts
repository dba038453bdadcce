import { MetricError, show } from '../errors.js';
import { AdditiveMetric, type AdditiveOptions, formatSignature, type Scored } from '../metric.js';
import { cachedStemmer } from '../text/porter.js';
import { checkText, pairTexts, type TextSample } from '../text/sample.js';
import type { Tokenizer } from '../text/tokenizers.js';
import { NgramTrie, WordIds } from '../text/trie.js';
import { unicodeWords } from '../text/unicode-words.js';
import { lcsLength, markLcs } from './lcs.js';

/** A ROUGE variant: n-grams of an order, longest common subsequence of the text, or of its lines. */
export type RougeType = `rouge${1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9}` | 'rougeL' | 'rougeLsum';

/** Settings of {@link Rouge}. */
export interface RougeOptions extends AdditiveOptions {
  /** Default rouge1, rouge2, rougeL and rougeLsum. */
  readonly types?: readonly RougeType[];
  /** Stem words longer than three letters with NLTK's Porter stemmer. Default false. */
  readonly stem?: boolean;
  /**
   * `ascii` is google-research's: lower case, everything but a-z and 0-9 separates. It drops all of Chinese.
   * `unicode` keeps letters, marks and digits of every script and makes each character of scripts written without
   * spaces (Han, kana, Thai, Lao, Khmer, Burmese) a token. Default `ascii`.
   */
  readonly tokenizer?: 'ascii' | 'unicode' | Tokenizer;
}

/** Precision, recall and F1, each 0 to 1. */
export interface RougeScore {
  readonly precision: number;
  readonly recall: number;
  readonly f1: number;
}

/** The means over all samples; `score` is the F1 of the first type. */
export interface RougeResult extends Scored {
  readonly types: Readonly<Record<string, RougeScore>>;
}

const TOKENIZERS: Readonly<Record<'ascii' | 'unicode', Tokenizer>> = {
  ascii: { name: 'ascii', tokenize: (text) => text.toLowerCase().match(/[a-z0-9]+/g) ?? [] },
  unicode: {
    name: 'unicode',
    tokenize: unicodeWords,
  },
};

/** F1 = 2PR / (P + R), 0 when both are 0. */
export const f1Of = (precision: number, recall: number): number =>
  precision + recall > 0 ? (2 * precision * recall) / (precision + recall) : 0;

/**
 * ROUGE-N, ROUGE-L and ROUGE-Lsum: mean precision, recall and F1 of n-gram or common-subsequence overlap.
 *
 * Lin 2004 (https://aclanthology.org/W04-1013), equal to google-research's `rouge_score`, which copies the Perl script
 * ROUGE-1.5.5. ROUGE-L takes the text as one sequence; ROUGE-Lsum splits at newlines and unites the subsequences of each
 * reference line with all candidate lines, counting no word more often than either side has it. With several references
 * the best F1 counts. torchmetrics differs for Lsum (it splits sentences with punkt); HF `evaluate` returns the median
 * of unseeded bootstraps, which varies from run to run: this is the plain mean.
 *
 * @example
 * const rouge = new Rouge({ types: ['rouge1', 'rougeL'] });
 * rouge.update([{ hypothesis: 'the cat was there', references: ['the cat sat there'] }]);
 * rouge.compute().types.rougeL; // => { precision: 0.75, recall: 0.75, f1: 0.75 }
 * const chinese = new Rouge({ tokenizer: 'unicode' });
 * chinese.update([{ hypothesis: '今天天气好', references: ['今天天气很好'] }]);
 * chinese.compute().types.rouge1!.precision; // => 1
 */
export class Rouge extends AdditiveMetric<TextSample, RougeResult> {
  readonly name = 'ROUGE';
  readonly width: number;
  readonly types: readonly RougeType[];
  private readonly tokens: Tokenizer;
  private readonly stem: ((word: string) => string) | undefined;
  private readonly words = new WordIds();
  private readonly trie = new NgramTrie();

  constructor(options: RougeOptions = {}) {
    super(options);
    this.types = options.types ?? ['rouge1', 'rouge2', 'rougeL', 'rougeLsum'];
    if (this.types.length === 0 || this.types.some((type) => !/^rouge([1-9]|L|Lsum)$/.test(type))) {
      throw new MetricError(
        'E_INPUT',
        'rouge',
        'types must be rouge1 to rouge9, rougeL or rougeLsum',
        show([...this.types]),
        'fix types',
      );
    }
    const choice = options.tokenizer ?? 'ascii';
    this.tokens = typeof choice === 'object' ? choice : TOKENIZERS[choice];
    if (!this.tokens) {
      throw new MetricError(
        'E_INPUT',
        'rouge',
        'tokenizer must be ascii, unicode or an object',
        show(choice),
        'pick one of those',
      );
    }
    this.stem = options.stem ? cachedStemmer() : undefined;
    this.width = 3 * this.types.length;
  }

  signature(): string {
    return formatSignature({
      types: this.types.join(','),
      stem: this.stem !== undefined,
      tok: this.tokens.name,
    });
  }

  protected statistics(sample: TextSample, row: Float64Array): void {
    checkText('rouge', sample);
    this.words.trim();
    const hypothesis = this.prepare(sample.hypothesis);
    const best = new Float64Array(this.types.length).fill(-1);
    for (const text of sample.references) {
      const reference = this.prepare(text);
      for (const [k, type] of this.types.entries()) {
        const [precision, recall] = this.compare(type, hypothesis, reference);
        const f1 = f1Of(precision, recall);
        if (f1 > best[k]!) {
          best[k] = f1;
          row[3 * k] = precision;
          row[3 * k + 1] = recall;
          row[3 * k + 2] = f1;
        }
      }
    }
  }

  private prepare(text: string): { whole: Int32Array; lines: Int32Array[] } {
    const lines = this.types.includes('rougeLsum') ? text.split('\n') : [];
    return {
      whole: this.idsOf(text),
      lines: lines.filter((line) => line.length > 0).map((line) => this.idsOf(line)),
    };
  }

  private idsOf(text: string): Int32Array {
    let tokens = this.tokens.tokenize(text);
    const { stem } = this;
    if (stem) tokens = tokens.map((token) => (token.length > 3 ? stem(token) : token));
    return this.words.of(tokens);
  }

  private compare(
    type: RougeType,
    hypothesis: { whole: Int32Array; lines: Int32Array[] },
    reference: { whole: Int32Array; lines: Int32Array[] },
  ): [precision: number, recall: number] {
    const h = hypothesis.whole.length;
    const r = reference.whole.length;
    if (type === 'rougeLsum') return unionLcs(hypothesis.lines, reference.lines);
    if (type === 'rougeL') {
      if (h === 0 || r === 0) return [0, 0];
      const common = lcsLength(reference.whole, hypothesis.whole);
      return [common / h, common / r];
    }
    const order = Number(type.slice(5));
    const matches = new Float64Array(order);
    this.trie.reset();
    this.trie.addAll(reference.whole, order);
    this.trie.matchAll(hypothesis.whole, order, matches);
    const common = matches[order - 1]!;
    return [common / Math.max(1, h - order + 1), common / Math.max(1, r - order + 1)];
  }

  protected result(totals: Float64Array, count: number): RougeResult {
    const types: Record<string, RougeScore> = {};
    for (const [k, type] of this.types.entries()) {
      types[type] = {
        precision: totals[3 * k]! / count,
        recall: totals[3 * k + 1]! / count,
        f1: totals[3 * k + 2]! / count,
      };
    }
    return { score: totals[2]! / count, types };
  }
}

/** Summary-level LCS (Lin 2004, section 3.2) with the clipping of ROUGE-1.5.5. */
function unionLcs(hypothesis: readonly Int32Array[], reference: readonly Int32Array[]): [number, number] {
  const left = (lines: readonly Int32Array[]): Map<number, number> => {
    const counts = new Map<number, number>();
    for (const line of lines) for (const id of line) counts.set(id, (counts.get(id) ?? 0) + 1);
    return counts;
  };
  const inHypothesis = hypothesis.reduce((sum, line) => sum + line.length, 0);
  const inReference = reference.reduce((sum, line) => sum + line.length, 0);
  if (inHypothesis === 0 || inReference === 0) return [0, 0];
  const leftInHypothesis = left(hypothesis);
  const leftInReference = left(reference);
  let hits = 0;
  for (const line of reference) {
    const marked = new Uint8Array(line.length);
    for (const candidate of hypothesis) markLcs(line, candidate, marked);
    for (let i = 0; i < line.length; i++) {
      const h = leftInHypothesis.get(line[i]!) ?? 0;
      const r = leftInReference.get(line[i]!)!;
      if (!marked[i] || h === 0 || r === 0) continue;
      hits++;
      leftInHypothesis.set(line[i]!, h - 1);
      leftInReference.set(line[i]!, r - 1);
    }
  }
  return [hits / inHypothesis, hits / inReference];
}

/**
 * ROUGE of a whole corpus in one call.
 *
 * @throws MetricError `E_INPUT` when the lengths differ or a sample has no reference, `E_EMPTY` without samples.
 * @example
 * corpusRouge(['a b'], ['a b']).types.rouge2!.f1; // => 1
 */
export function corpusRouge(
  hypotheses: readonly string[],
  references: readonly (string | readonly string[])[],
  options?: RougeOptions,
): RougeResult {
  const metric = new Rouge({ keepRows: false, ...options });
  metric.update(pairTexts(hypotheses, references));
  return metric.compute();
}
