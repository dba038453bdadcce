import { apply1, type OpDefinition, operation } from '../op.js';
import type { Tensor } from '../tensor.js';
import { unaryDefinition } from './elementwise.js';

const definition: OpDefinition = unaryDefinition({
  name: 'ceil',
  f: Math.ceil,
});

/**
 * The smallest integer not below x. Its gradient is zero.
 * @param x any shape, float
 * @throws TensorError E_DTYPE (not a float)
 * @example
 * ceil(tensor([1.5, -1.5])).toArray(); // => [2, -1]
 */
export const ceil = operation(definition, (x: Tensor): Tensor => apply1(definition, [x], undefined));
