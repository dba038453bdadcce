import { DTYPES, requireFloat } from '../dtype.js';
import { TensorError } from '../errors.js';
import { apply1, describe, type OpDefinition, operation } from '../op.js';
import { Kernel } from '../runtime.js';
import { checkShape, type Shape, sizeOf } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { type Pair, pairOf } from './conv2d.js';
import { planeShape, planeView } from './pooling.js';

/** How {@link interpolate} reads between pixels. */
export type InterpolationMode = 'nearest' | 'bilinear';

/** Options of {@link interpolate}: a size or a scale. */
export interface InterpolateOptions {
  /** Of the result. */
  size?: Pair;
  /** Output pixels per input pixel; the size is its floor. */
  scaleFactor?: number | readonly [number, number];
  /** Default 'nearest'. */
  mode?: InterpolationMode;
  /** Bilinear only: the centres of the corner pixels meet, rather than the images' edges. Default false. */
  alignCorners?: boolean;
}

interface InterpolateAttrs {
  size: readonly [number, number];
  /** Input pixels per output pixel. */
  scale: readonly [number, number];
  bilinear: boolean;
  alignCorners: boolean;
}

const forwardKernel = new Kernel('interpolate', 'i:bilinear;i:align_corners;d:scale_h;d:scale_w;');
const gradKernel = new Kernel('interpolate_grad', 'i:bilinear;i:align_corners;d:scale_h;d:scale_w;');

const kernelAttrs = ({ bilinear, alignCorners, scale }: InterpolateAttrs): number[] => [
  bilinear ? 1 : 0,
  alignCorners ? 1 : 0,
  ...scale,
];

// The two pixels that output o reads along an axis, and the weight of the second.
function taps(
  { size, scale, bilinear, alignCorners }: InterpolateAttrs,
  axis: 0 | 1,
  o: number,
  length: number,
): { low: number; high: number; part: number } {
  if (!bilinear) {
    const i = Math.min(Math.floor(o * scale[axis]), length - 1);
    return { low: i, high: i, part: 0 };
  }
  const step = alignCorners ? (size[axis] > 1 ? (length - 1) / (size[axis] - 1) : 0) : scale[axis];
  const from = alignCorners ? o * step : Math.max(0, (o + 0.5) * step - 0.5);
  const low = Math.min(Math.trunc(from), length - 1);
  return { low, high: Math.min(low + 1, length - 1), part: Math.min(1, from - low) };
}

// Calls f with every output and the taps it reads: rows, columns, and the first element of its plane.
function eachOutput(
  shape: Shape,
  attrs: InterpolateAttrs,
  f: (y: number, plane: number, rows: ReturnType<typeof taps>, columns: ReturnType<typeof taps>) => void,
): void {
  const [N, C, H, W] = shape as [number, number, number, number];
  const [OH, OW] = attrs.size;
  for (let p = 0; p < N * C; p++)
    for (let t = 0; t < OH; t++)
      for (let u = 0; u < OW; u++)
        f((p * OH + t) * OW + u, p * H * W, taps(attrs, 0, t, H), taps(attrs, 1, u, W));
}

const gradient: OpDefinition<InterpolateAttrs & { shape: Shape }> = {
  name: 'interpolateGrad',
  infer: ([dy], { shape }) => [{ shape, dtype: dy!.dtype }],
  reference([dy], attrs) {
    const dx = new Float64Array(sizeOf(attrs.shape));
    const W = attrs.shape[3]!;
    eachOutput(attrs.shape, attrs, (y, plane, rows, columns) => {
      for (const [h, a] of [
        [rows.low, 1 - rows.part],
        [rows.high, rows.part],
      ] as const) {
        dx[plane + h * W + columns.low]! += a * (1 - columns.part) * dy!.data[y]!;
        dx[plane + h * W + columns.high]! += a * columns.part * dy!.data[y]!;
      }
    });
    return [dx];
  },
  native: ([dy], attrs) => ({
    kernel: gradKernel,
    inputs: [planeView(dy!)],
    outputShapes: [planeShape(attrs.shape)],
    attrs: kernelAttrs(attrs),
  }),
};

