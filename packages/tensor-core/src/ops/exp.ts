import { apply1, type OpDefinition, operation } from '../op.js';
import type { Tensor } from '../tensor.js';
import { unaryDefinition } from './elementwise.js';

const definition: OpDefinition = unaryDefinition({
  name: 'exp',
  f: Math.exp,
  saves: 'output',
  grad: (dy, y) => dy.mul(y),
});

/**
 * y = e^x.
 * @param x any shape, float
 * @throws TensorError E_DTYPE (not a float)
 * @example
 * exp(tensor([0, 1])).toArray(); // [1, 2.718...]
 */
export const exp = operation(definition, (x: Tensor): Tensor => apply1(definition, [x], undefined));
