import { apply1, type OpDefinition, operation } from '../op.js';
import type { Tensor } from '../tensor.js';
import { unaryDefinition } from './elementwise.js';

const definition: OpDefinition = unaryDefinition({
  name: 'sign',
  f: Math.sign,
});

/**
 * y = -1, 0 or 1 as x is negative, zero or positive; NaN stays NaN. Its gradient is zero.
 * @param x any shape, float
 * @throws TensorError E_DTYPE (not a float)
 * @example
 * sign(tensor([-3, 0, 5])).toArray(); // => [-1, 0, 1]
 */
export const sign = operation(definition, (x: Tensor): Tensor => apply1(definition, [x], undefined));
