import { appendAll, MetricError, samplesOf, show } from '../errors.js';
import { ExactSum } from '../exact-sum.js';
import { empty, type Metric, type Scored } from '../metric.js';
import type { BootstrapOptions } from '../statistics/bootstrap.js';
import type { Interval } from '../statistics/interval.js';
import { jackknifeInterval } from '../statistics/jackknife.js';
import { tokenizer } from '../text/tokenizers.js';
import { NgramTrie, WordIds } from '../text/trie.js';
import { stripEnd } from '../text/whitespace.js';
import { Bleu, type BleuOptions } from './bleu.js';

/** Self-BLEU and each text's share in it. */
export interface SelfBleuResult extends Scored {
  /** Mean BLEU of each text against all others, 0 to 100; lower is more diverse. */
  readonly score: number;
  /** Per text, in the order given. */
  readonly scores: readonly number[];
}

/**
 * Self-BLEU: each text's sentence BLEU with all other texts as its references, averaged.
 *
 * Zhu et al. 2018, Texygen (arXiv:1802.01886). Done in time linear in the corpus: the clip limit of an n-gram is the
 * corpus's largest per-text count, or the second largest for the text that has the largest. Texygen's code
 * differs: NLTK's words, order 3 and smoothing method 1, and by default the first 500 texts; this takes all, with
 * {@link BleuOptions}, effective order by default.
 *
 * @example
 * const self = new SelfBleu({ tokenizer: 'none' });
 * self.update(['a b c d e', 'a b c d e']);
 * self.compute().score.toFixed(9); // => '100.000000000'
 */
export class SelfBleu implements Metric<string, SelfBleuResult> {
  readonly name = 'self-BLEU';
  readonly higherIsBetter = false;
  private readonly texts: string[] = [];
  private readonly options: BleuOptions;
  private readonly scorer: Bleu;

  constructor(options: BleuOptions = {}) {
    this.options = { effectiveOrder: true, ...options };
    this.scorer = new Bleu({ ...this.options, keepRows: false });
  }

  /** The settings as one line. */
  signature(): string {
    return this.scorer.signature();
  }

  update(batch: Iterable<string>): void {
    const texts = [...samplesOf('self-BLEU', batch)];
    for (const text of texts) {
      if (typeof text !== 'string') {
        throw new MetricError(
          'E_INPUT',
          'self-BLEU',
          'every sample must be a string',
          show(text),
          'pass the generated texts',
        );
      }
    }
    appendAll(this.texts, texts);
  }

  merge(other: this): void {
    if (other.signature() !== this.signature()) {
      throw new MetricError(
        'E_MERGE',
        'self-BLEU',
        `only merges with the same settings (${this.signature()})`,
        other.signature(),
        'use the same options',
      );
    }
    appendAll(this.texts, other.texts);
  }

  /** @throws MetricError `E_EMPTY` for fewer than two texts. */
  compute(): SelfBleuResult {
    return this.resultOf(this.texts);
  }

  /**
   * Delete-a-group jackknife over texts ({@link jackknifeInterval}): a bootstrap repeats texts, which raises self-BLEU.
   *
   * @throws MetricError `E_EMPTY` for fewer than three texts.
   */
  interval(options: Pick<BootstrapOptions, 'confidence' | 'clusters'> = {}): Interval {
    const { confidence = 0.95, clusters } = options;
    if (this.texts.length < 3) throw empty('self-BLEU', 3);
    return jackknifeInterval(this.texts, (texts) => this.resultOf(texts).score, {
      confidence,
      ...(clusters && { clusters }),
    });
  }

  private resultOf(texts: readonly string[]): SelfBleuResult {
    const count = texts.length;
    if (count < 2) throw empty('self-BLEU', 2);
    const { tokenize } = tokenizer(this.options.tokenizer ?? '13a');
    const order = this.scorer.maxOrder;
    const words = new WordIds(Infinity);
    const sequences = texts.map((text) =>
      words.of(tokenize(stripEnd(this.options.lowercase ? text.toLowerCase() : text))),
    );
    const { trie, owner, second } = largestCounts(sequences, order);
    const lengths = sequences.map((sequence) => sequence.length).sort((a, b) => a - b);
    const scores = sequences.map((sequence, text) => {
      const totals = new Float64Array(2 + 2 * order);
      totals[0] = sequence.length;
      totals[1] = closestOther(lengths, sequence.length);
      const counts = new Map<number, number>();
      for (let i = 0; i < sequence.length; i++) {
        for (let j = i, node = 0; j < Math.min(sequence.length, i + order); j++) {
          node = trie.find(node, sequence[j]!);
          const used = counts.get(node) ?? 0;
          counts.set(node, used + 1);
          const limit = owner[node] === text ? second[node]! : trie.limits[node]!;
          if (used < limit) totals[2 + j - i]!++;
        }
      }
      for (let n = 0; n < order; n++) totals[2 + order + n] = Math.max(0, sequence.length - n);
      return this.scorer.scoreOf(totals, 1);
    });
    const sum = new ExactSum();
    for (const score of scores) sum.add(score);
    return { score: sum.value() / count, scores };
  }
}

/** Per n-gram: its largest count within one text (`limits`), that text, and the largest count in any other text. */
function largestCounts(sequences: readonly Int32Array[], order: number) {
  const trie = new NgramTrie();
  const owner: number[] = [];
  const second: number[] = [];
  sequences.forEach((sequence, text) => {
    const counts = new Map<number, number>();
    for (let i = 0; i < sequence.length; i++) {
      for (let j = i, node = 0; j < Math.min(sequence.length, i + order); j++) {
        node = trie.add(node, sequence[j]!);
        counts.set(node, (counts.get(node) ?? 0) + 1);
      }
    }
    for (const [node, count] of counts) {
      if (count > trie.limits[node]!) {
        second[node] = trie.limits[node]!;
        trie.limits[node] = count;
        owner[node] = text;
      } else if (count > (second[node] ?? 0)) {
        second[node] = count;
      }
    }
  });
  return { trie, owner, second };
}

/** The length nearest to `length` in a sorted list that has it once too often; the shorter of two equally near. */
function closestOther(sorted: readonly number[], length: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle]! < length) low = middle + 1;
    else high = middle;
  }
  // sorted[low] is the text itself.
  const below = sorted[low - 1];
  const above = sorted[low + 1];
  if (below === undefined) return above!;
  if (above === undefined) return below;
  return length - below <= above - length ? below : above;
}
