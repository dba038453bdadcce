import { apply1, type OpDefinition, operation } from '../op.js';
import type { Tensor } from '../tensor.js';
import { unaryDefinition } from './elementwise.js';

const definition: OpDefinition = unaryDefinition({
  name: 'neg',
  f: (x) => -x,
  integers: true,
  grad: (dy) => dy.neg(),
});

/**
 * y = -x.
 * @param x any shape, any dtype but bool; unsigned integers wrap
 * @throws TensorError E_DTYPE (bool)
 * @example
 * neg(tensor([1, -2])).toArray(); // => [-1, 2]
 */
export const neg = operation(definition, (x: Tensor): Tensor => apply1(definition, [x], undefined));
