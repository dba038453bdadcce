import { appendAll, checkFinite, checkInteger, MetricError, samplesOf, show } from '../errors.js';
import { ExactSum } from '../exact-sum.js';
import { empty, formatSignature, type Metric, type Scored } from '../metric.js';
import { type BootstrapOptions, bootstrapInterval } from '../statistics/bootstrap.js';
import type { Interval } from '../statistics/interval.js';
import { checkText, type TextSample } from '../text/sample.js';
import { NgramTrie } from '../text/trie.js';
import { splitSpaces } from '../text/whitespace.js';

/** Document frequencies from some other corpus: how many of `documents` images have an n-gram in their references. */
export interface DocumentFrequencies {
  /** Number of images (documents) the frequencies come from, at least 1. */
  readonly documents: number;
  /** Frequency by n-gram, its words joined with one space; absent means 0. */
  readonly frequencies: ReadonlyMap<string, number>;
}

/** Settings of {@link Cider}. */
export interface CiderOptions {
  /**
   * `cider-d` clips counts and punishes length differences; it is what pycocoevalcap and every leaderboard call CIDEr.
   * `cider` is the paper's plain tf-idf cosine. Default `cider-d`.
   */
  readonly variant?: 'cider' | 'cider-d';
  /** Highest n-gram order. Default 4. */
  readonly maxOrder?: number;
  /** Width of the length penalty of CIDEr-D. Default 6. */
  readonly sigma?: number;
  /** Given idf; without it the idf of the references seen is used, and one image alone scores 0. */
  readonly documentFrequencies?: DocumentFrequencies;
  /** Splits a caption into words. Default: at white space, as pycocoevalcap does after its Java tokenizer. */
  readonly tokenize?: (text: string) => readonly string[];
}

/** A CIDEr score. */
export interface CiderResult extends Scored {
  /** 10 x mean similarity; 0 and up. */
  readonly score: number;
  /** Per image, in the order of update and merge. */
  readonly scores: readonly number[];
}

/** Words remembered at most while scoring with given frequencies. */
const MOST_WORDS = 1 << 20;

/** The tf-idf vector of one caption; weights are indexed by the caption's own trie nodes. */
interface Vector {
  /** tf · idf by node, [nodes]; node 0 is the root and unused. */
  weights: Float64Array;
  /** Euclidean norm per order, [maxOrder]. */
  norms: Float64Array;
}

/**
 * CIDEr and CIDEr-D: how similar a caption is to what people wrote, with rare n-grams weighing more.
 *
 * CIDEr_n = mean over references of cos(g_n(hypothesis), g_n(reference)), g = tf · (log N - log max(1, df)); CIDEr-D
 * clips the hypothesis weights at the reference's and multiplies with exp(-(l_h - l_r)² / 2σ²). The score is 10 times
 * the mean over n = 1..4. df counts images, not references. Vedantam et al. 2015 (arXiv:1411.5726), equal to
 * pycocoevalcap's code for `cider-d`; like there, a length is its number of bigrams. No Java: tokenize beforehand if the
 * comparison needs the PTB tokenizer.
 *
 * With given frequencies each image is scored at once and only its score is kept. With the corpus idf, which is known at
 * the end, words are kept as integers: 4 bytes each, and one table entry per distinct n-gram of the references.
 *
 * @example
 * const cider = new Cider();
 * cider.update([
 *   { hypothesis: 'a dog runs', references: ['a dog runs', 'the dog is running'] },
 *   { hypothesis: 'a red car', references: ['a red car', 'a car on a road'] },
 * ]);
 * cider.compute().scores.map((x) => x.toFixed(6)); // => ['4.185846', '4.232733']
 */
export class Cider implements Metric<TextSample, CiderResult> {
  readonly name: string;
  readonly higherIsBetter = true;
  private readonly variant: 'cider' | 'cider-d';
  private readonly maxOrder: number;
  private readonly sigma: number;
  private readonly given: DocumentFrequencies | undefined;
  private readonly tokenize: (text: string) => readonly string[];
  private vocabulary = new Map<string, number>();
  private wordList: string[] = [];
  private readonly trie = new NgramTrie();
  /** Word ids of all texts, one after another; with given frequencies empty, as `scored` has all that is needed. */
  private words = new Int32Array(1024);
  /** Where each text ends in `words`. */
  private readonly textEnds: number[] = [];
  /** How many texts there are up to each image: its hypothesis, then its references. */
  private readonly imageEnds: number[] = [];
  private readonly scored: number[] = [];

