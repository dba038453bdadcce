import { type OpDefinition, operation } from '../op.js';
import type { Tensor } from '../tensor.js';
import { applyComparison, binaryDefinition } from './elementwise.js';

const definition: OpDefinition = binaryDefinition({
  name: 'le',
  f: (a, b) => (a <= b ? 1 : 0),
  compares: true,
});

/**
 * a <= b, element by element as bool, with broadcasting; false where either is NaN.
 * @param a, b tensors or numbers of any dtype whose shapes broadcast; dtypes are promoted
 * @throws TensorError E_SHAPE, E_DEVICE
 * @example
 * le(tensor([1, 2]), 2).toArray(); // => [1, 1]
 */
export const le = operation(
  definition,
  (a: Tensor, b: Tensor | number): Tensor => applyComparison(definition, a, b),
);
