import { checkFinite, MetricError, show } from '../errors.js';
import { AdditiveMetric, type AdditiveOptions, formatSignature, type Scored } from '../metric.js';
import { cachedStemmer } from '../text/porter.js';
import { checkText, type TextSample } from '../text/sample.js';
import { splitSpaces } from '../text/whitespace.js';

/** Settings of {@link Meteor}. */
export interface MeteorOptions extends AdditiveOptions {
  /** Weight of precision in the harmonic mean, 0 to 1. Default 0.9. */
  readonly alpha?: number;
  /** Exponent of the fragmentation penalty. Default 3. */
  readonly beta?: number;
  /** Largest fragmentation penalty, 0 to 1. Default 0.5. */
  readonly gamma?: number;
  /** Splits a text into words; they are lowercased afterwards. Default: at white space. */
  readonly tokenize?: (text: string) => readonly string[];
  /** Synonyms of a (lowercased, stemmed) word; without it only exact words and stems match. */
  readonly synonyms?: (word: string) => Iterable<string>;
  /** Default: NLTK's Porter stemmer. Pass `null` for none. */
  readonly stem?: ((word: string) => string) | null;
}

type Positions = { position: number; word: string }[];

/** Pairs equal words from the end backwards and removes them from both lists. */
function matchWords(
  hypothesis: Positions,
  reference: Positions,
  equal: (h: string) => (r: string) => boolean,
  pairs: [number, number][],
): void {
  for (let i = hypothesis.length - 1; i >= 0; i--) {
    const matches = equal(hypothesis[i]!.word);
    for (let j = reference.length - 1; j >= 0; j--) {
      if (!matches(reference[j]!.word)) continue;
      pairs.push([hypothesis[i]!.position, reference[j]!.position]);
      hypothesis.splice(i, 1);
      reference.splice(j, 1);
      break;
    }
  }
}

/**
 * METEOR: word matches (exact, then stems, then synonyms), recall-heavy, less a penalty for scattered matches.
 *
 * F = P R / (α P + (1 - α) R); score = F (1 - γ (chunks / matches)^β). Lavie and Agarwal 2007
 * (https://aclanthology.org/W07-0734), equal to NLTK's `meteor_score` in alignment and numbers when given the same
 * synonyms. The Java Meteor 1.5 differs: other parameters, paraphrases, weights for function words, and an alignment
 * that searches for the fewest chunks. With several references the best counts; the corpus score is the mean.
 *
 * @example
 * const meteor = new Meteor({ synonyms: (word) => (word === 'quick' ? ['fast'] : []) });
 * meteor.update([{ hypothesis: 'the quick dog', references: ['the fast dogs'] }]);
 * meteor.compute().score.toFixed(6); // => '0.981481'
 */
export class Meteor extends AdditiveMetric<TextSample, Scored> {
  readonly name = 'METEOR';
  readonly width = 1;
  private readonly alpha: number;
  private readonly beta: number;
  private readonly gamma: number;
  private readonly tokenize: (text: string) => readonly string[];
  private readonly synonyms: ((word: string) => Iterable<string>) | undefined;
  private readonly stem: ((word: string) => string) | null;

  constructor(options: MeteorOptions = {}) {
    super(options);
    this.alpha = options.alpha ?? 0.9;
    this.beta = options.beta ?? 3;
    this.gamma = options.gamma ?? 0.5;
    for (const name of ['alpha', 'gamma'] as const) {
      if (!(this[name] >= 0 && this[name] <= 1)) {
        throw new MetricError(
          'E_INPUT',
          'meteor',
          `${name} must lie in [0, 1]`,
          show(this[name]),
          `change ${name}`,
        );
      }
    }
    checkFinite('meteor', 'beta', this.beta);
    this.tokenize = options.tokenize ?? splitSpaces;
    this.synonyms = options.synonyms;
    this.stem = options.stem === undefined ? cachedStemmer() : options.stem;
  }

  signature(): string {
    const { alpha, beta, gamma } = this;
    return formatSignature({
      alpha,
      beta,
      gamma,
      stem: this.stem !== null,
      synonyms: this.synonyms !== undefined,
    });
  }

  protected statistics(sample: TextSample, row: Float64Array): void {
    checkText('meteor', sample);
    const hypothesis = this.tokenize(sample.hypothesis);
    row[0] = Math.max(...sample.references.map((text) => this.scorePair(hypothesis, this.tokenize(text))));
  }

  private scorePair(hypothesisWords: readonly string[], referenceWords: readonly string[]): number {
    const place = (words: readonly string[]): Positions =>
      words.map((word, position) => ({ position, word: word.toLowerCase() }));
    const hypothesis = place(hypothesisWords);
    const reference = place(referenceWords);
    const pairs: [number, number][] = [];
    const same = (h: string) => (r: string) => h === r;
    matchWords(hypothesis, reference, same, pairs);
    const { stem, synonyms } = this;
    if (stem) {
      for (const entry of [...hypothesis, ...reference]) entry.word = stem(entry.word);
      matchWords(hypothesis, reference, same, pairs);
    }
    if (synonyms) {
      const among = (h: string) => {
        const known = new Set(synonyms(h)).add(h);
        return (r: string) => known.has(r);
      };
      matchWords(hypothesis, reference, among, pairs);
    }
    const matches = pairs.length;
    if (matches === 0) return 0;
    pairs.sort((a, b) => a[0] - b[0]);
    let chunks = 1;
    for (let i = 1; i < matches; i++) {
      if (pairs[i]![0] !== pairs[i - 1]![0] + 1 || pairs[i]![1] !== pairs[i - 1]![1] + 1) chunks++;
    }
    const precision = matches / hypothesisWords.length;
    const recall = matches / referenceWords.length;
    const mean = (precision * recall) / (this.alpha * precision + (1 - this.alpha) * recall);
    return (1 - this.gamma * (chunks / matches) ** this.beta) * mean;
  }

  protected result(totals: Float64Array, count: number): Scored {
    return { score: totals[0]! / count };
  }
}
