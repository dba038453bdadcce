import { apply1, type OpDefinition, operation } from '../op.js';
import type { Tensor } from '../tensor.js';
import { unaryDefinition } from './elementwise.js';

const definition: OpDefinition = unaryDefinition({
  name: 'sin',
  f: Math.sin,
  saves: 'input',
  grad: (dy, x) => dy.mul(x.cos()),
});

/**
 * The sine.
 * @param x any shape, float, in radians
 * @throws TensorError E_DTYPE (not a float)
 * @example
 * sin(tensor([0, Math.PI / 2])).toArray(); // => [0, 1]
 */
export const sin = operation(definition, (x: Tensor): Tensor => apply1(definition, [x], undefined));
