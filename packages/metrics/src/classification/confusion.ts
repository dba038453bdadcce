import { appendAll, MetricError, samplesOf, show } from '../errors.js';
import { empty, type Metric, type Scored } from '../metric.js';
import { Pcg64 } from '../random.js';
import { type BootstrapOptions, bootstrapSettings, percentileInterval } from '../statistics/bootstrap.js';
import { type Clusters, clusterMembers } from '../statistics/clusters.js';
import type { Interval } from '../statistics/interval.js';

/** A class: a name or a number. */
export type ClassLabel = string | number;

/** One classified sample. */
export interface ClassifiedSample {
  /** The true class. */
  readonly label: ClassLabel;
  /** The predicted class. */
  readonly prediction: ClassLabel;
}

/** Precision, recall, F1 and how many samples truly have the class. */
export interface ClassScores {
  /** True positives / predicted; 0 when never predicted. */
  readonly precision: number;
  /** True positives / support; 0 when the class never occurs. */
  readonly recall: number;
  /** 2 TP / (predicted + support); 0 when both are 0. */
  readonly f1: number;
  readonly support: number;
}

/** Everything that follows from a confusion matrix. */
export interface ClassificationResult extends Scored {
  /** The headline chosen in the options, accuracy by default. */
  readonly score: number;
  readonly accuracy: number;
  /** Over all decisions; equals accuracy when every sample has one class. */
  readonly micro: ClassScores;
  /** Unweighted mean over classes. */
  readonly macro: ClassScores;
  /** Mean over classes weighted by support. */
  readonly weighted: ClassScores;
  /** The classes in order. */
  readonly classes: readonly ClassLabel[];
  /** Scores of each class, in that order. */
  readonly perClass: readonly ClassScores[];
  /** matrix[i][j]: samples of class i predicted as j. */
  readonly matrix: readonly (readonly number[])[];
  /** Matthews correlation, -1 to 1; 0 when it is undefined. */
  readonly mcc: number;
  /** Cohen's kappa between labels and predictions, -1 to 1; NaN when both sides know one class only. */
  readonly kappa: number;
}

/** Settings of {@link Classification}. */
export interface ClassificationOptions {
  /**
   * The classes, in order. A class listed but never seen counts as 0 in macro averages, and a class seen but not listed
   * is refused. Default: the classes that occur, sorted.
   */
  readonly classes?: readonly ClassLabel[];
  /** What `score` is. Default accuracy. */
  readonly headline?: 'accuracy' | 'macroF1' | 'microF1' | 'weightedF1' | 'mcc' | 'kappa';
  /** Weights of disagreements in kappa; linear and quadratic need ordered classes. Default none. */
  readonly kappaWeights?: 'none' | 'linear' | 'quadratic';
  /**
   * Keep which cell of the matrix each sample falls into (8 bytes), needed for intervals with clusters. Without it memory
   * grows with the number of classes only. Default true.
   */
  readonly keepRows?: boolean;
}

/**
 * Accuracy, precision, recall, F1 (micro, macro, weighted, per class), the confusion matrix, MCC and Cohen's kappa.
 *
 * Equal to scikit-learn with `zero_division=0`. MCC as Gorodkin 2004 for many classes; kappa as Cohen 1960 and 1968.
 * Macro F1 is the mean of F1s (as scikit-learn and torchmetrics), not the F1 of means (Opitz and Burst 2019,
 * arXiv:1911.03347, on the difference).
 *
 * @example
 * const metric = new Classification();
 * metric.update([
 *   { label: 'cat', prediction: 'cat' },
 *   { label: 'cat', prediction: 'dog' },
 *   { label: 'dog', prediction: 'dog' },
 * ]);
 * metric.compute().matrix; // => [[1, 1], [0, 1]]
 * metric.compute().macro.f1.toFixed(6); // => '0.666667'
 */
export class Classification implements Metric<ClassifiedSample, ClassificationResult> {
  readonly name: string;
  readonly higherIsBetter = true;
  private readonly options: ClassificationOptions;
  /** Cells of the matrix by label and prediction. */
  private readonly cells = new Map<ClassLabel, Map<ClassLabel, Cell>>();
  private cellCount = 0;
  private total = 0;
  /** The cell of each sample, by number; empty with `keepRows: false`. */
  private readonly samples: number[] = [];

  constructor(options: ClassificationOptions = {}) {
    this.options = options;
    this.name = options.headline ?? 'accuracy';
    if (options.classes && new Set(options.classes).size !== options.classes.length) {
      throw new MetricError(
        'E_INPUT',
        'classification',
        'classes must differ',
        show([...options.classes]),
        'remove repeats',
      );
    }
  }

