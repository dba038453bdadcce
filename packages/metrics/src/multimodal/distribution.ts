import { appendAll, checkInteger, MetricError, samplesOf, show } from '../errors.js';
import { ExactSum } from '../exact-sum.js';
import { empty, type Metric, type Scored } from '../metric.js';
import { Pcg64 } from '../random.js';
import { traceSqrtProduct } from './linear-algebra.js';

/** The features of one image (or text, or sound), and whether it is real or generated. */
export interface FeatureSample {
  /** Finite features, [d]; the same d everywhere. 2048 pool features of Inception-v3 for the published FID. */
  readonly features: ArrayLike<number>;
  /** True for the reference distribution. */
  readonly real: boolean;
}

function checkFeatures(subject: string, features: ArrayLike<number>, size: number | undefined): void {
  if (!features || !(features.length > 0) || (size !== undefined && features.length !== size)) {
    const rule = size === undefined ? 'features must not be empty' : `features must have length ${size}`;
    throw new MetricError(
      'E_INPUT',
      subject,
      rule,
      show(features?.length),
      'use one feature extractor throughout',
    );
  }
  for (let i = 0; i < features.length; i++) {
    if (!Number.isFinite(features[i]!)) {
      throw new MetricError(
        'E_NAN',
        subject,
        'features must be finite',
        show(features[i]),
        'look for an overflow in the extractor',
      );
    }
  }
}

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
 * (arXiv:1706.08500), equal to torchmetrics; torcheval divides by n. Singular covariances (fewer images than features)
 * need no epsilon. Keeps moments only, [d] and [d, d], so memory does not grow with the images; sharding changes the
 * result by rounding (about 1e-12) only. The feature extractor is the caller's: the published FID wants TensorFlow's
 * Inception weights and 299 x 299 images. For an interval compute several subsets, as {@link KernelDistance} does.
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
  private readonly real = new Moments();
  private readonly fake = new Moments();

  private get size(): number | undefined {
    if (this.real.count > 0) return this.real.mean.length;
    return this.fake.count > 0 ? this.fake.mean.length : undefined;
  }

  update(batch: Iterable<FeatureSample>): void {
    const samples = [...samplesOf(this.name, batch)];
    const size = this.size ?? samples[0]?.features?.length;
    for (const { features } of samples) checkFeatures('FID', features, size);
    for (const { features, real } of samples) (real ? this.real : this.fake).add(features);
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
    this.real.merge(other.real);
    this.fake.merge(other.fake);
  }

  /** @throws MetricError `E_EMPTY` with fewer than two samples on either side. */
  compute(): Scored {
    const { real, fake } = this;
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
    return { score: Math.max(0, means + traces - 2 * traceSqrtProduct(a, b, d)) };
  }
}

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
    const values = Array.from({ length: subsets }, () => {
      const pick = (from: readonly ArrayLike<number>[]): ArrayLike<number>[] =>
        random
          .shuffle([...from.keys()])
          .slice(0, subsetSize)
          .map((i) => from[i]!);
      return this.discrepancy(pick(this.real), pick(this.fake));
    });
    const mean = values.reduce((a, b) => a + b, 0) / subsets;
    const variance = values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / subsets;
    return { score: mean, standardDeviation: Math.sqrt(variance) };
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

/** An inception score over splits. */
export interface InceptionResult extends Scored {
  /** Mean over splits of exp(mean KL), 1 to C. */
  readonly score: number;
  /** Standard deviation over splits (n - 1); 0 for one split. */
  readonly standardDeviation: number;
}

/**
 * Inception score from class probabilities: exp(E[KL(p(y|x) ‖ p(y))]) per split.
 *
 * Salimans et al. 2016 (arXiv:1606.03498). Splits are consecutive, of equal size or one apart, as in their code;
 * torchmetrics shuffles first (without a seed) and then agrees with this. Barratt and Sharma 2018 (arXiv:1801.01973) say
 * why not to rely on it.
 *
 * @example
 * const is = new InceptionScore({ splits: 1 });
 * is.update([[1, 0], [0, 1]]);
 * is.compute().score.toFixed(9); // => '2.000000000'
 */
export class InceptionScore implements Metric<readonly number[], InceptionResult> {
  readonly name = 'IS';
  readonly higherIsBetter = true;
  private readonly rows: (readonly number[])[] = [];
  private readonly splits: number;

  constructor(options: { readonly splits?: number } = {}) {
    this.splits = options.splits ?? 10;
    checkInteger('IS', 'splits', this.splits, 1);
  }

  update(batch: Iterable<readonly number[]>): void {
    const rows = [...samplesOf(this.name, batch)];
    for (const row of rows) {
      checkFeatures('IS', row, (this.rows[0] ?? rows[0])?.length);
      const sum = row.reduce((a, b) => a + b, 0);
      if (row.some((p) => p < 0) || Math.abs(sum - 1) > 1e-4) {
        throw new MetricError(
          'E_INPUT',
          'IS',
          'rows must be probabilities that sum to 1',
          `a sum of ${sum}`,
          'apply softmax to the logits',
        );
      }
    }
    appendAll(this.rows, rows);
  }

  merge(other: this): void {
    if (other.splits !== this.splits)
      throw new MetricError(
        'E_MERGE',
        'IS',
        'only merges with the same splits',
        String(other.splits),
        'use one',
      );
    appendAll(this.rows, other.rows);
  }

  compute(): InceptionResult {
    const { rows, splits } = this;
    if (rows.length < splits) throw empty('IS');
    const scores = Array.from({ length: splits }, (_, s) => {
      const part = rows.slice(
        Math.floor((s * rows.length) / splits),
        Math.floor(((s + 1) * rows.length) / splits),
      );
      const marginal = part[0]!.map((_, k) => {
        const sum = new ExactSum();
        for (const row of part) sum.add(row[k]!);
        return sum.value() / part.length;
      });
      let divergence = 0;
      for (const row of part) {
        for (const [k, p] of row.entries()) if (p > 0) divergence += p * Math.log(p / marginal[k]!);
      }
      return Math.exp(divergence / part.length);
    });
    const mean = scores.reduce((a, b) => a + b, 0) / splits;
    const squares = scores.reduce((sum, x) => sum + (x - mean) ** 2, 0);
    return { score: mean, standardDeviation: splits > 1 ? Math.sqrt(squares / (splits - 1)) : 0 };
  }
}
