import type { GradContext } from '../autograd.js';
import { type OpDefinition, operation } from '../op.js';
import type { Tensor } from '../tensor.js';
import { applyBinary, binaryDefinition } from './elementwise.js';

// dy where this side was chosen, half of it where both are equal.
const share = (ctx: GradContext<undefined>, dy: Tensor, mine: number) => {
  const [x, other] = [ctx.input(mine), ctx.input(1 - mine)];
  return x.gt(other).where(dy, x.eq(other).where(dy.mul(0.5), 0));
};

const definition: OpDefinition = binaryDefinition({
  name: 'maximum',
  f: Math.max,
  saves: [0, 1],
  grad: [(ctx, dy) => share(ctx, dy, 0), (ctx, dy) => share(ctx, dy, 1)],
});

/**
 * The larger of a and b, element by element, with broadcasting; NaN where either is. Equal elements share the
 * gradient half and half.
 * @param a, b tensors or numbers whose shapes broadcast; dtypes are promoted
 * @throws TensorError E_SHAPE, E_DTYPE (bool), E_DEVICE
 * @example
 * maximum(tensor([1, 5]), 3).toArray(); // => [3, 5]
 */
export const maximum = operation(
  definition,
  (a: Tensor, b: Tensor | number): Tensor => applyBinary(definition, a, b),
);
