import { appendAll, checkSameLength, MetricError, samplesOf, show } from '../errors.js';
import { empty, type Metric, type Scored } from '../metric.js';
import { Pcg64 } from '../random.js';
import { type BootstrapOptions, bootstrapSettings, percentileInterval } from '../statistics/bootstrap.js';
import { stratifiedResampler } from '../statistics/clusters.js';
import type { Interval } from '../statistics/interval.js';
import { checkScores, type ScoreSample } from './probabilities.js';

/** A binary sample with a score that should be high for positives. */
export interface RankedSample {
  /** Whether the sample is positive. */
  readonly label: boolean;
  /** Finite score; only its order matters. */
  readonly score: number;
}

function checkRanked(subject: string, score: number): void {
  if (typeof score !== 'number' || !Number.isFinite(score)) {
    throw new MetricError(
      'E_NAN',
      subject,
      'scores must be finite',
      show(score),
      'remove or repair that sample',
    );
  }
}

/** Cumulative true and false positives at each distinct score, from the highest down. */
function cumulative(subject: string, labels: readonly boolean[], scores: readonly number[]) {
  checkSameLength(subject, 'labels', labels.length, 'scores', scores.length);
  for (const score of scores) checkRanked(subject, score);
  const order = Array.from(scores.keys()).sort((i, j) => scores[j]! - scores[i]!);
  const thresholds: number[] = [];
  const truePositives: number[] = [];
  const falsePositives: number[] = [];
  let positives = 0;
  let negatives = 0;
  order.forEach((i, at) => {
    if (labels[i]) positives++;
    else negatives++;
    if (at + 1 < order.length && scores[order[at + 1]!] === scores[i]) return;
    thresholds.push(scores[i]!);
    truePositives.push(positives);
    falsePositives.push(negatives);
  });
  return { thresholds, truePositives, falsePositives, positives, negatives };
}

function needBoth(subject: string, positives: number, negatives: number): void {
  if (positives === 0 || negatives === 0) {
    throw new MetricError(
      'E_EMPTY',
      subject,
      'needs a positive and a negative sample',
      `${positives} positive, ${negatives} negative`,
      'use a test set with both classes',
    );
  }
}

/** A receiver operating characteristic, from the strictest threshold to the loosest. */
export interface RocCurve {
  /** False positive rate, starting at 0 and ending at 1. */
  readonly falsePositiveRate: readonly number[];
  /** True positive rate, likewise. */
  readonly truePositiveRate: readonly number[];
  /** A sample counts as positive from this score on; Infinity first. */
  readonly thresholds: readonly number[];
}

/**
 * The ROC curve, one point per distinct score.
 *
 * Fawcett 2006, "An introduction to ROC analysis". scikit-learn drops collinear points unless told otherwise; torchmetrics
 * may bin the thresholds.
 *
 * @throws MetricError `E_EMPTY` unless both classes occur, `E_NAN` for a score that is not finite.
 * @example
 * rocCurve([true, false], [0.9, 0.1]).truePositiveRate; // => [0, 1, 1]
 */
export function rocCurve(labels: readonly boolean[], scores: readonly number[]): RocCurve {
  const { thresholds, truePositives, falsePositives, positives, negatives } = cumulative(
    'rocCurve',
    labels,
    scores,
  );
  needBoth('rocCurve', positives, negatives);
  return {
    falsePositiveRate: [0, ...falsePositives.map((n) => n / negatives)],
    truePositiveRate: [0, ...truePositives.map((n) => n / positives)],
    thresholds: [Infinity, ...thresholds],
  };
}

/** Precision and recall at each distinct score, from the strictest threshold to the loosest. */
export interface PrecisionRecallCurve {
  readonly precision: readonly number[];
  readonly recall: readonly number[];
  readonly thresholds: readonly number[];
}

