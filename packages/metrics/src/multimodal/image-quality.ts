import { checkFinite, checkInteger, MetricError, show } from '../errors.js';
import { AdditiveMetric, type AdditiveOptions, formatSignature, type Scored } from '../metric.js';

/** An image, channel by channel. */
export interface ImageData64 {
  /** Finite values, [channels, height, width]. */
  readonly data: ArrayLike<number>;
  readonly channels: number;
  readonly height: number;
  readonly width: number;
}

/** A generated or distorted image and the image it should be. */
export interface ImagePair {
  readonly prediction: ImageData64;
  readonly target: ImageData64;
}

function checkPair(subject: string, { prediction, target }: ImagePair): void {
  for (const image of [prediction, target]) {
    for (const side of ['channels', 'height', 'width'] as const)
      checkInteger(subject, side, image?.[side], 1);
    if (image.data?.length !== image.channels * image.height * image.width) {
      throw new MetricError(
        'E_INPUT',
        subject,
        'data must have channels x height x width values',
        show(image.data?.length),
        'check the shape',
      );
    }
    for (let i = 0; i < image.data.length; i++) checkFinite(subject, 'a pixel', image.data[i]!);
  }
  if (
    prediction.channels !== target.channels ||
    prediction.height !== target.height ||
    prediction.width !== target.width
  ) {
    const shape = (i: ImageData64): string => `[${i.channels}, ${i.height}, ${i.width}]`;
    throw new MetricError(
      'E_INPUT',
      subject,
      'both images must have one shape',
      `${shape(prediction)} and ${shape(target)}`,
      'resize one',
    );
  }
}

/** Settings of {@link Ssim} and {@link MultiScaleSsim}. */
export interface SsimOptions extends AdditiveOptions {
  /** Largest minus smallest possible value: 1 for [0, 1], 255 for bytes. */
  readonly dataRange: number;
  /** Standard deviation of the Gaussian window in pixels. Default 1.5, an 11 x 11 window. */
  readonly sigma?: number;
  /** Default 0.01. */
  readonly k1?: number;
  /** Default 0.03. */
  readonly k2?: number;
}

interface Window {
  readonly weights: Float64Array;
  readonly radius: number;
  readonly c1: number;
  readonly c2: number;
}

function windowOf(subject: string, { dataRange, sigma = 1.5, k1 = 0.01, k2 = 0.03 }: SsimOptions): Window {
  for (const [name, value] of Object.entries({ dataRange, sigma })) {
    if (!(value > 0 && Number.isFinite(value))) {
      throw new MetricError('E_INPUT', subject, `${name} must be positive`, show(value), `set ${name}`);
    }
  }
  const radius = Math.floor(3.5 * sigma + 0.5);
  const weights = Float64Array.from({ length: 2 * radius + 1 }, (_, i) =>
    Math.exp(-(((i - radius) / sigma) ** 2) / 2),
  );
  const sum = weights.reduce((a, b) => a + b, 0);
  return {
    weights: weights.map((w) => w / sum),
    radius,
    c1: (k1 * dataRange) ** 2,
    c2: (k2 * dataRange) ** 2,
  };
}

/** One channel as a plane. */
interface Plane {
  readonly values: Float64Array;
  readonly height: number;
  readonly width: number;
}

/** Gaussian blur with mirrored edges (the edge pixel itself is not repeated). */
function blur({ values, height, width }: Plane, { weights, radius }: Window): Float64Array {
  const mirror = (i: number, n: number): number => (i < 0 ? -i : i >= n ? 2 * n - 2 - i : i);
  const rows = new Float64Array(values.length);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      let sum = 0;
      for (let k = -radius; k <= radius; k++)
        sum += weights[k + radius]! * values[y * width + mirror(x + k, width)]!;
      rows[y * width + x] = sum;
    }
  }
  const out = new Float64Array(values.length);
  for (let y = 0; y < height; y++) {
    for (let k = -radius; k <= radius; k++) {
      const weight = weights[k + radius]!;
      const from = mirror(y + k, height) * width;
      for (let x = 0; x < width; x++) out[y * width + x]! += weight * rows[from + x]!;
    }
  }
  return out;
}

