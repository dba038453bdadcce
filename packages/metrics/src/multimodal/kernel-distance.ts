import { appendAll, checkInteger, MetricError, samplesOf, show } from '../errors.js';
import type { Metric, Scored } from '../metric.js';
import { Pcg64 } from '../random.js';
import { type BootstrapOptions, percentileInterval } from '../statistics/bootstrap.js';
import { refuseClusters } from '../statistics/clusters.js';
import { checkConfidence, type Interval } from '../statistics/interval.js';
import { checkFeatures, type FeatureSample } from './features.js';

/** Settings of {@link KernelDistance}. */
export interface KernelOptions {
  /** Subsets drawn. Default 100. */
  readonly subsets?: number;
  /** Samples of each side in a subset, at least 2. Default 1000. */
  readonly subsetSize?: number;
  /** Degree of the polynomial kernel. Default 3. */
  readonly degree?: number;
  /** Default 1 / d. */
  readonly gamma?: number;
  /** Default 1. */
  readonly coefficient?: number;
  /** Seed of the subsets. Default 12345. */
  readonly seed?: number;
}

/** A kernel distance over subsets. */
export interface KernelResult extends Scored {
  /** Mean over subsets; unbiased, so it can fall below 0. */
  readonly score: number;
  /** Standard deviation over subsets (population). */
  readonly standardDeviation: number;
}

/**
 * Kernel distance (KID): the unbiased squared MMD under the kernel (γ x·y + c)^degree, averaged over random subsets.
 *
 * Bińkowski et al. 2018 (arXiv:1801.01401), equal to torchmetrics for the same subsets. Keeps all features.
 *
 * @example
 * const kid = new KernelDistance({ subsets: 1, subsetSize: 2 });
 * kid.update([[0], [1]].map((features) => ({ features, real: true })));
 * kid.update([[0], [1]].map((features) => ({ features, real: false })));
 * kid.compute().score; // => -3.5
 */
export class KernelDistance implements Metric<FeatureSample, KernelResult> {
  readonly name = 'KID';
  readonly higherIsBetter = false;
  private readonly real: ArrayLike<number>[] = [];
  private readonly fake: ArrayLike<number>[] = [];

  constructor(private readonly options: KernelOptions = {}) {
    checkInteger('KID', 'subsets', options.subsets ?? 100, 1);
    checkInteger('KID', 'subsetSize', options.subsetSize ?? 1000, 2);
  }

  update(batch: Iterable<FeatureSample>): void {
    const samples = [...samplesOf(this.name, batch)];
    const size = (this.real[0] ?? this.fake[0] ?? samples[0]?.features)?.length;
    for (const { features } of samples) checkFeatures('KID', features, size);
    for (const { features, real } of samples)
      (real ? this.real : this.fake).push(Float64Array.from(features));
  }

  merge(other: this): void {
    if (JSON.stringify(other.options) !== JSON.stringify(this.options)) {
      throw new MetricError(
        'E_MERGE',
        'KID',
        'only merges with the same options',
        show(other.options),
        'use the same options',
      );
    }
    appendAll(this.real, other.real);
    appendAll(this.fake, other.fake);
  }

  /** @throws MetricError `E_EMPTY` when either side has fewer samples than a subset. */
  compute(): KernelResult {
    const values = this.values();
    const mean = values.reduce((a, b) => a + b, 0) / values.length;
    const variance = values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / values.length;
    return { score: mean, standardDeviation: Math.sqrt(variance) };
  }

  /**
   * Percentiles of the subsets' values: how far the estimate from one subset strays. Wider than an interval of their mean
   * would be. `resamples` and `seed` are those of the constructor.
   *
   * @throws MetricError `E_NAN` with fewer than 40 subsets.
   */
  interval(options: BootstrapOptions = {}): Interval {
    const { confidence = 0.95 } = options;
    refuseClusters(this.name, options);
    checkConfidence('KID', confidence);
    return percentileInterval(this.values(), confidence);
  }

  /** The discrepancy of each subset. */
  private values(): number[] {
    const { subsets = 100, subsetSize = 1000, seed = 12345 } = this.options;
    if (Math.min(this.real.length, this.fake.length) < subsetSize) {
      throw new MetricError(
        'E_EMPTY',
        'KID',
        `needs ${subsetSize} real and generated samples`,
        `${this.real.length} and ${this.fake.length}`,
        'lower subsetSize',
      );
    }
    const random = new Pcg64(seed);
    return Array.from({ length: subsets }, () => {
      const pick = (from: readonly ArrayLike<number>[]): ArrayLike<number>[] =>
        random
          .shuffle([...from.keys()])
          .slice(0, subsetSize)
          .map((i) => from[i]!);
      return this.discrepancy(pick(this.real), pick(this.fake));
    });
  }

  private discrepancy(x: readonly ArrayLike<number>[], y: readonly ArrayLike<number>[]): number {
    const { degree = 3, coefficient = 1, gamma = 1 / x[0]!.length } = this.options;
    const kernel = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
      let dot = 0;
      for (let i = 0; i < a.length; i++) dot += a[i]! * b[i]!;
      return (dot * gamma + coefficient) ** degree;
    };
    const m = x.length;
    let within = 0;
    let across = 0;
    for (let i = 0; i < m; i++) {
      for (let j = 0; j < m; j++) {
        across += kernel(x[i]!, y[j]!);
        if (i < j) within += 2 * (kernel(x[i]!, x[j]!) + kernel(y[i]!, y[j]!));
      }
    }
    return within / (m * (m - 1)) - (2 * across) / (m * m);
  }
}
