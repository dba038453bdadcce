import { checkInteger, MetricError, samplesOf } from '../errors.js';
import type { Metric, Scored } from '../metric.js';
import type { BootstrapOptions } from '../statistics/bootstrap.js';
import { refuseClusters } from '../statistics/clusters.js';
import { checkConfidence, type Interval } from '../statistics/interval.js';
import { leaveOutInterval } from '../statistics/jackknife.js';
import { checkFeatures, type FeatureSample } from './features.js';
import { traceSqrtProduct } from './linear-algebra.js';

/** Count, mean and scatter of vectors, updated without cancellation (Chan, Golub and LeVeque 1983). */
class Moments {
  count = 0;
  mean = new Float64Array(0);
  /** Σ (x - mean)(x - mean)ᵀ, row-major [d, d], of which only the lower triangle is kept. */
  scatter = new Float64Array(0);

  add(x: ArrayLike<number>): void {
    const d = x.length;
    if (this.count === 0) {
      this.mean = new Float64Array(d);
      this.scatter = new Float64Array(d * d);
    }
    this.count++;
    const before = new Float64Array(d);
    for (let i = 0; i < d; i++) {
      before[i] = x[i]! - this.mean[i]!;
      this.mean[i]! += before[i]! / this.count;
    }
    const scale = (this.count - 1) / this.count;
    for (let i = 0; i < d; i++) {
      const row = i * d;
      const factor = before[i]! * scale;
      if (factor !== 0) for (let j = 0; j <= i; j++) this.scatter[row + j]! += factor * before[j]!;
    }
  }

  merge(other: Moments): void {
    if (other.count === 0) return;
    if (this.count === 0) {
      this.count = other.count;
      this.mean = other.mean.slice();
      this.scatter = other.scatter.slice();
      return;
    }
    const d = this.mean.length;
    const total = this.count + other.count;
    const delta = other.mean.map((x, i) => x - this.mean[i]!);
    const scale = (this.count * other.count) / total;
    for (let i = 0; i < d; i++) {
      for (let j = 0; j <= i; j++)
        this.scatter[i * d + j]! += other.scatter[i * d + j]! + scale * delta[i]! * delta[j]!;
      this.mean[i]! += (delta[i]! * other.count) / total;
    }
    this.count = total;
  }

  covariance(): Float64Array {
    const d = this.mean.length;
    const out = new Float64Array(d * d);
    for (let i = 0; i < d; i++) {
      for (let j = 0; j <= i; j++)
        out[i * d + j] = out[j * d + i] = this.scatter[i * d + j]! / (this.count - 1);
    }
    return out;
  }
}

/**
 * Fréchet distance of two sets of features; with Inception-v3 features the FID.
 *
 * d² = |μ₁ - μ₂|² + tr(Σ₁ + Σ₂ - 2 (Σ₁Σ₂)^{1/2}), float64, covariances over n - 1. Heusel et al. 2017
 * (arXiv:1706.08500), equal to torchmetrics. Code built on SciPy's `sqrtm` adds
 * 1e-6 to the diagonals when the root is not finite; here singular covariances (fewer images than features)
 * need no epsilon. Keeps moments only, [d] and [d, d] for each side and group, so memory does not grow with the images;
 * sharding changes the result by rounding (about 1e-12) only. The feature extractor is the caller's: the published FID
 * wants TensorFlow's Inception weights and 299 x 299 images.
 *
 * @example
 * const fid = new FrechetDistance();
 * fid.update([[0, 0], [2, 0], [0, 2], [2, 2]].map((features) => ({ features, real: true })));
 * fid.update([[3, 0], [5, 0], [3, 2], [5, 2]].map((features) => ({ features, real: false })));
 * fid.compute().score.toFixed(9); // => '9.000000000'
 */
export class FrechetDistance implements Metric<FeatureSample, Scored> {
  readonly name = 'FID';
  readonly higherIsBetter = false;
  private readonly real: readonly Moments[];
  private readonly fake: readonly Moments[];