/** Mean SSIM over the plane, and the mean contrast-structure term away from the edges. */
function compare(a: Plane, b: Plane, window: Window): { ssim: number; contrast: number } {
  const { height, width } = a;
  const product = (x: Float64Array, y: Float64Array): Plane => ({
    values: x.map((v, i) => v * y[i]!),
    height,
    width,
  });
  const meanA = blur(a, window);
  const meanB = blur(b, window);
  const squareA = blur(product(a.values, a.values), window);
  const squareB = blur(product(b.values, b.values), window);
  const cross = blur(product(a.values, b.values), window);
  const { radius, c1, c2 } = window;
  let ssim = 0;
  let contrast = 0;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const i = y * width + x;
      const ma = meanA[i]!;
      const mb = meanB[i]!;
      const variances = Math.max(0, squareA[i]! - ma * ma) + Math.max(0, squareB[i]! - mb * mb);
      const structure = (2 * (cross[i]! - ma * mb) + c2) / (variances + c2);
      ssim += ((2 * ma * mb + c1) / (ma * ma + mb * mb + c1)) * structure;
      if (y >= radius && y < height - radius && x >= radius && x < width - radius) contrast += structure;
    }
  }
  return {
    ssim: ssim / (height * width),
    contrast: contrast / ((height - 2 * radius) * (width - 2 * radius)),
  };
}

const planesOf = ({ data, channels, height, width }: ImageData64): Plane[] =>
  Array.from({ length: channels }, (_, c) => ({
    values: Float64Array.from({ length: height * width }, (_, i) => data[c * height * width + i]!),
    height,
    width,
  }));

/**
 * Structural similarity, averaged over pixels, channels and images.
 *
 * SSIM = (2 μ_x μ_y + c₁)(2 σ_xy + c₂) / ((μ_x² + μ_y² + c₁)(σ_x² + σ_y² + c₂)), Gaussian window. Wang et al. 2004; equal
 * to torchmetrics (mirrored edges included in the mean). scikit-image by default takes a flat 7 x 7 window, crops the
 * edges and divides by n - 1.
 *
 * @example
 * const image = { data: Float64Array.from({ length: 144 }, (_, i) => i / 144), channels: 1, height: 12, width: 12 };
 * const ssim = new Ssim({ dataRange: 1 });
 * ssim.update([{ prediction: image, target: image }]);
 * ssim.compute().score.toFixed(9); // => '1.000000000'
 */
export class Ssim extends AdditiveMetric<ImagePair, Scored> {
  readonly name = 'SSIM';
  readonly width = 1;
  private readonly window: Window;

  constructor(private readonly options: SsimOptions) {
    super(options);
    this.window = windowOf('SSIM', options);
  }

  signature(): string {
    const { dataRange, sigma = 1.5, k1 = 0.01, k2 = 0.03 } = this.options;
    return formatSignature({ range: dataRange, sigma, k1, k2 });
  }

  protected statistics(pair: ImagePair, row: Float64Array): void {
    checkPair('SSIM', pair);
    const { height, width } = pair.target;
    if (Math.min(height, width) <= this.window.radius) {
      throw new MetricError(
        'E_INPUT',
        'SSIM',
        `images must exceed ${this.window.radius} pixels a side`,
        `${height} x ${width}`,
        'lower sigma',
      );
    }
    const targets = planesOf(pair.target);
    const values = planesOf(pair.prediction).map((plane, c) => compare(plane, targets[c]!, this.window).ssim);
    row[0] = values.reduce((a, b) => a + b, 0) / values.length;
  }

  protected result(totals: Float64Array, count: number): Scored {
    return { score: totals[0]! / count };
  }
}

/** Weights of the five scales (Wang, Simoncelli and Bovik 2003). */
const SCALE_WEIGHTS = [0.0448, 0.2856, 0.3001, 0.2363, 0.1333];

function halve({ values, height, width }: Plane): Plane {
  const h = height >> 1;
  const w = width >> 1;
  const out = new Float64Array(h * w);
  for (let y = 0; y < h; y++) {
    for (let x = 0; x < w; x++) {
      const at = 2 * y * width + 2 * x;
      out[y * w + x] = (values[at]! + values[at + 1]! + values[at + width]! + values[at + width + 1]!) / 4;
    }
  }
  return { values: out, height: h, width: w };
}