/**
 * The precision-recall curve, one point per distinct score.
 *
 * Davis and Goadrich 2006. scikit-learn has the reverse order and adds a point (recall 0, precision 1)
 * that no threshold makes.
 *
 * @throws MetricError `E_EMPTY` without a positive sample, `E_NAN` for a score that is not finite.
 * @example
 * precisionRecallCurve([true, false, true], [0.9, 0.8, 0.7]).precision; // => [1, 0.5, 2 / 3]
 */
export function precisionRecallCurve(
  labels: readonly boolean[],
  scores: readonly number[],
): PrecisionRecallCurve {
  const { thresholds, truePositives, falsePositives, positives } = cumulative(
    'precisionRecallCurve',
    labels,
    scores,
  );
  needBoth('precisionRecallCurve', positives, 1);
  return {
    precision: truePositives.map((n, i) => n / (n + falsePositives[i]!)),
    recall: truePositives.map((n) => n / positives),
    thresholds,
  };
}

/**
 * Area under the ROC curve by counting pairs: the chance that a positive outranks a negative, ties counting half.
 *
 * Hanley and McNeil 1982; equal to scikit-learn's trapezoids. Counting in integers makes it exact; torchmetrics with
 * `thresholds` set bins the scores and differs.
 *
 * @throws MetricError `E_EMPTY` unless both classes occur, `E_NAN` for a score that is not finite.
 * @example
 * rocAuc([true, false, true], [0.8, 0.8, 0.9]); // => 0.75
 */
export function rocAuc(labels: readonly boolean[], scores: readonly number[]): number {
  const { truePositives, falsePositives, positives, negatives } = cumulative('rocAuc', labels, scores);
  needBoth('rocAuc', positives, negatives);
  let twice = 0;
  for (let i = 0; i < truePositives.length; i++) {
    const before = i === 0 ? 0 : truePositives[i - 1]!;
    const width = falsePositives[i]! - (i === 0 ? 0 : falsePositives[i - 1]!);
    twice += width * (before + truePositives[i]!);
  }
  return twice / 2 / positives / negatives;
}

/**
 * Area under the precision-recall curve as average precision: Σ (R_i - R_{i-1}) P_i.
 *
 * The step sum of scikit-learn and torchmetrics. The trapezoid between the points is too optimistic (Davis and Goadrich
 * 2006), so it is not offered.
 *
 * @throws MetricError `E_EMPTY` without a positive sample, `E_NAN` for a score that is not finite.
 * @example
 * averagePrecision([true, false, true], [0.9, 0.8, 0.7]).toFixed(6); // => '0.833333'
 */
export function averagePrecision(labels: readonly boolean[], scores: readonly number[]): number {
  const { precision, recall } = precisionRecallCurve(labels, scores);
  return precision.reduce((sum, p, i) => sum + p * (recall[i]! - (i === 0 ? 0 : recall[i - 1]!)), 0);
}

/** What {@link BinaryRanking} computes. */
export interface RankingResult extends Scored {
  /** ROC-AUC, or average precision, as chosen. */
  readonly score: number;
  readonly rocAuc: number;
  readonly averagePrecision: number;
  readonly positives: number;
  readonly negatives: number;
}

/**
 * ROC-AUC and average precision (PR-AUC) of binary scores, streaming. Keeps every score: the areas are exact.
 *
 * Hanley and McNeil 1982; Davis and Goadrich 2006. Equal to scikit-learn; torchmetrics with `thresholds` set bins the scores
 * and differs, and a trapezoid under the precision-recall curve is larger (see {@link averagePrecision}).
 *
 * @example
 * const ranking = new BinaryRanking();
 * ranking.update([{ label: true, score: 2 }, { label: false, score: 1 }]);
 * ranking.compute().score; // => 1
 */
export class BinaryRanking implements Metric<RankedSample, RankingResult> {
  readonly name: string;
  readonly higherIsBetter = true;
  private readonly labels: boolean[] = [];
  private readonly scores: number[] = [];

