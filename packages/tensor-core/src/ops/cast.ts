import { DTYPES, type DType, isFloat } from '../dtype.js';
import { TensorError } from '../errors.js';
import { apply1, type OpDefinition, operation } from '../op.js';
import { Kernel } from '../runtime.js';
import type { Tensor } from '../tensor.js';
import { reshape } from './reshape.js';

const kernel = new Kernel('copy', '');

const definition: OpDefinition<{ dtype: DType; from: DType }> = {
  name: 'cast',
  infer: ([x], { dtype }) => {
    if (!(dtype in DTYPES))
      throw new TensorError(
        'E_DTYPE',
        'cast',
        `dtype must be one of ${Object.keys(DTYPES).join(', ')}`,
        `'${dtype}'`,
      );
    return [{ shape: x!.shape, dtype }];
  },
  // Integers keep their low bits, which is what rounding to a dtype does; floats stop at its ends.
  reference: ([x], { dtype, from }) => [
    dtype === 'u8' && isFloat(from)
      ? x!.data.map((v) => Math.max(0, Math.min(255, v)))
      : dtype === 'i8' && isFloat(from)
        ? x!.data.map((v) => Math.max(-128, Math.min(127, v)))
        : x!.data,
  ],
  native: (inputs) => ({ kernel, inputs }),
  grad: (ctx, [dy]) => [cast(dy, ctx.inputSpecs[0]!.dtype)],
  cost: ([x], { dtype }) => ({ flops: 0, bytes: x!.size * (DTYPES[x!.dtype].bytes + DTYPES[dtype].bytes) }),
};

/**
 * The same values in another dtype: floats round to nearest even, float to integer truncates toward zero, and
 * anything but 0 is true. Floats beyond an integer dtype become its nearest end and NaN becomes 0; integers beyond it
 * keep their low bits. Returns a view when the dtype is already right.
 *
 * @param x any shape
 * @throws TensorError E_DTYPE for an unknown dtype
 * @example
 * const half = x.cast('bf16');
 */
export const cast = operation(
  definition,
  (x: Tensor, dtype: DType): Tensor =>
    x.dtype === dtype ? reshape(x, x.shape) : apply1(definition, [x], { dtype, from: x.dtype }),
);
