import { apply1, type OpDefinition, operation } from '../op.js';
import type { Tensor } from '../tensor.js';
import { unaryDefinition } from './elementwise.js';

const definition: OpDefinition = unaryDefinition({
  name: 'sqrt',
  f: Math.sqrt,
  saves: 'output',
  grad: (dy, y) => dy.div(y.mul(2)),
});

/**
 * y = sqrt(x), NaN below 0. Its gradient at 0 is infinite.
 * @param x any shape, float
 * @throws TensorError E_DTYPE (not a float)
 * @example
 * sqrt(tensor([4, 9])).toArray(); // => [2, 3]
 */
export const sqrt = operation(definition, (x: Tensor): Tensor => apply1(definition, [x], undefined));
