import { appendAll, checkInteger, MetricError, samplesOf, show } from '../errors.js';
import {
  AdditiveMetric,
  type AdditiveOptions,
  empty,
  formatSignature,
  type Metric,
  type Scored,
} from '../metric.js';
import type { BootstrapOptions } from '../statistics/bootstrap.js';
import { clusterMembers } from '../statistics/clusters.js';
import { checkConfidence, type Interval } from '../statistics/interval.js';
import { leaveOutInterval } from '../statistics/jackknife.js';
import { splitSpaces } from '../text/whitespace.js';

/** Settings of the diversity metrics. */
export interface NgramOptions {
  /** N-gram order, at least 1. Default 2. */
  readonly order?: number;
  /** Default: at white space. */
  readonly tokenize?: (text: string) => readonly string[];
}

function checkString(subject: string, text: unknown): asserts text is string {
  if (typeof text !== 'string') {
    throw new MetricError(
      'E_INPUT',
      subject,
      'every sample must be a string',
      show(text),
      'pass the generated texts',
    );
  }
}

const share = (distinct: number, total: number): number => (total === 0 ? 0 : distinct / total);

function* ngrams(words: readonly string[], order: number): Generator<string> {
  for (let i = 0; i + order <= words.length; i++) yield words.slice(i, i + order).join(' ');
}

/** A distinct-n score. */
export interface DistinctResult extends Scored {
  /** Distinct n-grams / n-grams, 0 to 1; 0 when the texts are all too short to have any. */
  readonly score: number;
  readonly distinct: number;
  readonly total: number;
}

/**
 * Distinct-n: the share of different n-grams among all n-grams of a corpus.
 *
 * Li et al. 2016 (arXiv:1510.03055). Falls with corpus size, so compare corpora of one size. Pooled over the corpus.
 * The paper divides by all tokens, whatever n; here, as is usual since, by all n-grams, so that 1 is the most there can be.
 * Others average each text's own ratio, which is 1 - {@link Repetition}.
 *
 * @example
 * const distinct = new DistinctN({ order: 1 });
 * distinct.update(['a b a', 'b c']);
 * distinct.compute().score; // => 0.6
 */
export class DistinctN implements Metric<string, DistinctResult> {
  readonly name: string;
  readonly higherIsBetter = true;
  private readonly order: number;
  private readonly tokenize: (text: string) => readonly string[];
  /** Each n-gram and the texts that have it, in order. */
  private readonly owners = new Map<string, number[]>();
  /** N-grams of each text. */
  private readonly totals: number[] = [];

  constructor(options: NgramOptions = {}) {
    this.order = options.order ?? 2;
    checkInteger('distinct-n', 'order', this.order, 1, 64);
    this.tokenize = options.tokenize ?? splitSpaces;
    this.name = `distinct-${this.order}`;
  }

  update(batch: Iterable<string>): void {
    const texts = [...samplesOf(this.name, batch)];
    for (const text of texts) checkString(this.name, text);
    for (const text of texts) {
      let total = 0;
      for (const gram of ngrams(this.tokenize(text), this.order)) {
        this.own(gram, this.totals.length);
        total++;
      }
      this.totals.push(total);
    }
  }

  private own(gram: string, text: number): void {
    const owners = this.owners.get(gram);
    if (owners === undefined) this.owners.set(gram, [text]);
    else if (owners.at(-1) !== text) owners.push(text);
  }

  merge(other: this): void {
    if (other.order !== this.order)
      throw new MetricError(
        'E_MERGE',
        this.name,
        'only merges with the same order',
        other.name,
        'use one order',
      );
    const texts = this.totals.length;
    // A copy: merging an accumulator with itself writes to what it reads.
    for (const [gram, owners] of [...other.owners]) {
      for (const owner of [...owners]) this.own(gram, texts + owner);
    }
    appendAll(this.totals, other.totals);
  }

  compute(): DistinctResult {
    if (this.totals.length === 0) throw empty(this.name);
    const total = this.totals.reduce((a, b) => a + b, 0);
    return { score: share(this.owners.size, total), distinct: this.owners.size, total };
  }

  /** Jackknife over texts, or clusters of them ({@link jackknifeInterval}): a bootstrap repeats texts, which lowers distinct-n. */
  interval(options: Pick<BootstrapOptions, 'confidence' | 'clusters'> = {}): Interval {
    const { confidence = 0.95, clusters } = options;
    checkConfidence(this.name, confidence);
    const texts = this.totals.length;
    if (texts < 2) throw empty(this.name, 2);
    const { score, distinct, total } = this.compute();
    const unit = new Int32Array(texts).map((_, i) => i);
    const members = clusters ? clusterMembers(this.name, texts, clusters) : undefined;
    members?.forEach((list, c) => {
      for (const i of list) unit[i] = c;
    });
    const own = new Float64Array(members?.length ?? texts);
    const unique = new Float64Array(own.length);
    this.totals.forEach((count, i) => {
      own[unit[i]!]! += count;
    });
    for (const owners of this.owners.values()) {
      if (owners.every((text) => unit[text] === unit[owners[0]!])) unique[unit[owners[0]!]!]!++;
    }
    const parts = Array.from(own, (count, c) => share(distinct - unique[c]!, total - count));
    return leaveOutInterval(score, parts, confidence);
  }
}

/**
 * Repetition rate (seq-rep-n): the mean over texts of 1 - distinct n-grams / n-grams within the text.
 *
 * Welleck et al. 2020 (arXiv:1908.04319); their n is 4. A text with no n-gram counts as 0. SimCTG's rep-n (Su et
 * al. 2022, arXiv:2202.06417) differs by its unit, percent.
 *
 * @example
 * const repetition = new Repetition({ order: 1 });
 * repetition.update(['a a a a', 'a b c d']);
 * repetition.compute().score; // => 0.375
 */
export class Repetition extends AdditiveMetric<string, Scored> {
  readonly name: string;
  readonly width = 1;
  override readonly higherIsBetter = false;
  private readonly order: number;
  private readonly tokenize: (text: string) => readonly string[];

  constructor(options: AdditiveOptions & NgramOptions = {}) {
    super(options);
    this.order = options.order ?? 4;
    checkInteger('repetition', 'order', this.order, 1, 64);
    this.tokenize = options.tokenize ?? splitSpaces;
    this.name = `seq-rep-${this.order}`;
  }

  signature(): string {
    return formatSignature({ order: this.order });
  }

  protected statistics(text: string, row: Float64Array): void {
    checkString(this.name, text);
    const grams = [...ngrams(this.tokenize(text), this.order)];
    row[0] = grams.length === 0 ? 0 : 1 - new Set(grams).size / grams.length;
  }

  protected result(totals: Float64Array, count: number): Scored {
    return { score: totals[0]! / count };
  }
}