  update(batch: Iterable<ClassifiedSample>): void {
    const samples = [...samplesOf('classification', batch)];
    for (const { label, prediction } of samples) {
      for (const value of [label, prediction]) this.checkClass(value);
    }
    for (const { label, prediction } of samples) {
      const cell = this.add(label, prediction, 1);
      if (this.options.keepRows ?? true) this.samples.push(cell.index);
    }
  }

  private checkClass(value: ClassLabel): void {
    if (typeof value !== 'string' && !(typeof value === 'number' && Number.isFinite(value))) {
      throw new MetricError(
        'E_INPUT',
        'classification',
        'a class must be a string or a finite number',
        show(value),
        'remove that sample',
      );
    }
    if (this.options.classes && !this.options.classes.includes(value)) {
      throw new MetricError(
        'E_INPUT',
        'classification',
        'every class must be listed in classes',
        show(value),
        'list it or drop the option',
      );
    }
  }

  private add(label: ClassLabel, prediction: ClassLabel, count: number): Cell {
    let row = this.cells.get(label);
    if (!row) this.cells.set(label, (row = new Map()));
    let cell = row.get(prediction);
    if (!cell) row.set(prediction, (cell = { index: this.cellCount++, label, prediction, count: 0 }));
    cell.count += count;
    this.total += count;
    return cell;
  }

  private *allCells(): Generator<Cell> {
    for (const row of this.cells.values()) yield* row.values();
  }

  merge(other: this): void {
    if (JSON.stringify(other.options) !== JSON.stringify(this.options)) {
      throw new MetricError(
        'E_MERGE',
        'classification',
        'only merges with the same options',
        show(other.options),
        'use the same options',
      );
    }
    const indices = new Map<number, number>();
    for (const { index, label, prediction, count } of [...other.allCells()])
      indices.set(index, this.add(label, prediction, count).index);
    appendAll(
      this.samples,
      other.samples.map((index) => indices.get(index)!),
    );
  }

  compute(): ClassificationResult {
    if (this.total === 0) throw empty('classification');
    const classes =
      this.options.classes ??
      sortClasses([...this.allCells()].flatMap(({ label, prediction }) => [label, prediction]));
    const matrix = classes.map((label) =>
      classes.map((prediction) => this.cells.get(label)?.get(prediction)?.count ?? 0),
    );
    return classificationOf(classes, matrix, this.options);
  }

  /**
   * Bootstrap interval of the headline score: the cells of the matrix are drawn anew, as the samples would be; with
   * clusters, the samples of whole clusters.
   *
   * @throws MetricError `E_EMPTY` for clusters with `keepRows: false`.
   */
  interval(options?: BootstrapOptions): Interval {
    const { resamples, seed, confidence } = bootstrapSettings('classification', options);
    const { classes, matrix } = this.compute();
    const random = new Pcg64(seed);
    if (options?.clusters) {
      const draw = this.clusterDraw(classes, options.clusters, random);
      const drawn = Array.from(
        { length: resamples },
        () => classificationOf(classes, draw(), this.options).score,
      );
      return percentileInterval(drawn, confidence);
    }
    const size = classes.length;
    const ends: number[] = [];
    let sum = 0;
    for (const row of matrix) for (const count of row) ends.push((sum += count));
    const scores = Array.from({ length: resamples }, () => {
      const drawn = matrix.map((row) => row.map(() => 0));
      for (let i = 0; i < sum; i++) {
        const cell = upperBound(ends, random.below(sum));
        drawn[Math.floor(cell / size)]![cell % size]!++;
      }
      return classificationOf(classes, drawn, this.options).score;
    });
    return percentileInterval(scores, confidence);
  }

  /** A source of matrices of resampled clusters. */
  private clusterDraw(classes: readonly ClassLabel[], clusters: Clusters, random: Pcg64): () => number[][] {
    if (this.samples.length < this.total) {
      throw new MetricError(
        'E_EMPTY',
        'classification',
        'clusters need the samples',
        'keepRows: false',
        'build it with keepRows: true',
      );
    }
    const cells = [...this.allCells()].sort((a, b) => a.index - b.index);
    const position = new Map(classes.map((value, i) => [value, i]));
    const groups = clusterMembers('classification', this.total, clusters).map((list) =>
      list.map((i) => {
        const { label, prediction } = cells[this.samples[i]!]!;
        return [position.get(label)!, position.get(prediction)!] as const;
      }),
    );
    // In the order of the matrix: clusters of one sample then draw what its cells do.
    groups.sort(([a], [b]) => a![0] - b![0] || a![1] - b![1]);
    return () => {
      const matrix = classes.map(() => classes.map(() => 0));
      for (let i = 0; i < groups.length; i++) {
        for (const [label, prediction] of groups[random.below(groups.length)]!) matrix[label]![prediction]!++;
      }
      return matrix;
    };
  }
}

