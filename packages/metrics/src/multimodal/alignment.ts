import { checkFinite, checkInteger, checkList, checkSameLength, MetricError, show } from '../errors.js';
import { AdditiveMetric, type AdditiveOptions, formatSignature, type Scored } from '../metric.js';

/** Embeddings of an image and of the text that should describe it. */
export interface EmbeddingPair {
  /** [d], not all zero. */
  readonly image: ArrayLike<number>;
  /** [d], not all zero. */
  readonly text: ArrayLike<number>;
}

/**
 * Cosine of two vectors.
 *
 * @throws MetricError `E_INPUT` for unequal lengths or a zero vector, `E_NAN` for values that are not finite.
 * @example
 * cosine([1, 0], [1, 1]).toFixed(6); // => '0.707107'
 */
export function cosine(a: ArrayLike<number>, b: ArrayLike<number>): number {
  checkList('cosine', 'the first vector', a);
  checkList('cosine', 'the second', b);
  checkSameLength('cosine', 'the first vector', a.length, 'the second', b.length);
  let dot = 0;
  let squareA = 0;
  let squareB = 0;
  for (let i = 0; i < a.length; i++) {
    dot += a[i]! * b[i]!;
    squareA += a[i]! * a[i]!;
    squareB += b[i]! * b[i]!;
  }
  const norm = Math.sqrt(squareA) * Math.sqrt(squareB);
  checkFinite('cosine', 'every component', dot + norm);
  if (norm === 0)
    throw new MetricError(
      'E_INPUT',
      'cosine',
      'vectors must not be zero',
      'a zero vector',
      'drop that sample',
    );
  return dot / norm;
}

/**
 * CLIPScore from given embeddings: max(100 · cos(image, text), 0), averaged over pairs.
 *
 * Hessel et al. 2021 (arXiv:2104.08718) with torchmetrics' scale of 100; the paper's own scale is 2.5.
 *
 * @example
 * const clip = new ClipScore();
 * clip.update([{ image: [1, 0], text: [2, 0] }, { image: [1, 0], text: [-1, 0] }]);
 * clip.compute().score; // => 50
 */
export class ClipScore extends AdditiveMetric<EmbeddingPair, Scored> {
  readonly name = 'CLIPScore';
  readonly width = 1;
  private readonly scale: number;

  constructor(options: AdditiveOptions & { readonly scale?: number } = {}) {
    super(options);
    this.scale = options.scale ?? 100;
    checkFinite('CLIPScore', 'scale', this.scale);
  }

  signature(): string {
    return formatSignature({ scale: this.scale });
  }

  protected statistics({ image, text }: EmbeddingPair, row: Float64Array): void {
    row[0] = Math.max(this.scale * cosine(image, text), 0);
  }

  protected result(totals: Float64Array, count: number): Scored {
    return { score: totals[0]! / count };
  }
}

/** One query's scores over all candidates. */
export interface RetrievalSample {
  /** Similarity to each candidate, finite, [n]. */
  readonly scores: ArrayLike<number>;
  /** Indices of the candidates that are right, at least one. */
  readonly relevant: readonly number[];
}

/** Retrieval scores, 0 to 1 but for the rank. */
export interface RetrievalResult extends Scored {
  /** Recall at the first k. */
  readonly score: number;
  /** Share of queries with a right candidate among the first k, by k. */
  readonly recall: Readonly<Record<number, number>>;
  /** Mean reciprocal rank of the best right candidate. */
  readonly meanReciprocalRank: number;
  /** Mean rank of the best right candidate, 1 and up. */
  readonly meanRank: number;
}

/**
 * Retrieval recall@k: how often a right candidate is among the k most similar.
 *
 * The image-text convention (Karpathy and Fei-Fei 2015): one hit suffices, though an image has five captions. Ties count
 * against the right candidate, so a model that gives every candidate the same score earns nothing. torchmetrics'
 * `RetrievalRecall` differs: it is the share of the right candidates that are found.
 *
 * @example
 * const retrieval = new Retrieval({ k: [1, 2] });
 * retrieval.update([{ scores: [0.9, 0.1], relevant: [0] }, { scores: [0.9, 0.1], relevant: [1] }]);
 * retrieval.compute().recall; // => { 1: 0.5, 2: 1 }
 */
export class Retrieval extends AdditiveMetric<RetrievalSample, RetrievalResult> {
  readonly name: string;
  readonly width: number;
  private readonly k: readonly number[];

  constructor(options: AdditiveOptions & { readonly k?: readonly number[] } = {}) {
    super(options);
    this.k = options.k ?? [1, 5, 10];
    if (this.k.length === 0)
      throw new MetricError('E_INPUT', 'retrieval', 'k must not be empty', '[]', 'pass [1, 5, 10]');
    for (const k of this.k) checkInteger('retrieval', 'k', k, 1);
    this.name = `recall@${this.k[0]}`;
    this.width = this.k.length + 2;
  }