  constructor(options: CiderOptions = {}) {
    this.variant = options.variant ?? 'cider-d';
    if (this.variant !== 'cider' && this.variant !== 'cider-d') {
      throw new MetricError(
        'E_INPUT',
        'cider',
        'variant must be cider or cider-d',
        show(this.variant),
        'pick one',
      );
    }
    this.maxOrder = options.maxOrder ?? 4;
    checkInteger('cider', 'maxOrder', this.maxOrder, 1, 16);
    this.sigma = options.sigma ?? 6;
    checkFinite('cider', 'sigma', this.sigma);
    this.given = options.documentFrequencies;
    if (this.given) checkInteger('cider', 'documentFrequencies.documents', this.given.documents, 1);
    this.tokenize = options.tokenize ?? splitSpaces;
    this.name = this.variant === 'cider' ? 'CIDEr' : 'CIDEr-D';
  }

  /** The settings as one line. */
  signature(): string {
    return formatSignature({
      metric: this.name,
      order: this.maxOrder,
      sigma: this.variant === 'cider-d' ? this.sigma : undefined,
      idf: this.given ? `given[${this.given.documents}]` : 'corpus',
    });
  }

  /** The number of images seen. */
  get count(): number {
    return this.given ? this.scored.length : this.imageEnds.length;
  }

  update(batch: Iterable<TextSample>): void {
    const fresh: Int32Array[][] = [];
    const scores: number[] = [];
    for (const sample of samplesOf('cider', batch)) {
      checkText('cider', sample);
      const texts = [sample.hypothesis, ...sample.references].map((text) => this.idsOf(this.tokenize(text)));
      if (!this.given) {
        fresh.push(texts);
        continue;
      }
      scores.push(this.scoreImage(texts, Math.log(this.given.documents)));
      if (this.wordList.length > MOST_WORDS) {
        this.vocabulary = new Map();
        this.wordList = [];
      }
    }
    appendAll(this.scored, scores);
    this.append(fresh);
  }

  merge(other: this): void {
    if (other.signature() !== this.signature() || other.given !== this.given) {
      throw new MetricError(
        'E_MERGE',
        'cider',
        `only merges with the same settings (${this.signature()})`,
        other.signature(),
        'use the same options',
      );
    }
    const translate = this.given ? [] : other.wordList.map((word) => this.idOf(word));
    for (const texts of other.images()) this.append([texts.map((ids) => ids.map((id) => translate[id]!))]);
    appendAll(this.scored, other.scored);
  }

  private append(fresh: Iterable<readonly Int32Array[]>): void {
    for (const texts of fresh) {
      for (const ids of texts) {
        const start = this.textEnds.at(-1) ?? 0;
        const end = start + ids.length;
        if (end > this.words.length) {
          const bigger = new Int32Array(Math.max(end, 2 * this.words.length));
          bigger.set(this.words);
          this.words = bigger;
        }
        this.words.set(ids, start);
        this.textEnds.push(end);
      }
      this.imageEnds.push(this.textEnds.length);
      this.countDocument(texts.slice(1));
    }
  }

  /** The texts of each image in turn. */
  private *images(): Generator<Int32Array[]> {
    let text = 0;
    let start = 0;
    for (const imageEnd of [...this.imageEnds]) {
      const texts: Int32Array[] = [];
      for (; text < imageEnd; text++) {
        texts.push(this.words.subarray(start, this.textEnds[text]!));
        start = this.textEnds[text]!;
      }
      yield texts;
    }
  }

  private idOf(word: string): number {
    let id = this.vocabulary.get(word);
    if (id === undefined) {
      id = this.wordList.length;
      this.vocabulary.set(word, id);
      this.wordList.push(word);
    }
    return id;
  }

  private idsOf(words: readonly string[]): Int32Array {
    return Int32Array.from(words, (word) => this.idOf(word));
  }

  /** Adds one image's references: every distinct n-gram gains one document. `counts` holds the last document seen. */
  private countDocument(references: readonly Int32Array[]): void {
    const { trie, maxOrder } = this;
    const document = this.imageEnds.length;
    for (const words of references) {
      for (let i = 0; i < words.length; i++) {
        const end = Math.min(words.length, i + maxOrder);
        for (let j = i, node = 0; j < end; j++) {
          node = trie.add(node, words[j]!);
          if (trie.counts[node] !== document) {
            trie.counts[node] = document;
            trie.limits[node]!++;
          }
        }
      }
    }
  }

  /** log max(1, df) of words[start, end), whose node in the trie of references is `node` (-1: in no reference). */
  private logFrequency(node: number, words: Int32Array, start: number, end: number): number {
    if (!this.given) return node < 0 ? 0 : Math.log(this.trie.limits[node]!);
    const gram = Array.from(words.subarray(start, end), (id) => this.wordList[id]!).join(' ');
    return Math.log(Math.max(1, this.given.frequencies.get(gram) ?? 0));
  }

