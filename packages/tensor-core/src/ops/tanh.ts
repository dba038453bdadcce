import { apply1, type OpDefinition, operation } from '../op.js';
import type { Tensor } from '../tensor.js';
import { unaryDefinition } from './elementwise.js';

const definition: OpDefinition = unaryDefinition({
  name: 'tanh',
  f: Math.tanh,
  saves: 'output',
  // dy (1 - y^2)
  grad: (dy, y) => dy.sub(dy.mul(y.mul(y))),
});

/**
 * The hyperbolic tangent, (e^x - e^-x) / (e^x + e^-x).
 * @param x any shape, float
 * @throws TensorError E_DTYPE (not a float)
 * @example
 * tanh(tensor([0, 100])).toArray(); // => [0, 1]
 */
export const tanh = operation(definition, (x: Tensor): Tensor => apply1(definition, [x], undefined));
