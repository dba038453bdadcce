import { DTYPES } from '../dtype.js';
import { apply1, type OpDefinition, operation } from '../op.js';
import type { Tensor } from '../tensor.js';
import { requireArithmetic } from './elementwise.js';

const definition: OpDefinition = {
  name: 'square',
  infer([x]) {
    requireArithmetic('square', x!.dtype);
    return [x!];
  },
  reference: ([x]) => [x!.data.map((v) => v * v)],
  compute: ([x]) => [x!.mul(x!)],
  cost: ([x]) => ({ flops: x!.size, bytes: 2 * x!.size * DTYPES[x!.dtype].bytes }),
};

/**
 * y = x^2.
 * @param x any shape, any dtype but bool; integers wrap
 * @throws TensorError E_DTYPE (bool)
 * @example
 * square(tensor([3, -2])).toArray(); // => [9, 4]
 */
export const square = operation(definition, (x: Tensor): Tensor => apply1(definition, [x], undefined));
