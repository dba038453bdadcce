import { DTYPES, requireFloat } from '../dtype.js';
import { TensorError } from '../errors.js';
import { toDense } from '../layout.js';
import { apply1, describe, type OpDefinition, operation, type RefArray } from '../op.js';
import { Kernel, type OutputSpec } from '../runtime.js';
import { checkShape, type Shape, sizeOf } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { sum } from './sum.js';

/** A size along height and width, or one number for both. */
export type Pair = number | readonly [number, number];

/** Zeros around the image: a number for every side, one for each axis, or by name. */
export type Padding = Pair | 'same' | 'valid';

/** Options of {@link conv2d}. */
export interface ConvOptions {
  /** Default 1. */
  stride?: Pair;
  /** Default 0. 'same' keeps the size (stride 1 only; the odd zero goes at the end), 'valid' is 0. */
  padding?: Padding;
  /** Distance between the taps of the kernel. Default 1. */
  dilation?: Pair;
  /** Channels are cut into so many groups that do not see each other. Default 1. */
  groups?: number;
}

/** What a convolution is, with sizes by axis: height, then width. */
export interface ConvAttrs {
  readonly stride: readonly [number, number];
  readonly before: readonly [number, number];
  readonly after: readonly [number, number];
  readonly dilation: readonly [number, number];
  readonly groups: number;
}

const forwardKernel = new Kernel(
  'conv2d',
  'i:stride_h;i:stride_w;i:pad_h;i:pad_w;i:dilation_h;i:dilation_w;i:groups;',
);
const inputKernel = new Kernel(
  'conv2d_grad_input',
  'i:stride_h;i:stride_w;i:pad_h;i:pad_w;i:dilation_h;i:dilation_w;i:groups;',
);
const weightKernel = new Kernel(
  'conv2d_grad_weight',
  'i:stride_h;i:stride_w;i:pad_h;i:pad_w;i:dilation_h;i:dilation_w;i:groups;',
);

const kernelAttrs = ({ stride, before, dilation, groups }: ConvAttrs): number[] => [
  ...stride,
  ...before,
  ...dilation,
  groups,
];

// Calls f with the offsets of every product of a convolution: into y, into x (-1: a zero of the padding), into w.
function eachProduct(
  x: { shape: Shape },
  w: { shape: Shape },
  y: { shape: Shape },
  { stride, before, dilation, groups }: ConvAttrs,
  f: (y: number, x: number, w: number) => void,
): void {
  const [N, C, H, W] = x.shape as [number, number, number, number];
  const [O, inGroup, kh, kw] = w.shape as [number, number, number, number];
  const [OH, OW] = y.shape.slice(2) as [number, number];
  let at = 0;
  for (let n = 0; n < N; n++)
    for (let o = 0; o < O; o++) {
      const group = Math.floor(o / (O / groups));
      for (let oh = 0; oh < OH; oh++)
        for (let ow = 0; ow < OW; ow++, at++)
          for (let c = 0; c < inGroup; c++)
            for (let i = 0; i < kh; i++)
              for (let j = 0; j < kw; j++) {
                const h = oh * stride[0] - before[0] + i * dilation[0];
                const v = ow * stride[1] - before[1] + j * dilation[1];
                const inside = h >= 0 && h < H && v >= 0 && v < W;
                f(
                  at,
                  inside ? ((n * C + group * inGroup + c) * H + h) * W + v : -1,
                  ((o * inGroup + c) * kh + i) * kw + j,
                );
              }
    }
}

interface GradAttrs extends ConvAttrs {
  /** Of the gradient. */
  shape: Shape;
}

const inputGradient: OpDefinition<GradAttrs> = {
  name: 'conv2dGradInput',
  infer: ([w], { shape }) => [{ shape, dtype: w!.dtype }],
  reference([w, dy], attrs) {
    const dx = new Float64Array(sizeOf(attrs.shape));
    eachProduct(attrs, w!, dy!, attrs, (y, x, k) => {
      if (x >= 0) dx[x]! += dy!.data[y]! * w!.data[k]!;
    });
    return [dx];
  },
  native: ([w, dy], attrs) => ({
    kernel: inputKernel,
    inputs: [toDense(w!), toDense(dy!)],
    attrs: kernelAttrs(attrs),
  }),
};