  /** @param headline Which area `score` is. Default rocAuc. */
  constructor(private readonly headline: 'rocAuc' | 'averagePrecision' = 'rocAuc') {
    this.name = headline === 'rocAuc' ? 'ROC-AUC' : 'PR-AUC';
  }

  update(batch: Iterable<RankedSample>): void {
    const samples = [...samplesOf(this.name, batch)];
    for (const { label, score } of samples) {
      checkRanked(this.name, score);
      if (typeof label !== 'boolean') {
        throw new MetricError(
          'E_INPUT',
          this.name,
          'label must be true or false',
          show(label),
          'compare it with the positive class',
        );
      }
    }
    for (const { label, score } of samples) {
      this.labels.push(label);
      this.scores.push(score);
    }
  }

  merge(other: this): void {
    if (other.headline !== this.headline)
      throw new MetricError(
        'E_MERGE',
        this.name,
        'only merges with the same headline',
        other.name,
        'use one',
      );
    appendAll(this.labels, other.labels);
    appendAll(this.scores, other.scores);
  }

  compute(): RankingResult {
    if (this.labels.length === 0) throw empty(this.name);
    return this.resultOf(this.labels, this.scores);
  }

  private resultOf(labels: readonly boolean[], scores: readonly number[]): RankingResult {
    const positives = labels.filter(Boolean).length;
    const areas = { rocAuc: rocAuc(labels, scores), averagePrecision: averagePrecision(labels, scores) };
    return { score: areas[this.headline], ...areas, positives, negatives: labels.length - positives };
  }

  /**
   * Bootstrap interval, resampling positives and negatives apart so that both always occur; clusters are drawn apart by
   * which of the two they hold.
   */
  interval(options?: BootstrapOptions): Interval {
    const { resamples, seed, confidence } = bootstrapSettings(this.name, options);
    const positives = this.labels.filter(Boolean).length;
    needBoth(this.name, positives, this.labels.length - positives);
    const draw = stratifiedResampler(
      this.name,
      Array.from(this.labels.keys()),
      (i) => (this.labels[i] ? 0 : 1),
      new Pcg64(seed),
      options?.clusters,
    );
    const values = Array.from({ length: resamples }, () => {
      const picks = draw();
      return this.resultOf(
        picks.map((i) => this.labels[i]!),
        picks.map((i) => this.scores[i]!),
      ).score;
    });
    return percentileInterval(values, confidence);
  }
}

/** How {@link multiclassRocAuc} reduces many classes to pairs and averages. */
export interface MulticlassAucOptions {
  /** One class against the rest, or each pair of classes (Hand and Till 2001). Default ovr. */
  readonly scheme?: 'ovr' | 'ovo';
  /** Default macro. `weighted` weighs by how often the class (or pair) occurs. */
  readonly average?: 'macro' | 'weighted';
}

/**
 * ROC-AUC for more than two classes, in one call: see {@link MulticlassRanking}.
 *
 * @throws MetricError `E_EMPTY` when a class never occurs, `E_INPUT` for a label out of range or rows of unequal length.
 * @example
 * const samples = [[0.8, 0.1, 0.1], [0.2, 0.7, 0.1], [0.1, 0.2, 0.7]].map((scores, label) => ({ label, scores }));
 * multiclassRocAuc(samples); // => 1
 */
export function multiclassRocAuc(
  samples: readonly ScoreSample[],
  options: MulticlassAucOptions = {},
): number {
  const metric = new MulticlassRanking(options);
  metric.update(samples);
  return metric.compute().score;
}

/**
 * ROC-AUC for more than two classes, streaming; keeps every score.
 *
 * `ovr` averages each class against the rest, `ovo` each pair of classes (Hand and Till 2001). Equal to scikit-learn's
 * `roc_auc_score(multi_class=...)`; torchmetrics has `ovr` only. Scores need not be probabilities here, as only their
 * order within a class counts; scikit-learn demands that they sum to 1.
 *
 * @example
 * const ranking = new MulticlassRanking({ scheme: 'ovo' });
 * ranking.update([[0.8, 0.1, 0.1], [0.2, 0.7, 0.1], [0.1, 0.2, 0.7]].map((scores, label) => ({ label, scores })));
 * ranking.compute().score; // => 1
 */