  /** Leaves the caption's n-grams in `own`, their term frequencies in `own.counts`. */
  private vectorOf(words: Int32Array, own: NgramTrie, logDocuments: number): Vector {
    const { maxOrder, trie, given } = this;
    own.reset();
    const idf: number[] = [0];
    const orders: number[] = [0];
    for (let i = 0; i < words.length; i++) {
      const end = Math.min(words.length, i + maxOrder);
      for (let j = i, node = 0, local = 0; j < end; j++) {
        if (!given && node >= 0) node = trie.find(node, words[j]!);
        local = own.add(local, words[j]!);
        if (own.counts[local]!++ > 0) continue;
        idf[local] = logDocuments - this.logFrequency(node, words, i, j + 1);
        orders[local] = j - i;
      }
    }
    const weights = new Float64Array(own.size);
    const norms = new Float64Array(maxOrder);
    for (let local = 1; local < own.size; local++) {
      const weight = own.counts[local]! * idf[local]!;
      weights[local] = weight;
      norms[orders[local]!]! += weight * weight;
    }
    return { weights, norms: norms.map(Math.sqrt) };
  }

  compute(): CiderResult {
    if (this.count === 0) throw empty('cider');
    const logDocuments = Math.log(this.imageEnds.length);
    const scores = this.given
      ? [...this.scored]
      : Array.from(this.images(), (texts) => this.scoreImage(texts, logDocuments));
    const sum = new ExactSum();
    for (const score of scores) sum.add(score);
    return { score: sum.value() / scores.length, scores };
  }

  /**
   * Bootstrap interval of the mean over images. The idf stays that of the whole corpus, as it would for given
   * frequencies.
   */
  interval(options?: BootstrapOptions): Interval {
    return bootstrapInterval(
      this.compute().scores,
      (xs) => xs.reduce((sum, x) => sum + x, 0) / xs.length,
      options,
    );
  }

  private readonly hypothesisTrie = new NgramTrie();
  private readonly referenceTrie = new NgramTrie();

  private scoreImage(texts: readonly Int32Array[], logDocuments: number): number {
    const { maxOrder, hypothesisTrie, referenceTrie } = this;
    const hypothesisWords = texts[0]!;
    const hypothesis = this.vectorOf(hypothesisWords, hypothesisTrie, logDocuments);
    let total = 0;
    for (const words of texts.slice(1)) {
      const reference = this.vectorOf(words, referenceTrie, logDocuments);
      const products = new Float64Array(maxOrder);
      // Walk the reference's n-grams through the hypothesis's trie: `seen` visits each distinct one once.
      const seen = new Uint8Array(referenceTrie.size);
      for (let i = 0; i < words.length; i++) {
        const end = Math.min(words.length, i + maxOrder);
        let here = 0;
        let there = 0;
        for (let j = i; j < end; j++) {
          here = referenceTrie.find(here, words[j]!);
          there = hypothesisTrie.find(there, words[j]!);
          if (there < 0) break;
          if (seen[here]) continue;
          seen[here] = 1;
          const a = hypothesis.weights[there]!;
          const b = reference.weights[here]!;
          products[j - i]! += (this.variant === 'cider-d' ? Math.min(a, b) : a) * b;
        }
      }
      const delta = Math.max(0, hypothesisWords.length - 1) - Math.max(0, words.length - 1);
      const penalty = this.variant === 'cider-d' ? Math.exp(-(delta * delta) / (2 * this.sigma ** 2)) : 1;
      for (let n = 0; n < maxOrder; n++) {
        const norm = hypothesis.norms[n]! * reference.norms[n]!;
        total += (norm > 0 ? products[n]! / norm : products[n]!) * penalty;
      }
    }
    return (10 * total) / maxOrder / (texts.length - 1);
  }
}

/**
 * Counts in how many images each n-gram of the references occurs, for {@link CiderOptions.documentFrequencies}.
 *
 * @param references The reference captions of each image.
 * @param maxOrder Highest n-gram order. Default 4.
 * @example
 * documentFrequencies([['a dog', 'a cat'], ['a car']]).frequencies.get('a'); // => 2
 */
export function documentFrequencies(
  references: Iterable<readonly string[]>,
  maxOrder = 4,
  tokenize: (text: string) => readonly string[] = splitSpaces,
): DocumentFrequencies {
  checkInteger('documentFrequencies', 'maxOrder', maxOrder, 1, 16);
  const frequencies = new Map<string, number>();
  let documents = 0;
  for (const texts of references) {
    documents++;
    const grams = new Set<string>();
    for (const text of texts) {
      const words = tokenize(text);
      for (let n = 1; n <= maxOrder; n++) {
        for (let i = 0; i + n <= words.length; i++) grams.add(words.slice(i, i + n).join(' '));
      }
    }
    for (const gram of grams) frequencies.set(gram, (frequencies.get(gram) ?? 0) + 1);
  }
  return { documents, frequencies };
}
