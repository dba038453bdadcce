import { type OpDefinition, operation } from '../op.js';
import type { Tensor } from '../tensor.js';
import { applyBinary, binaryDefinition } from './elementwise.js';

const definition: OpDefinition = binaryDefinition({
  name: 'sub',
  f: (a, b) => a - b,
  grad: [(_, dy) => dy, (_, dy) => dy.neg()],
});

/**
 * y = a - b, with broadcasting.
 * @param a, b tensors or numbers whose shapes broadcast; dtypes are promoted, integers wrap
 * @throws TensorError E_SHAPE, E_DTYPE (bool), E_DEVICE
 * @example
 * sub(tensor([1, 2]), 10).toArray(); // => [-9, -8]
 */
export const sub = operation(
  definition,
  (a: Tensor, b: Tensor | number): Tensor => applyBinary(definition, a, b),
);
