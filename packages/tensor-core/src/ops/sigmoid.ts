import { apply1, type OpDefinition, operation } from '../op.js';
import type { Tensor } from '../tensor.js';
import { unaryDefinition } from './elementwise.js';

const definition: OpDefinition = unaryDefinition({
  name: 'sigmoid',
  // Both branches avoid overflow of exp.
  f: (x) => (x >= 0 ? 1 / (1 + Math.exp(-x)) : Math.exp(x) / (1 + Math.exp(x))),
  saves: 'output',
  // dy y (1 - y)
  grad: (dy, y) => dy.mul(y.sub(y.mul(y))),
});

/**
 * The logistic function, y = 1 / (1 + e^-x).
 * @param x any shape, float
 * @throws TensorError E_DTYPE (not a float)
 * @example
 * sigmoid(tensor([0, 100])).toArray(); // => [0.5, 1]
 */
export const sigmoid = operation(definition, (x: Tensor): Tensor => apply1(definition, [x], undefined));
