import { type OpDefinition, operation } from '../op.js';
import type { Tensor } from '../tensor.js';
import { applyBinary, binaryDefinition } from './elementwise.js';

const definition: OpDefinition = binaryDefinition({
  name: 'add',
  f: (a, b) => a + b,
  grad: [(_, dy) => dy, (_, dy) => dy],
});

/**
 * y = a + b, with broadcasting.
 * @param a, b tensors or numbers whose shapes broadcast; dtypes are promoted
 * @throws TensorError E_SHAPE, E_DTYPE (bool), E_DEVICE
 * @example
 * add(tensor([1, 2]), 10).toArray(); // => [11, 12]
 */
export const add = operation(
  definition,
  (a: Tensor, b: Tensor | number): Tensor => applyBinary(definition, a, b),
);