/** One cell of the confusion matrix. */
interface Cell {
  readonly index: number;
  readonly label: ClassLabel;
  readonly prediction: ClassLabel;
  count: number;
}

function upperBound(ends: readonly number[], value: number): number {
  let low = 0;
  let high = ends.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ends[middle]! > value) high = middle;
    else low = middle + 1;
  }
  return low;
}

function sortClasses(values: readonly ClassLabel[]): ClassLabel[] {
  return [...new Set(values)].sort((a, b) => {
    if (typeof a === 'number' && typeof b === 'number') return a - b;
    if (typeof a !== typeof b) return typeof a === 'number' ? -1 : 1;
    return a < b ? -1 : 1;
  });
}

const ratio = (a: number, b: number): number => (b === 0 ? 0 : a / b);

function classificationOf(
  classes: readonly ClassLabel[],
  matrix: readonly (readonly number[])[],
  options: ClassificationOptions,
): ClassificationResult {
  const size = classes.length;
  const support = matrix.map((row) => row.reduce((a, b) => a + b, 0));
  const predicted = classes.map((_, j) => matrix.reduce((sum, row) => sum + row[j]!, 0));
  const total = support.reduce((a, b) => a + b, 0);
  let correct = 0;
  const perClass = classes.map((_, k): ClassScores => {
    const hits = matrix[k]![k]!;
    correct += hits;
    return {
      precision: ratio(hits, predicted[k]!),
      recall: ratio(hits, support[k]!),
      f1: ratio(2 * hits, predicted[k]! + support[k]!),
      support: support[k]!,
    };
  });
  const accuracy = ratio(correct, total);
  const average = (weights: readonly number[]): ClassScores => {
    const of = (key: 'precision' | 'recall' | 'f1'): number =>
      ratio(
        perClass.reduce((sum, scores, k) => sum + scores[key] * weights[k]!, 0),
        weights.reduce((a, b) => a + b, 0),
      );
    return { precision: of('precision'), recall: of('recall'), f1: of('f1'), support: total };
  };
  const macro = average(classes.map(() => 1));
  const weighted = average(support);
  const micro = { precision: accuracy, recall: accuracy, f1: accuracy, support: total };
  const dot = (a: readonly number[], b: readonly number[]): number =>
    a.reduce((sum, x, i) => sum + x * b[i]!, 0);
  const spread =
    Math.sqrt(total ** 2 - dot(predicted, predicted)) * Math.sqrt(total ** 2 - dot(support, support));
  const mcc = ratio(correct * total - dot(predicted, support), spread);
  let observed = 0;
  let expected = 0;
  for (let i = 0; i < size; i++) {
    for (let j = 0; j < size; j++) {
      const distance = Math.abs(i - j);
      const weight =
        options.kappaWeights === 'linear'
          ? distance
          : options.kappaWeights === 'quadratic'
            ? distance ** 2
            : Number(i !== j);
      observed += weight * matrix[i]![j]!;
      expected += (weight * support[i]! * predicted[j]!) / total;
    }
  }
  const kappa = 1 - observed / expected;
  const headlines = { accuracy, macroF1: macro.f1, microF1: accuracy, weightedF1: weighted.f1, mcc, kappa };
  const score = headlines[options.headline ?? 'accuracy'];
  return { score, accuracy, micro, macro, weighted, classes, perClass, matrix, mcc, kappa };
}

/**
 * All classification scores of two equally long lists in one call.
 *
 * @throws MetricError `E_INPUT` when the lengths differ, `E_EMPTY` without samples.
 * @example
 * classify([0, 1, 1, 0], [0, 1, 0, 0]).accuracy; // => 0.75
 */
export function classify(
  labels: readonly ClassLabel[],
  predictions: readonly ClassLabel[],
  options?: ClassificationOptions,
): ClassificationResult {
  if (labels.length !== predictions.length) {
    throw new MetricError(
      'E_INPUT',
      'classify',
      'labels and predictions must be equally long',
      `${labels.length} and ${predictions.length}`,
      'pair them up',
    );
  }
  const metric = new Classification(options);
  metric.update(labels.map((label, i) => ({ label, prediction: predictions[i]! })));
  return metric.compute();
}
