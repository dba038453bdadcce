import { apply1, type OpDefinition, operation } from '../op.js';
import type { Tensor } from '../tensor.js';
import { unaryDefinition } from './elementwise.js';

const definition: OpDefinition = unaryDefinition({
  name: 'reciprocal',
  f: (x) => 1 / x,
  saves: 'output',
  grad: (dy, y) => dy.mul(y.mul(y)).neg(),
});

/**
 * y = 1 / x.
 * @param x any shape, float
 * @throws TensorError E_DTYPE (not a float)
 * @example
 * reciprocal(tensor([4, -0.5])).toArray(); // => [0.25, -2]
 */
export const reciprocal = operation(definition, (x: Tensor): Tensor => apply1(definition, [x], undefined));