const weightGradient: OpDefinition<GradAttrs> = {
  name: 'conv2dGradWeight',
  infer: ([x], { shape }) => [{ shape, dtype: x!.dtype }],
  reference([x, dy], attrs) {
    const dw = new Float64Array(sizeOf(attrs.shape));
    eachProduct(x!, attrs, dy!, attrs, (y, at, k) => {
      if (at >= 0) dw[k]! += dy!.data[y]! * x!.data[at]!;
    });
    return [dw];
  },
  native: ([x, dy], attrs) => ({
    kernel: weightKernel,
    inputs: [toDense(x!), toDense(dy!)],
    attrs: kernelAttrs(attrs),
  }),
};

/** The shape of a convolution's result. @throws TensorError E_SHAPE, E_DTYPE */
export function inferConv(inputs: readonly Tensor[], attrs: ConvAttrs): OutputSpec {
  const [x, w, b] = inputs as [Tensor, Tensor, Tensor | undefined];
  const { stride, before, after, dilation, groups } = attrs;
  requireFloat('conv2d', x.dtype);
  if (inputs.some((t) => t.dtype !== x.dtype))
    throw new TensorError(
      'E_DTYPE',
      'conv2d',
      'x, weight and bias must have one dtype',
      describe(...inputs),
      'cast one of them',
    );
  if (x.rank !== 4 || w.rank !== 4 || x.shape[1] !== w.shape[1]! * groups || w.shape[0]! % groups !== 0)
    throw new TensorError(
      'E_SHAPE',
      'conv2d',
      `x must be [N, C, H, W] and weight [O, C / groups, kh, kw], groups (${groups}) dividing C and O`,
      describe(x, w),
    );
  if (b && (b.rank !== 1 || b.shape[0] !== w.shape[0]))
    throw new TensorError('E_SHAPE', 'conv2d', 'bias must be [O]', describe(w, b));
  const sizes = [0, 1].map((a) => {
    const padded = x.shape[2 + a]! + before[a]! + after[a]!;
    const span = dilation[a]! * (w.shape[2 + a]! - 1) + 1;
    if (w.shape[2 + a]! < 1 || span > padded)
      throw new TensorError(
        'E_SHAPE',
        'conv2d',
        'the kernel, dilated, must have an element and fit into the padded image',
        `${describe(x, w)} (${span} in ${padded})`,
        'pad more, or use a smaller kernel',
      );
    return Math.floor((padded - span) / stride[a]!) + 1;
  });
  const shape = [x.shape[0]!, w.shape[0]!, ...sizes];
  checkShape('conv2d', shape);
  return { shape, dtype: x.dtype };
}

/** Every output is a sum of products; zeros of the padding are multiplied too. */
export function convReference(
  [x, w, b]: readonly RefArray[],
  attrs: ConvAttrs,
  [y]: readonly OutputSpec[],
): Float64Array[] {
  const [, O, OH, OW] = y!.shape as [number, number, number, number];
  const values = new Float64Array(sizeOf(y!.shape));
  if (b)
    values.forEach((_, i) => {
      values[i] = b.data[Math.floor(i / (OH * OW)) % O]!;
    });
  eachProduct(x!, w!, y!, attrs, (at, from, k) => {
    values[at]! += (from < 0 ? 0 : x!.data[from]!) * w!.data[k]!;
  });
  return [values];
}

