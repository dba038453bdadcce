import type { GradContext } from '../autograd.js';
import { type OpDefinition, operation } from '../op.js';
import type { Tensor } from '../tensor.js';
import { applyBinary, binaryDefinition } from './elementwise.js';

// dy where this side was chosen, half of it where both are equal.
const share = (ctx: GradContext<undefined>, dy: Tensor, mine: number) => {
  const [x, other] = [ctx.input(mine), ctx.input(1 - mine)];
  return x.lt(other).where(dy, x.eq(other).where(dy.mul(0.5), 0));
};

const definition: OpDefinition = binaryDefinition({
  name: 'minimum',
  f: Math.min,
  saves: [0, 1],
  grad: [(ctx, dy) => share(ctx, dy, 0), (ctx, dy) => share(ctx, dy, 1)],
});

/**
 * The smaller of a and b, element by element, with broadcasting; NaN where either is. Equal elements share the
 * gradient half and half.
 * @param a, b tensors or numbers whose shapes broadcast; dtypes are promoted
 * @throws TensorError E_SHAPE, E_DTYPE (bool), E_DEVICE
 * @example
 * minimum(tensor([1, 5]), 3).toArray(); // => [1, 3]
 */
export const minimum = operation(
  definition,
  (a: Tensor, b: Tensor | number): Tensor => applyBinary(definition, a, b),
);
