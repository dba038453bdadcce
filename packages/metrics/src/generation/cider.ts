import { appendAll, checkFinite, checkInteger, MetricError, samplesOf, show } from '../errors.js';
import { ExactSum } from '../exact-sum.js';
import { empty, formatSignature, type Metric, type Scored } from '../metric.js';
import { type BootstrapOptions, bootstrapInterval } from '../statistics/bootstrap.js';
import type { Interval } from '../statistics/interval.js';
import { checkText, type TextSample } from '../text/sample.js';
import { NgramTrie } from '../text/trie.js';
import { splitSpaces } from '../text/whitespace.js';
import { CaptionStore } from './caption-store.js';

/** Document frequencies from some other corpus: how many of `documents` images have an n-gram in their references. */
export interface DocumentFrequencies {
  /** Number of images (documents) the frequencies come from, at least 1. */
  readonly documents: number;
  /** Frequency by n-gram, its words joined with one space; absent means 0 or 1, which weigh the same. */
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
 * the end, texts are kept as numbers, 4 bytes a word, beside the list of distinct words; `compute` counts n-grams in two
 * passes over them and holds those of two or more images. {@link documentFrequencies} and a second pass over the captions
 * give the same scores keeping nothing but these n-grams.
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
  /** Of the corpus idf; stays empty with given frequencies, where `scored` has all that is needed. */
  private readonly store = new CaptionStore();
  private readonly scored: number[] = [];
  /** The result of the corpus idf, until more is seen. */
  private result: CiderResult | undefined;
  private readonly scorer: ImageScorer;

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
    this.scorer = new ImageScorer(this.variant, this.maxOrder, this.sigma);
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
    return this.given ? this.scored.length : this.store.count;
  }

  update(batch: Iterable<TextSample>): void {
    const fresh: Int32Array[][] = [];
    const scores: number[] = [];
    for (const sample of samplesOf('cider', batch)) {
      checkText('cider', sample);
      const texts = [sample.hypothesis, ...sample.references].map((text) => this.tokenize(text));
      if (this.given) scores.push(this.scoreGiven(texts, this.given));
      else fresh.push(texts.map((words) => Int32Array.from(words, (word) => this.store.words.idOf(word))));
    }
    appendAll(this.scored, scores);
    for (const texts of fresh) this.store.add(texts);
    this.result = undefined;
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
    this.store.merge(other.store);
    appendAll(this.scored, other.scored);
    this.result = undefined;
  }

  compute(): CiderResult {
    if (this.count === 0) throw empty('cider');
    if (this.given) return meanOf([...this.scored]);
    this.result ??= this.scoreCorpus();
    return this.result;
  }

  private scoreCorpus(): CiderResult {
    const trie = this.store.frequencies(this.maxOrder, 1);
    const logDocuments = Math.log(this.store.count);
    // Node in the trie of the corpus by node of the image at hand; -1 for an n-gram of no or one image.
    const corpusNodes: number[] = [0];
    const idf = (parent: number, node: number, word: number): number => {
      const above = corpusNodes[parent]!;
      const found = above < 0 ? -1 : trie.find(above, word);
      corpusNodes[node] = found;
      return found < 0 ? logDocuments : logDocuments - Math.log(trie.limits[found]!);
    };
    return meanOf(Array.from(this.store.images(), (texts) => this.scorer.score(texts, idf)));
  }

  private scoreGiven(texts: readonly (readonly string[])[], given: DocumentFrequencies): number {
    const ids = new Map<string, number>();
    const words: string[] = [];
    const numbered = texts.map((text) =>
      Int32Array.from(text, (word) => {
        let id = ids.get(word);
        if (id === undefined) {
          id = words.push(word) - 1;
          ids.set(word, id);
        }
        return id;
      }),
    );
    const grams: string[] = [''];
    const logDocuments = Math.log(given.documents);
    return this.scorer.score(numbered, (parent, node, word) => {
      const gram = parent === 0 ? words[word]! : `${grams[parent]} ${words[word]}`;
      grams[node] = gram;
      return logDocuments - Math.log(Math.max(1, given.frequencies.get(gram) ?? 0));
    });
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
}

function meanOf(scores: readonly number[]): CiderResult {
  const sum = new ExactSum();
  for (const score of scores) sum.add(score);
  return { score: sum.value() / scores.length, scores };
}

/** Scores one image after another: all its texts share one trie, so each distinct n-gram's idf is asked for once. */
class ImageScorer {
  private readonly trie = new NgramTrie();
  /** By node: idf, n-gram order - 1, and the counts in the hypothesis and in the reference at hand. */
  private idf = new Float64Array(256);
  private orders = new Uint8Array(256);
  private hypothesis = new Float64Array(256);
  private reference = new Float64Array(256);
  /** Nodes of one text, one per n-gram. */
  private path = new Int32Array(256);
  private readonly norms: Float64Array;
  private readonly otherNorms: Float64Array;
  private readonly products: Float64Array;

  constructor(
    private readonly variant: 'cider' | 'cider-d',
    private readonly maxOrder: number,
    private readonly sigma: number,
  ) {
    this.norms = new Float64Array(maxOrder);
    this.otherNorms = new Float64Array(maxOrder);
    this.products = new Float64Array(maxOrder);
  }

