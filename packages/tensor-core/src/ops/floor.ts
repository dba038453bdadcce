import { apply1, type OpDefinition, operation } from '../op.js';
import type { Tensor } from '../tensor.js';
import { unaryDefinition } from './elementwise.js';

const definition: OpDefinition = unaryDefinition({
  name: 'floor',
  f: Math.floor,
});

/**
 * The largest integer not above x. Its gradient is zero.
 * @param x any shape, float
 * @throws TensorError E_DTYPE (not a float)
 * @example
 * floor(tensor([1.5, -1.5])).toArray(); // => [1, -2]
 */
export const floor = operation(definition, (x: Tensor): Tensor => apply1(definition, [x], undefined));
