import { DTYPES, requireFloat } from '../dtype.js';
import { apply1, type OpDefinition, operation, type RefArray } from '../op.js';
import { Kernel, type OutputSpec } from '../runtime.js';
import { type Shape, sizeOf } from '../shape.js';
import type { Tensor } from '../tensor.js';
import type { Pair } from './conv2d.js';
import type { PoolOptions } from './maxPool2d.js';
import { type PoolAttrs, planeShape, planeView, poolAttrs, poolShape, windowOf } from './pooling.js';

/** Options of {@link avgPool2d}. */
export interface AvgPoolOptions extends PoolOptions {
  /** Divide by the window's places in the padded image rather than in the image. Default true. */
  countIncludePad?: boolean;
}

/** Which elements each output averages, and what their sum is divided by. */
export interface Windows {
  /** The first element and the one after the last, along height (0) or width (1). */
  at(axis: 0 | 1, o: number, size: number): { first: number; last: number; padded: number };
  readonly countIncludePad: boolean;
  /** As the kernels take them. */
  readonly kernelAttrs: readonly number[];
}

const forwardKernel = new Kernel(
  'avg_pool2d',
  'i:kernel_h;i:kernel_w;i:stride_h;i:stride_w;i:pad_h;i:pad_w;i:count_include_pad;i:adaptive;',
);
const gradKernel = new Kernel(
  'avg_pool2d_grad',
  'i:kernel_h;i:kernel_w;i:stride_h;i:stride_w;i:pad_h;i:pad_w;i:count_include_pad;i:adaptive;',
);

// Calls f with every output, the element it reads and that element's weight.
function eachShare(
  xShape: Shape,
  yShape: Shape,
  windows: Windows,
  f: (y: number, x: number, area: number) => void,
): void {
  const [H, W] = xShape.slice(2) as [number, number];
  const [OH, OW] = yShape.slice(2) as [number, number];
  for (let at = 0; at < sizeOf(yShape); at++) {
    const rows = windows.at(0, Math.floor(at / OW) % OH, H);
    const columns = windows.at(1, at % OW, W);
    const area = windows.countIncludePad
      ? rows.padded * columns.padded
      : (rows.last - rows.first) * (columns.last - columns.first);
    for (let h = rows.first; h < rows.last; h++)
      for (let w = columns.first; w < columns.last; w++)
        f(at, (Math.floor(at / (OH * OW)) * H + h) * W + w, area);
  }
}

/** The definition's parts that fixed and adaptive windows share. */
export function averageReference(x: RefArray, windows: Windows, y: OutputSpec): Float64Array[] {
  const sums = new Float64Array(sizeOf(y.shape));
  const areas = new Float64Array(sums.length);
  eachShare(x.shape, y.shape, windows, (at, from, area) => {
    sums[at]! += x.data[from]!;
    areas[at] = area;
  });
  return [sums.map((s, i) => s / areas[i]!)];
}

export const averageCall = (x: Tensor, windows: Windows, y: OutputSpec) => ({
  kernel: forwardKernel,
  inputs: [planeView(x)],
  outputShapes: [planeShape(y.shape)],
  attrs: windows.kernelAttrs,
});

/** The gradient of both. */
export const averageGradient: OpDefinition<{ shape: Shape; windows: Windows }> = {
  name: 'avgPool2dGrad',
  infer: ([dy], { shape }) => [{ shape, dtype: dy!.dtype }],
  reference([dy], { shape, windows }) {
    const dx = new Float64Array(sizeOf(shape));
    eachShare(shape, dy!.shape, windows, (y, x, area) => {
      dx[x]! += dy!.data[y]! / area;
    });
    return [dx];
  },
  native: ([dy], { shape, windows }) => ({
    kernel: gradKernel,
    inputs: [planeView(dy!)],
    outputShapes: [planeShape(shape)],
    attrs: windows.kernelAttrs,
  }),
};

interface AvgPoolAttrs extends PoolAttrs {
  countIncludePad: boolean;
}

const windowsOf = (attrs: AvgPoolAttrs): Windows => ({
  at: (axis, o, size) => windowOf(attrs, axis, o, size),
  countIncludePad: attrs.countIncludePad,
  kernelAttrs: [...attrs.kernel, ...attrs.stride, ...attrs.padding, attrs.countIncludePad ? 1 : 0, 0],
});

const definition: OpDefinition<AvgPoolAttrs> = {
  name: 'avgPool2d',
  infer([x], attrs) {
    requireFloat('avgPool2d', x!.dtype);
    return [{ shape: poolShape('avgPool2d', x!, attrs), dtype: x!.dtype }];
  },
  reference: ([x], attrs, [y]) => averageReference(x!, windowsOf(attrs), y!),
  native: ([x], attrs, [y]) => averageCall(x!, windowsOf(attrs), y!),
  grad: (ctx, [dy]) => [
    apply1(averageGradient, [dy], { shape: ctx.inputSpecs[0]!.shape, windows: windowsOf(ctx.attrs) }),
  ],
  cost: ([x], { kernel }, [y]) => ({
    flops: sizeOf(y!.shape) * kernel[0] * kernel[1],
    bytes: (x!.size + sizeOf(y!.shape)) * DTYPES[x!.dtype].bytes,
  }),
};

/**
 * The mean of each window, places of the padding counting as zeros (or, without `countIncludePad`, not at all).
 *
 * @param x float, [N, C, H, W]
 * @param kernel the window's size
 * @returns [N, C, OH, OW], sizes as {@link maxPool2d}'s
 * @throws TensorError E_SHAPE, E_DTYPE, E_FORMAT for sizes that are not such numbers
 * @example
 * avgPool2d(tensor([[[[1, 5], [3, 3]]]]), 2).item(); // => 3
 */
export const avgPool2d = operation(
  definition,
  (x: Tensor, kernel: Pair, { countIncludePad = true, ...options }: AvgPoolOptions = {}): Tensor =>
    apply1(definition, [x], { ...poolAttrs('avgPool2d', kernel, options), countIncludePad }),
);
