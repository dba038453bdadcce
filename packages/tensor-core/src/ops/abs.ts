import { apply1, type OpDefinition, operation } from '../op.js';
import type { Tensor } from '../tensor.js';
import { unaryDefinition } from './elementwise.js';

const definition: OpDefinition = unaryDefinition({
  name: 'abs',
  f: Math.abs,
  integers: true,
  saves: 'input',
  grad: (dy, x) => dy.mul(x.sign()),
});

/**
 * y = |x|; its gradient at 0 is 0.
 * @param x any shape, any dtype but bool
 * @throws TensorError E_DTYPE (bool)
 * @example
 * abs(tensor([1, -2])).toArray(); // => [1, 2]
 */
export const abs = operation(definition, (x: Tensor): Tensor => apply1(definition, [x], undefined));