export class MulticlassRanking implements Metric<ScoreSample, Scored> {
  readonly name: string;
  readonly higherIsBetter = true;
  private readonly samples: ScoreSample[] = [];
  private readonly options: Required<MulticlassAucOptions>;

  constructor(options: MulticlassAucOptions = {}) {
    const { scheme = 'ovr', average = 'macro' } = options;
    if (!['ovr', 'ovo'].includes(scheme) || !['macro', 'weighted'].includes(average)) {
      throw new MetricError(
        'E_INPUT',
        'ROC-AUC',
        'scheme must be ovr or ovo, average macro or weighted',
        `${show(scheme)} and ${show(average)}`,
        'pick one of each',
      );
    }
    this.options = { scheme, average };
    this.name = `ROC-AUC (${scheme}, ${average})`;
  }

  update(batch: Iterable<ScoreSample>): void {
    const fresh = [...samplesOf(this.name, batch)];
    const classes = (this.samples[0] ?? fresh[0])?.scores?.length ?? 0;
    for (const { label, scores } of fresh) {
      checkScores(this.name, label, scores);
      checkSameLength(this.name, 'the first row', classes, 'another', scores.length);
    }
    appendAll(this.samples, fresh);
  }

  merge(other: this): void {
    const [mine, theirs] = [this.samples[0], other.samples[0]];
    if (other.name !== this.name || (mine && theirs && mine.scores.length !== theirs.scores.length)) {
      throw new MetricError(
        'E_MERGE',
        this.name,
        'only merges with the same options and classes',
        other.name,
        'use the same options',
      );
    }
    appendAll(this.samples, other.samples);
  }

  /** @throws MetricError `E_EMPTY` when a class never occurs. */
  compute(): Scored {
    if (this.samples.length === 0) throw empty(this.name);
    return { score: multiclassArea(this.samples, this.options) };
  }

  /** Bootstrap interval, resampling each class (or clusters by the classes in them) apart so that all occur. */
  interval(options?: BootstrapOptions): Interval {
    const { resamples, seed, confidence } = bootstrapSettings(this.name, options);
    this.compute();
    const draw = stratifiedResampler(
      this.name,
      this.samples,
      ({ label }) => label,
      new Pcg64(seed),
      options?.clusters,
    );
    const values = Array.from({ length: resamples }, () => multiclassArea(draw(), this.options));
    return percentileInterval(values, confidence);
  }
}

function multiclassArea(
  samples: readonly ScoreSample[],
  { scheme, average }: Required<MulticlassAucOptions>,
): number {
  const classes = samples[0]!.scores.length;
  const counts = new Array<number>(classes).fill(0);
  for (const { label } of samples) counts[label]!++;
  const areas: number[] = [];
  const weights: number[] = [];
  const area = (chosen: readonly ScoreSample[], positive: number): number =>
    rocAuc(
      chosen.map(({ label }) => label === positive),
      chosen.map(({ scores }) => scores[positive]!),
    );
  for (let a = 0; a < classes; a++) {
    if (scheme === 'ovr') {
      areas.push(area(samples, a));
      weights.push(counts[a]!);
      continue;
    }
    for (let b = a + 1; b < classes; b++) {
      const pair = samples.filter(({ label }) => label === a || label === b);
      areas.push((area(pair, a) + area(pair, b)) / 2);
      weights.push(pair.length);
    }
  }
  const weight = (i: number): number => (average === 'macro' ? 1 : weights[i]!);
  const total = areas.reduce((sum, _, i) => sum + weight(i), 0);
  return areas.reduce((sum, value, i) => sum + value * weight(i), 0) / total;
}
