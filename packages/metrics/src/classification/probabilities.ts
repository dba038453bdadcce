import { checkInteger, MetricError, show } from '../errors.js';
import { AdditiveMetric, type AdditiveOptions, formatSignature, type Scored } from '../metric.js';

/** A sample with a probability (or score) per class. */
export interface ProbabilitySample {
  /** Index of the true class, 0 to C - 1. */
  readonly label: number;
  /** One probability per class, [C], summing to 1 within 1e-4; or the probability of class 1 of two. */
  readonly probabilities: readonly number[] | number;
}

/** A sample with an unnormalised score per class. */
export interface ScoreSample {
  /** Index of the true class, 0 to C - 1. */
  readonly label: number;
  /** One finite score per class, [C]. */
  readonly scores: readonly number[];
}

/** Checks a label and scores; returns the scores as a list. */
export function checkScores(subject: string, label: number, scores: readonly number[]): readonly number[] {
  if (!Array.isArray(scores) || scores.length < 2) {
    throw new MetricError(
      'E_INPUT',
      subject,
      'needs a score for each of two or more classes',
      show(scores),
      'pass [C] scores',
    );
  }
  for (const score of scores) {
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
  checkInteger(subject, 'label', label, 0, scores.length - 1);
  return scores;
}

/** The checked distribution of a sample, [C]. */
export function distributionOf(subject: string, sample: ProbabilitySample): readonly number[] {
  const { probabilities } = sample;
  const list = typeof probabilities === 'number' ? [1 - probabilities, probabilities] : probabilities;
  checkScores(subject, sample.label, list);
  const sum = list.reduce((a, b) => a + b, 0);
  if (Math.abs(sum - 1) > 1e-4 || list.some((p) => p < 0 || p > 1)) {
    throw new MetricError(
      'E_INPUT',
      subject,
      'probabilities must lie in [0, 1] and sum to 1',
      `a sum of ${sum}`,
      'normalise them',
    );
  }
  return list;
}

/**
 * Top-k accuracy: how often the true class is among the k highest scores.
 *
 * The measure of ImageNet (Russakovsky et al. 2015, arXiv:1409.0575). Of equal scores the class with the higher index
 * ranks first, as in scikit-learn; torchmetrics leaves that to `topk`, which promises no order.
 *
 * @example
 * const top2 = new TopKAccuracy({ k: 2 });
 * top2.update([{ label: 0, scores: [0.3, 0.5, 0.2] }, { label: 2, scores: [0.4, 0.5, 0.1] }]);
 * top2.compute().score; // => 0.5
 */
export class TopKAccuracy extends AdditiveMetric<ScoreSample, Scored> {
  readonly name: string;
  readonly width = 1;
  private readonly k: number;

  constructor(options: AdditiveOptions & { readonly k?: number } = {}) {
    super(options);
    this.k = options.k ?? 5;
    checkInteger('top-k accuracy', 'k', this.k, 1);
    this.name = `top-${this.k} accuracy`;
  }

  signature(): string {
    return formatSignature({ k: this.k });
  }

  protected statistics({ label, scores }: ScoreSample, row: Float64Array): void {
    checkScores(this.name, label, scores);
    let ahead = 0;
    for (let j = 0; j < scores.length; j++) {
      if (scores[j]! > scores[label]! || (scores[j] === scores[label] && j > label)) ahead++;
    }
    row[0] = ahead < this.k ? 1 : 0;
  }

  protected result(totals: Float64Array, count: number): Scored {
    return { score: totals[0]! / count };
  }
}

/**
 * Log loss (cross-entropy): the mean of -ln p(true class), in nats.
 *
 * Good 1952, "Rational Decisions"; equal to scikit-learn. PyTorch's cross-entropy differs: it takes logits and
 * does not clip. Probabilities are clipped here to [ε, 1 - ε] with ε = 2^-52, as scikit-learn does for float64, so a
 * confident error costs 36
 * nats and not infinity.
 *
 * @example
 * const loss = new LogLoss();
 * loss.update([{ label: 1, probabilities: 0.5 }]);
 * loss.compute().score === Math.LN2; // => true
 */
export class LogLoss extends AdditiveMetric<ProbabilitySample, Scored> {
  readonly name = 'log loss';
  readonly width = 1;
  override readonly higherIsBetter = false;

  signature(): string {
    return '';
  }

  protected statistics(sample: ProbabilitySample, row: Float64Array): void {
    const p = distributionOf('log loss', sample)[sample.label]!;
    row[0] = -Math.log(Math.min(Math.max(p, Number.EPSILON), 1 - Number.EPSILON));
  }

  protected result(totals: Float64Array, count: number): Scored {
    return { score: totals[0]! / count };
  }
}

/**
 * Brier score: the mean squared error of the probabilities.
 *
 * Two classes: (p - y)², 0 to 1. More: the sum over classes, 0 to 2, as Brier 1950 defined it; scikit-learn's
 * `scale_by_half='auto'` makes the same choice.
 *
 * @example
 * const brier = new Brier();
 * brier.update([{ label: 1, probabilities: 0.5 }, { label: 0, probabilities: 0 }]);
 * brier.compute().score; // => 0.125
 */
export class Brier extends AdditiveMetric<ProbabilitySample, Scored> {
  readonly name = 'Brier score';
  readonly width = 1;
  override readonly higherIsBetter = false;

  signature(): string {
    return '';
  }

  protected statistics(sample: ProbabilitySample, row: Float64Array): void {
    const distribution = distributionOf('Brier score', sample);
    let sum = 0;
    for (let k = 0; k < distribution.length; k++) sum += (distribution[k]! - Number(k === sample.label)) ** 2;
    row[0] = distribution.length === 2 ? sum / 2 : sum;
  }

  protected result(totals: Float64Array, count: number): Scored {
    return { score: totals[0]! / count };
  }
}

/** One bin of a reliability curve. */
export interface ReliabilityBin {
  /** The bin holds confidences in (low, high]; the first also 0. */
  readonly low: number;
  readonly high: number;
  readonly count: number;
  /** Mean confidence; NaN for an empty bin. */
  readonly confidence: number;
  /** Share correct; NaN for an empty bin. */
  readonly accuracy: number;
}

/** A calibration error and the curve it is made of. */
export interface CalibrationResult extends Scored {
  /** Expected calibration error, 0 to 1. */
  readonly score: number;
  /** The largest gap of any bin. */
  readonly maximum: number;
  readonly bins: readonly ReliabilityBin[];
}

/**
 * Expected calibration error with its reliability curve: Σ over bins (n_b / n) |accuracy_b - confidence_b|.
 *
 * Guo et al. 2017 (arXiv:1706.04599, equation 3) with equal-width bins over the confidence of the predicted class (the
 * lowest index among equals). Bins are (low, high] as in the paper; torchmetrics uses [low, high), which differs only for
 * confidences exactly on an edge.
 *
 * @example
 * const ece = new CalibrationError({ bins: 10 });
 * ece.update([{ label: 1, probabilities: 0.75 }, { label: 0, probabilities: 0.75 }]);
 * ece.compute().score; // => 0.25
 */
export class CalibrationError extends AdditiveMetric<ProbabilitySample, CalibrationResult> {
  readonly name = 'ECE';
  readonly width: number;
  override readonly higherIsBetter = false;
  private readonly bins: number;

  constructor(options: AdditiveOptions & { readonly bins?: number } = {}) {
    super(options);
    this.bins = options.bins ?? 15;
    checkInteger('ECE', 'bins', this.bins, 1, 10_000);
    this.width = 3 * this.bins;
  }

  signature(): string {
    return formatSignature({ bins: this.bins });
  }

  protected statistics(sample: ProbabilitySample, row: Float64Array): void {
    const distribution = distributionOf('ECE', sample);
    let predicted = 0;
    for (let k = 1; k < distribution.length; k++)
      if (distribution[k]! > distribution[predicted]!) predicted = k;
    const confidence = distribution[predicted]!;
    const bin = Math.min(this.bins - 1, Math.max(0, Math.ceil(confidence * this.bins) - 1));
    row[3 * bin] = 1;
    row[3 * bin + 1] = confidence;
    row[3 * bin + 2] = Number(predicted === sample.label);
  }

  protected result(totals: Float64Array, count: number): CalibrationResult {
    let score = 0;
    let maximum = 0;
    const bins = Array.from({ length: this.bins }, (_, b): ReliabilityBin => {
      const inBin = totals[3 * b]!;
      const confidence = totals[3 * b + 1]! / inBin;
      const accuracy = totals[3 * b + 2]! / inBin;
      if (inBin > 0) {
        const gap = Math.abs(accuracy - confidence);
        score += (gap * inBin) / count;
        maximum = Math.max(maximum, gap);
      }
      return { low: b / this.bins, high: (b + 1) / this.bins, count: inBin, confidence, accuracy };
    });
    return { score, maximum, bins };
  }
}
