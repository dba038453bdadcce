import { requireFloat } from '../dtype.js';
import { TensorError } from '../errors.js';
import { apply1, describe, type OpDefinition, operation } from '../op.js';
import { checkShape } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { averageCall, averageGradient, averageReference, type Windows } from './avgPool2d.js';
import { type Pair, pairOf } from './conv2d.js';

// Window o of n over `size` elements: floor(o size / n) up to ceil((o + 1) size / n).
const windowsOf = (size: readonly [number, number]): Windows => ({
  at(axis, o, length) {
    const first = Math.floor((o * length) / size[axis]);
    const last = Math.ceil(((o + 1) * length) / size[axis]);
    return { first, last, padded: last - first };
  },
  countIncludePad: false,
  kernelAttrs: [1, 1, 1, 1, 0, 0, 0, 1],
});

const definition: OpDefinition<{ size: readonly [number, number] }> = {
  name: 'adaptiveAvgPool2d',
  infer([x], { size }) {
    requireFloat('adaptiveAvgPool2d', x!.dtype);
    if (x!.rank !== 4 || x!.shape[2]! < 1 || x!.shape[3]! < 1)
      throw new TensorError(
        'E_SHAPE',
        'adaptiveAvgPool2d',
        'x must be [N, C, H, W] with H and W at least 1',
        describe(x!),
      );
    const shape = [x!.shape[0]!, x!.shape[1]!, ...size];
    checkShape('adaptiveAvgPool2d', shape);
    return [{ shape, dtype: x!.dtype }];
  },
  reference: ([x], { size }, [y]) => averageReference(x!, windowsOf(size), y!),
  native: ([x], { size }, [y]) => averageCall(x!, windowsOf(size), y!),
  grad: (ctx, [dy]) => [
    apply1(averageGradient, [dy], { shape: ctx.inputSpecs[0]!.shape, windows: windowsOf(ctx.attrs.size) }),
  ],
};

/**
 * The means of windows as even as can be, so many along each axis; with size 1 the mean of the whole image.
 *
 * @param x float, [N, C, H, W]
 * @param size of the result
 * @returns [N, C, size, size]
 * @throws TensorError E_SHAPE, E_DTYPE, E_FORMAT unless sizes are positive integers
 * @example
 * adaptiveAvgPool2d(tensor([[[[1, 5, 3]]]]), [1, 2]).toArray(); // => [[[[3, 4]]]]
 */
export const adaptiveAvgPool2d = operation(
  definition,
  (x: Tensor, size: Pair): Tensor =>
    apply1(definition, [x], { size: pairOf('adaptiveAvgPool2d', 'size', size, 1) }),
);