/**
 * Multi-scale SSIM: contrast terms of five scales, halved by averaging in between, and the SSIM of the coarsest.
 *
 * Wang, Simoncelli and Bovik 2003; equal to torchmetrics with `normalize='relu'` (its default), where negative terms
 * count as 0. Images need 176 pixels a side with the default window.
 *
 * @example
 * const data = Float64Array.from({ length: 176 * 176 }, (_, i) => (i * 7919) % 256);
 * const image = { data, channels: 1, height: 176, width: 176 };
 * const ssim = new MultiScaleSsim({ dataRange: 255 });
 * ssim.update([{ prediction: image, target: image }]);
 * ssim.compute().score.toFixed(9); // => '1.000000000'
 */
export class MultiScaleSsim extends AdditiveMetric<ImagePair, Scored> {
  readonly name = 'MS-SSIM';
  readonly width = 1;
  private readonly window: Window;

  constructor(private readonly options: SsimOptions) {
    super(options);
    this.window = windowOf('MS-SSIM', options);
  }

  signature(): string {
    const { dataRange, sigma = 1.5, k1 = 0.01, k2 = 0.03 } = this.options;
    return formatSignature({ range: dataRange, sigma, k1, k2 });
  }

  protected statistics(pair: ImagePair, row: Float64Array): void {
    checkPair('MS-SSIM', pair);
    const { height, width } = pair.target;
    // The coarsest of five planes, a sixteenth as high and wide, must hold a whole window.
    const least = (2 * this.window.radius + 1) * 2 ** (SCALE_WEIGHTS.length - 1);
    if (Math.min(height, width) < least) {
      throw new MetricError(
        'E_INPUT',
        'MS-SSIM',
        `images must have ${least} pixels a side`,
        `${height} x ${width}`,
        'use Ssim',
      );
    }
    let a = planesOf(pair.prediction);
    let b = planesOf(pair.target);
    let product = 1;
    SCALE_WEIGHTS.forEach((weight, scale) => {
      const last = scale === SCALE_WEIGHTS.length - 1;
      const terms = a.map((plane, c) => compare(plane, b[c]!, this.window)[last ? 'ssim' : 'contrast']);
      product *= Math.max(0, terms.reduce((x, y) => x + y, 0) / terms.length) ** weight;
      a = a.map(halve);
      b = b.map(halve);
    });
    row[0] = product;
  }

  protected result(totals: Float64Array, count: number): Scored {
    return { score: totals[0]! / count };
  }
}

/**
 * Peak signal-to-noise ratio in decibels: 10 log₁₀(range² / MSE), the error averaged over all pixels of all images.
 *
 * Huynh-Thu and Ghanbari 2008 on what it can tell. Pooled as torchmetrics does by default (with `dim` it averages per image);
 * the mean of each image's own PSNR is another number. Infinity for identical images.
 *
 * @example
 * const image = (...data: number[]) => ({ data, channels: 1, height: 1, width: 2 });
 * const psnr = new Psnr({ dataRange: 10 });
 * psnr.update([{ prediction: image(0, 1), target: image(1, 0) }]);
 * psnr.compute().score; // => 20
 */
export class Psnr extends AdditiveMetric<ImagePair, Scored> {
  readonly name = 'PSNR';
  readonly width = 2;
  private readonly dataRange: number;

  constructor(options: AdditiveOptions & { readonly dataRange: number }) {
    super(options);
    this.dataRange = options.dataRange;
    if (!(this.dataRange > 0 && Number.isFinite(this.dataRange))) {
      throw new MetricError(
        'E_INPUT',
        'PSNR',
        'dataRange must be positive',
        show(this.dataRange),
        'set it to 1 or 255',
      );
    }
  }

  signature(): string {
    return formatSignature({ range: this.dataRange });
  }

  protected statistics(pair: ImagePair, row: Float64Array): void {
    checkPair('PSNR', pair);
    const a = pair.prediction.data;
    const b = pair.target.data;
    for (let i = 0; i < a.length; i++) row[0]! += (a[i]! - b[i]!) ** 2;
    row[1] = a.length;
  }

  protected result(totals: Float64Array): Scored {
    return { score: 10 * Math.log10((this.dataRange ** 2 * totals[1]!) / totals[0]!) };
  }
}