const definition: OpDefinition<InterpolateAttrs> = {
  name: 'interpolate',
  infer([x], { size }) {
    requireFloat('interpolate', x!.dtype);
    if (x!.shape[2]! < 1 || x!.shape[3]! < 1 || size[0] < 1 || size[1] < 1)
      throw new TensorError(
        'E_SHAPE',
        'interpolate',
        'images must have pixels, before and after',
        `${describe(x!)} to [${size}]`,
      );
    const shape = [x!.shape[0]!, x!.shape[1]!, ...size];
    checkShape('interpolate', shape);
    return [{ shape, dtype: x!.dtype }];
  },
  reference([x], attrs, [y]) {
    const values = new Float64Array(sizeOf(y!.shape));
    const W = x!.shape[3]!;
    eachOutput(x!.shape, attrs, (at, plane, rows, columns) => {
      const pixel = (h: number, w: number) => x!.data[plane + h * W + w]!;
      if (!attrs.bilinear) {
        values[at] = pixel(rows.low, columns.low);
        return;
      }
      const meet = (w: number) => (1 - rows.part) * pixel(rows.low, w) + rows.part * pixel(rows.high, w);
      values[at] = (1 - columns.part) * meet(columns.low) + columns.part * meet(columns.high);
    });
    return [values];
  },
  native: ([x], attrs, [y]) => ({
    kernel: forwardKernel,
    inputs: [planeView(x!)],
    outputShapes: [planeShape(y!.shape)],
    attrs: kernelAttrs(attrs),
  }),
  grad: (ctx, [dy]) => [apply1(gradient, [dy], { ...ctx.attrs, shape: ctx.inputSpecs[0]!.shape })],
  cost: ([x], _, [y]) => ({
    flops: 6 * sizeOf(y!.shape),
    bytes: (x!.size + sizeOf(y!.shape)) * DTYPES[x!.dtype].bytes,
  }),
};

const wrong = (rule: string, received: unknown) =>
  new TensorError('E_FORMAT', 'interpolate', rule, JSON.stringify(received) ?? 'nothing');

function attrsOf(
  x: Tensor,
  { size, scaleFactor, mode = 'nearest', alignCorners = false }: InterpolateOptions,
): InterpolateAttrs {
  if (mode !== 'nearest' && mode !== 'bilinear') throw wrong("mode must be 'nearest' or 'bilinear'", mode);
  if (alignCorners && mode === 'nearest') throw wrong('alignCorners needs mode bilinear', mode);
  if ((size === undefined) === (scaleFactor === undefined))
    throw wrong('size or scaleFactor must be given, not both', { size, scaleFactor });
  const common = { bilinear: mode === 'bilinear', alignCorners };
  if (size !== undefined) {
    const out = pairOf('interpolate', 'size', size, 1);
    return { ...common, size: out, scale: [x.shape[2]! / out[0], x.shape[3]! / out[1]] };
  }
  const factors: readonly number[] =
    typeof scaleFactor === 'number' ? [scaleFactor, scaleFactor] : scaleFactor!;
  if (factors.length !== 2 || !factors.every((f) => f > 0 && Number.isFinite(f)))
    throw wrong('scaleFactor must be a positive number, or two', scaleFactor);
  const out = factors.map((f, a) => Math.floor(x.shape[2 + a]! * f)) as [number, number];
  return { ...common, size: out, scale: [1 / factors[0]!, 1 / factors[1]!] };
}

/**
 * Images resized. Nearest: pixel floor(o / scale). Bilinear: the position (o + 1/2) / scale - 1/2 (not below 0), or
 * o (in - 1) / (out - 1) with aligned corners, between its two neighbours along each axis. PyTorch's interpolate.
 *
 * @param x float, [N, C, H, W]
 * @param options.size of the result, or options.scaleFactor
 * @returns [N, C, OH, OW]
 * @throws TensorError E_SHAPE, E_DTYPE, E_FORMAT for options that do not fit together
 * @example
 * interpolate(tensor([[[[0, 1]]]]), { size: [1, 3], mode: 'bilinear', alignCorners: true }).toArray(); // => [[[[0, 0.5, 1]]]]
 */
export const interpolate = operation(definition, (x: Tensor, options: InterpolateOptions): Tensor => {
  x.assertAlive('interpolate');
  if (x.rank !== 4) throw new TensorError('E_SHAPE', 'interpolate', 'x must be [N, C, H, W]', describe(x));
  return apply1(definition, [x], attrsOf(x, options));
});
