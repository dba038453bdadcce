import { apply1, type OpDefinition, operation } from '../op.js';
import type { Tensor } from '../tensor.js';
import { unaryDefinition } from './elementwise.js';

const definition: OpDefinition = unaryDefinition({
  name: 'rsqrt',
  f: (x) => 1 / Math.sqrt(x),
  saves: 'output',
  grad: (dy, y) => dy.mul(y.mul(y).mul(y)).mul(-0.5),
});

/**
 * y = 1 / sqrt(x): Infinity at 0, NaN below.
 * @param x any shape, float
 * @throws TensorError E_DTYPE (not a float)
 * @example
 * rsqrt(tensor([4, 0.25])).toArray(); // => [0.5, 2]
 */
export const rsqrt = operation(definition, (x: Tensor): Tensor => apply1(definition, [x], undefined));
