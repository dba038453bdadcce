import { type OpDefinition, operation } from '../op.js';
import type { Tensor } from '../tensor.js';
import { applyBinary, binaryDefinition } from './elementwise.js';

const definition: OpDefinition = binaryDefinition({
  name: 'mul',
  f: (a, b) => a * b,
  saves: [0, 1],
  grad: [(ctx, dy) => dy.mul(ctx.input(1)), (ctx, dy) => dy.mul(ctx.input(0))],
});

/**
 * y = a * b, with broadcasting.
 * @param a, b tensors or numbers whose shapes broadcast; dtypes are promoted, integers wrap
 * @throws TensorError E_SHAPE, E_DTYPE (bool), E_DEVICE
 * @example
 * mul(tensor([1, 2]), 10).toArray(); // => [10, 20]
 */
export const mul = operation(
  definition,
  (a: Tensor, b: Tensor | number): Tensor => applyBinary(definition, a, b),
);