  signature(): string {
    return formatSignature({ k: this.k.join(',') });
  }

  protected statistics({ scores, relevant }: RetrievalSample, row: Float64Array): void {
    if (!Array.isArray(relevant) || relevant.length === 0) {
      throw new MetricError(
        'E_INPUT',
        'retrieval',
        'relevant must name a candidate',
        show(relevant),
        'drop queries without one',
      );
    }
    checkList('retrieval', 'scores', scores);
    for (let i = 0; i < scores.length; i++) checkFinite('retrieval', 'every score', scores[i]!);
    for (const index of relevant) checkInteger('retrieval', 'relevant', index, 0, scores.length - 1);
    const right = new Set(relevant);
    const best = Math.max(...relevant.map((index) => scores[index]!));
    let rank = 1;
    for (let i = 0; i < scores.length; i++) if (!right.has(i) && scores[i]! >= best) rank++;
    this.k.forEach((k, at) => {
      row[at] = Number(rank <= k);
    });
    row[this.k.length] = 1 / rank;
    row[this.k.length + 1] = rank;
  }

  protected result(totals: Float64Array, count: number): RetrievalResult {
    const recall = Object.fromEntries(this.k.map((k, at) => [k, totals[at]! / count]));
    return {
      score: totals[0]! / count,
      recall,
      meanReciprocalRank: totals[this.k.length]! / count,
      meanRank: totals[this.k.length + 1]! / count,
    };
  }
}

/**
 * Turns embeddings into retrieval samples: every query against every candidate by cosine.
 *
 * @param queries [q, d].
 * @param candidates [n, d].
 * @param relevant For each query the indices of its right candidates, [q].
 * @example
 * retrievalSamples([[1, 0]], [[1, 0], [0, 1]], [[0]])[0]!.scores; // => [1, 0]
 */
export function retrievalSamples(
  queries: readonly ArrayLike<number>[],
  candidates: readonly ArrayLike<number>[],
  relevant: readonly (readonly number[])[],
): RetrievalSample[] {
  checkSameLength('retrievalSamples', 'queries', queries.length, 'relevant', relevant.length);
  return queries.map((query, i) => ({
    scores: candidates.map((candidate) => cosine(query, candidate)),
    relevant: relevant[i]!,
  }));
}

/** Scores of two images with two captions; caption i belongs to image i. */
export interface MatchingSample {
  /** scores[i][j]: how well image i and caption j match; finite. */
  readonly scores: readonly [readonly [number, number], readonly [number, number]];
}

/** Image-text matching accuracies, 0 to 1. */
export interface MatchingResult extends Scored {
  /** Share of samples where both the text and the image choice are right. */
  readonly score: number;
  /** Each image prefers its own caption. */
  readonly text: number;
  /** Each caption prefers its own image. */
  readonly image: number;
  /** The same as `score`. */
  readonly group: number;
  /** Share of the four single choices that are right. */
  readonly accuracy: number;
}

/**
 * Image-text matching accuracy on pairs of images and captions, with Winoground's text, image and group scores.
 *
 * Thrush et al. 2022 (arXiv:2204.03162). Ties are wrong. Others differ: they report the plain share of right decisions,
 * here `accuracy`, which is far higher than the group score. For one image with many captions use {@link TopKAccuracy}.
 *
 * @example
 * const matching = new ImageTextMatching();
 * matching.update([{ scores: [[0.9, 0.2], [0.5, 0.4]] }]);
 * matching.compute().image; // => 1
 * matching.compute().text; // => 0
 */
export class ImageTextMatching extends AdditiveMetric<MatchingSample, MatchingResult> {
  readonly name = 'image-text matching';
  readonly width = 4;

  signature(): string {
    return '';
  }

  protected statistics({ scores }: MatchingSample, row: Float64Array): void {
    if (scores?.length !== 2 || scores.some((row) => row?.length !== 2)) {
      throw new MetricError(
        'E_INPUT',
        'image-text matching',
        'scores must be two by two',
        show(scores),
        'pass [[s00, s01], [s10, s11]]',
      );
    }
    const [[a, b], [c, d]] = scores;
    for (const score of [a, b, c, d]) checkFinite('image-text matching', 'every score', score);
    const text = a > b && d > c;
    const image = a > c && d > b;
    row[0] = Number(text);
    row[1] = Number(image);
    row[2] = Number(text && image);
    row[3] = (Number(a > b) + Number(d > c) + Number(a > c) + Number(d > b)) / 4;
  }

  protected result(totals: Float64Array, count: number): MatchingResult {
    const [text, image, group, accuracy] = Array.from(totals, (x) => x / count) as [
      number,
      number,
      number,
      number,
    ];
    return { score: group, text, image, group, accuracy };
  }
}