const definition: OpDefinition<ConvAttrs> = {
  name: 'conv2d',
  infer: (inputs, attrs) => [inferConv(inputs, attrs)],
  reference: convReference,
  native: (inputs, attrs) => ({
    kernel: forwardKernel,
    inputs: inputs.map((t) => toDense(t)),
    attrs: kernelAttrs(attrs),
  }),
  saves: { inputs: [0, 1] },
  grad(ctx, [dy]) {
    const [x, w] = ctx.inputSpecs as [OutputSpec, OutputSpec];
    const gradients = [
      ctx.needs(0) ? apply1(inputGradient, [ctx.input(1), dy], { ...ctx.attrs, shape: x.shape }) : null,
      ctx.needs(1) ? apply1(weightGradient, [ctx.input(0), dy], { ...ctx.attrs, shape: w.shape }) : null,
    ];
    return ctx.inputSpecs.length === 3 ? [...gradients, ctx.needs(2) ? sum(dy, [0, 2, 3]) : null] : gradients;
  },
  cost: ([x, w], _, [y]) => ({
    flops: 2 * sizeOf(y!.shape) * sizeOf(w!.shape.slice(1)),
    bytes: (x!.size + w!.size + sizeOf(y!.shape)) * DTYPES[x!.dtype].bytes,
  }),
};

/** One number for both axes, or one for each. @throws TensorError E_FORMAT unless integers of at least `least` */
export function pairOf(op: string, what: string, value: Pair, least: number): readonly [number, number] {
  const pair: readonly number[] = typeof value === 'number' ? [value, value] : value;
  if (pair.length !== 2 || !pair.every((v) => Number.isSafeInteger(v) && v >= least && v < 2 ** 31))
    throw new TensorError(
      'E_FORMAT',
      op,
      `${what} must be an integer of at least ${least}, or two`,
      JSON.stringify(value),
    );
  return pair as unknown as readonly [number, number];
}

/** Checked options with 'same' and 'valid' worked out. @throws TensorError E_FORMAT */
export function convAttrs(
  op: string,
  kernel: Shape,
  { stride = 1, padding = 0, dilation = 1, groups = 1 }: ConvOptions,
): ConvAttrs {
  const steps = pairOf(op, 'stride', stride, 1);
  const spread = pairOf(op, 'dilation', dilation, 1);
  if (!Number.isSafeInteger(groups) || groups < 1)
    throw new TensorError('E_FORMAT', op, 'groups must be a positive integer', `${groups}`);
  if (padding !== 'same') {
    const pad = padding === 'valid' ? ([0, 0] as const) : pairOf(op, 'padding', padding as Pair, 0);
    return { stride: steps, before: pad, after: pad, dilation: spread, groups };
  }
  if (steps[0] !== 1 || steps[1] !== 1)
    throw new TensorError(
      'E_FORMAT',
      op,
      "padding 'same' needs stride 1",
      JSON.stringify(stride),
      'give numbers',
    );
  const total = spread.map((d, a) => d * (kernel[a]! - 1));
  const before = total.map((t) => Math.floor(t / 2));
  return {
    stride: steps,
    before: [before[0]!, before[1]!],
    after: [total[0]! - before[0]!, total[1]! - before[1]!],
    dilation: spread,
    groups,
  };
}

/**
 * Cross-correlation of images with a kernel, as deep learning calls convolution:
 * y[n, o, t, u] = bias[o] + sum over c, i, j of weight[o, c, i, j] x[n, c, t stride - padding + i dilation, ...],
 * zero outside the image; c runs over the channels of o's group.
 *
 * LeCun et al., Gradient-Based Learning Applied to Document Recognition, 1998; PyTorch's conv2d.
 *
 * @param x float, [N, C, H, W]
 * @param weight [O, C / groups, kh, kw], of x's dtype
 * @param bias [O], or null
 * @returns [N, O, OH, OW], OH = floor((H + padding - dilation (kh - 1) - 1) / stride) + 1, padding of both sides
 * @throws TensorError E_SHAPE, E_DTYPE, E_FORMAT for options that are not such numbers
 * @example
 * conv2d(ones([1, 3, 8, 8]), ones([4, 3, 3, 3]), null, { padding: 'same' }).shape; // => [1, 4, 8, 8]
 */
export const conv2d = operation(
  definition,
  (x: Tensor, weight: Tensor, bias?: Tensor | null, options: ConvOptions = {}): Tensor =>
    apply1(
      definition,
      bias ? [x, weight, bias] : [x, weight],
      convAttrs('conv2d', weight.shape.slice(2), options),
    ),
);