  /**
   * @param options groups: into how many groups the samples of each side are dealt in turn, for {@link interval}; each
   *   costs 16 d² bytes. Default 1, without an interval.
   */
  constructor(options: { readonly groups?: number } = {}) {
    const groups = options.groups ?? 1;
    checkInteger('FID', 'groups', groups, 1, 1000);
    this.real = Array.from({ length: groups }, () => new Moments());
    this.fake = Array.from({ length: groups }, () => new Moments());
  }

  private get size(): number | undefined {
    return [...this.real, ...this.fake].find(({ count }) => count > 0)?.mean.length;
  }

  update(batch: Iterable<FeatureSample>): void {
    const samples = [...samplesOf(this.name, batch)];
    const size = this.size ?? samples[0]?.features?.length;
    for (const { features } of samples) checkFeatures('FID', features, size);
    for (const { features, real } of samples) {
      const groups = real ? this.real : this.fake;
      const seen = groups.reduce((sum, { count }) => sum + count, 0);
      groups[seen % groups.length]!.add(features);
    }
  }

  merge(other: this): void {
    if (this.size !== undefined && other.size !== undefined && this.size !== other.size) {
      throw new MetricError(
        'E_MERGE',
        'FID',
        `features must have length ${this.size}`,
        String(other.size),
        'use one extractor',
      );
    }
    if (this.real.length !== other.real.length) {
      throw new MetricError(
        'E_MERGE',
        'FID',
        `only merges with ${this.real.length} groups`,
        String(other.real.length),
        'use the same options',
      );
    }
    this.real.forEach((group, i) => {
      group.merge(other.real[i]!);
    });
    this.fake.forEach((group, i) => {
      group.merge(other.fake[i]!);
    });
  }

  /** @throws MetricError `E_EMPTY` with fewer than two samples on either side. */
  compute(): Scored {
    return { score: this.distance() };
  }

  /**
   * Delete-a-group jackknife ({@link jackknifeInterval}) over the groups of the constructor. It shows the spread, not the
   * bias: the FID of few images is too large (Chong and Forsyth 2020, arXiv:1911.07023).
   *
   * @throws MetricError `E_EMPTY` with one group, or too few samples in them.
   */
  interval(options: BootstrapOptions = {}): Interval {
    const { confidence = 0.95 } = options;
    refuseClusters(this.name, options);
    checkConfidence('FID', confidence);
    const groups = this.real.length;
    if (groups < 2)
      throw new MetricError(
        'E_EMPTY',
        'FID',
        'an interval needs groups',
        'one',
        'build it with { groups: 10 }',
      );
    const parts = Array.from({ length: groups }, (_, left) => this.distance(left));
    return leaveOutInterval(this.distance(), parts, confidence);
  }

  /** The distance without the samples of group `left`. */
  private distance(left?: number): number {
    const join = (groups: readonly Moments[]): Moments => {
      const [only] = groups;
      if (groups.length === 1) return only!;
      const whole = new Moments();
      groups.forEach((group, i) => {
        if (i !== left) whole.merge(group);
      });
      return whole;
    };
    const real = join(this.real);
    const fake = join(this.fake);
    if (real.count < 2 || fake.count < 2) {
      throw new MetricError(
        'E_EMPTY',
        'FID',
        'needs two real and two generated samples',
        `${real.count} and ${fake.count}`,
        'update with more',
      );
    }
    const d = real.mean.length;
    const a = real.covariance();
    const b = fake.covariance();
    let means = 0;
    let traces = 0;
    for (let i = 0; i < d; i++) {
      means += (real.mean[i]! - fake.mean[i]!) ** 2;
      traces += a[i * d + i]! + b[i * d + i]!;
    }
    return Math.max(0, means + traces - 2 * traceSqrtProduct(a, b, d));
  }
}