  /**
   * @param texts Word numbers of the hypothesis and the references.
   * @param idfOf The idf of the n-gram `parent` + `word`, a new node of this image; parents come first.
   */
  score(texts: readonly Int32Array[], idfOf: (parent: number, node: number, word: number) => number): number {
    const { maxOrder, norms, otherNorms, products, sigma } = this;
    const clipped = this.variant === 'cider-d';
    this.hypothesis.fill(0, 0, this.trie.size);
    this.trie.reset();
    const hypothesisWords = texts[0]!;
    let length = this.walk(hypothesisWords, idfOf);
    norms.fill(0);
    for (let k = 0; k < length; k++) this.hypothesis[this.path[k]!]!++;
    for (let k = 0; k < length; k++) {
      const node = this.path[k]!;
      const count = this.hypothesis[node]!;
      const weight = count * this.idf[node]!;
      // Each of the n-gram's `count` visits adds its share.
      norms[this.orders[node]!]! += (weight * weight) / count;
    }
    let total = 0;
    for (let t = 1; t < texts.length; t++) {
      const words = texts[t]!;
      length = this.walk(words, idfOf);
      const { path, reference, hypothesis, idf, orders } = this;
      otherNorms.fill(0);
      products.fill(0);
      for (let k = 0; k < length; k++) reference[path[k]!]!++;
      for (let k = 0; k < length; k++) {
        const node = path[k]!;
        const count = reference[node]!;
        if (count === 0) continue;
        reference[node] = 0;
        const weight = count * idf[node]!;
        const order = orders[node]!;
        otherNorms[order]! += weight * weight;
        const used = hypothesis[node]!;
        if (used === 0) continue;
        const own = used * idf[node]!;
        products[order]! += (clipped ? Math.min(own, weight) : own) * weight;
      }
      const delta = Math.max(0, hypothesisWords.length - 1) - Math.max(0, words.length - 1);
      const penalty = clipped ? Math.exp(-(delta * delta) / (2 * sigma ** 2)) : 1;
      for (let n = 0; n < maxOrder; n++) {
        const norm = Math.sqrt(norms[n]!) * Math.sqrt(otherNorms[n]!);
        total += (norm > 0 ? products[n]! / norm : products[n]!) * penalty;
      }
    }
    return (10 * total) / maxOrder / (texts.length - 1);
  }

  /** Leaves the nodes of a text's n-grams in `path` and returns how many there are. */
  private walk(words: Int32Array, idfOf: (parent: number, node: number, word: number) => number): number {
    const { trie, maxOrder } = this;
    if (words.length * maxOrder > this.path.length) this.path = new Int32Array(2 * words.length * maxOrder);
    let length = 0;
    for (let i = 0; i < words.length; i++) {
      const end = Math.min(words.length, i + maxOrder);
      for (let j = i, parent = 0; j < end; j++) {
        const before = trie.size;
        const node = trie.add(parent, words[j]!);
        if (trie.size > before) {
          if (node >= this.idf.length) this.grow();
          this.idf[node] = idfOf(parent, node, words[j]!);
          this.orders[node] = j - i;
        }
        this.path[length++] = node;
        parent = node;
      }
    }
    return length;
  }

  private grow(): void {
    const size = this.idf.length * 2;
    const larger = (old: Float64Array): Float64Array<ArrayBuffer> => {
      const array = new Float64Array(size);
      array.set(old);
      return array;
    };
    this.idf = larger(this.idf);
    this.hypothesis = larger(this.hypothesis);
    this.reference = larger(this.reference);
    const orders = new Uint8Array(size);
    orders.set(this.orders);
    this.orders = orders;
  }
}

/**
 * Counts in how many images each n-gram of the references occurs, for {@link CiderOptions.documentFrequencies}.
 *
 * N-grams of one image are left out: CIDEr takes max(1, df), so they weigh what unseen ones do. Meanwhile the references
 * are kept as numbers, 4 bytes a word.
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
  const store = new CaptionStore();
  for (const texts of references)
    store.add(texts.map((text) => Int32Array.from(tokenize(text), (word) => store.words.idOf(word))));
  const trie = store.frequencies(maxOrder, 0);
  const frequencies = new Map<string, number>();
  const done = new Uint8Array(trie.size);
  for (const words of textsOf(store)) {
    for (let i = 0; i < words.length; i++) {
      const end = Math.min(words.length, i + maxOrder);
      for (let j = i, node = 0; j < end; j++) {
        node = trie.find(node, words[j]!);
        if (node < 0) break;
        if (done[node] === 1) continue;
        done[node] = 1;
        if (trie.limits[node]! < 2) continue;
        const gram = Array.from(words.subarray(i, j + 1), (id) => store.words.wordOf(id));
        frequencies.set(gram.join(' '), trie.limits[node]!);
      }
    }
  }
  return { documents: store.count, frequencies };
}

function* textsOf(store: CaptionStore): Generator<Int32Array> {
  for (const texts of store.images()) yield* texts;
}
