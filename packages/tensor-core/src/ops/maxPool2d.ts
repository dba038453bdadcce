import { DTYPES, requireFloat } from '../dtype.js';
import { apply, apply1, type OpDefinition, operation } from '../op.js';
import { Kernel } from '../runtime.js';
import { sizeOf } from '../shape.js';
import type { Tensor } from '../tensor.js';
import type { Pair } from './conv2d.js';
import { type PoolAttrs, planeShape, planeView, poolAttrs, poolShape, windowOf } from './pooling.js';

/** Options of {@link maxPool2d}. */
export interface PoolOptions {
  /** Default the kernel's size. */
  stride?: Pair;
  /** On every side; at most half the kernel. Default 0. */
  padding?: Pair;
  /** Let the last window hang over the end, as long as it begins inside. Default false. */
  ceilMode?: boolean;
}

const forwardKernel = new Kernel(
  'max_pool2d',
  'i:kernel_h;i:kernel_w;i:stride_h;i:stride_w;i:pad_h;i:pad_w;',
);
const gradKernel = new Kernel('max_pool2d_grad', '');

const gradient: OpDefinition<{ shape: readonly number[] }> = {
  name: 'maxPool2dGrad',
  infer: ([dy], { shape }) => [{ shape, dtype: dy!.dtype }],
  reference([dy, index], { shape }) {
    const dx = new Float64Array(sizeOf(shape));
    const area = sizeOf(shape.slice(2));
    const outputs = sizeOf(dy!.shape.slice(2));
    dy!.data.forEach((g, i) => {
      dx[Math.floor(i / outputs) * area + index!.data[i]!]! += g;
    });
    return [dx];
  },
  native: ([dy, index], { shape }) => ({
    kernel: gradKernel,
    inputs: [planeView(dy!), planeView(index!)],
    outputShapes: [planeShape(shape)],
  }),
};

const definition: OpDefinition<PoolAttrs> = {
  name: 'maxPool2d',
  infer([x], attrs) {
    requireFloat('maxPool2d', x!.dtype);
    const shape = poolShape('maxPool2d', x!, attrs);
    return [
      { shape, dtype: x!.dtype },
      { shape, dtype: 'i32' },
    ];
  },
  reference([x], attrs, [y]) {
    const [, , H, W] = x!.shape as [number, number, number, number];
    const [OH, OW] = y!.shape.slice(2) as [number, number];
    const values = new Float64Array(sizeOf(y!.shape));
    const index = new Float64Array(values.length);
    values.forEach((_, at) => {
      const plane = Math.floor(at / (OH * OW)) * H * W;
      const rows = windowOf(attrs, 0, Math.floor(at / OW) % OH, H);
      const columns = windowOf(attrs, 1, at % OW, W);
      let best = rows.first * W + columns.first;
      for (let h = rows.first; h < rows.last; h++)
        for (let w = columns.first; w < columns.last; w++) {
          const v = x!.data[plane + h * W + w]!;
          const top = x!.data[plane + best]!;
          if (v > top || (Number.isNaN(v) && !Number.isNaN(top))) best = h * W + w;
        }
      values[at] = x!.data[plane + best]!;
      index[at] = best;
    });
    return [values, index];
  },
  native: ([x], { kernel, stride, padding }, [y]) => ({
    kernel: forwardKernel,
    inputs: [planeView(x!)],
    outputShapes: [planeShape(y!.shape), planeShape(y!.shape)],
    attrs: [...kernel, ...stride, ...padding],
  }),
  saves: { outputs: [1] },
  grad: (ctx, [dy]) => [apply1(gradient, [dy, ctx.output(1)], { shape: ctx.inputSpecs[0]!.shape })],
  cost: ([x], { kernel }, [y]) => ({
    flops: sizeOf(y!.shape) * kernel[0] * kernel[1],
    bytes: (x!.size + sizeOf(y!.shape)) * DTYPES[x!.dtype].bytes,
  }),
};

/**
 * The largest element of each window; places of the padding never win. Of equal elements the first, row by row, gets
 * the gradient, and a NaN wins over numbers.
 *
 * @param x float, [N, C, H, W]
 * @param kernel the window's size
 * @returns [N, C, OH, OW], OH = floor((H + 2 padding - kernel) / stride) + 1, or its ceiling
 * @throws TensorError E_SHAPE, E_DTYPE, E_FORMAT for sizes that are not such numbers
 * @example
 * maxPool2d(tensor([[[[1, 5], [3, 2]]]]), 2).item(); // => 5
 */
export const maxPool2d = operation(
  definition,
  (x: Tensor, kernel: Pair, options: PoolOptions = {}): Tensor =>
    apply(definition, [x], poolAttrs('maxPool2d', kernel, options))[0]!,
);
