import { type OpDefinition, operation } from '../op.js';
import type { Tensor } from '../tensor.js';
import { applyBinary, binaryDefinition } from './elementwise.js';

const definition: OpDefinition = binaryDefinition({
  name: 'pow',
  f: power,
  floats: true,
  saves: [0, 1],
  savesOutput: true,
  grad: [
    // b a^(b-1); the constant a^0 has none, though a^-1 may be infinite
    (ctx, dy) => {
      const b = ctx.input(1);
      return b.eq(0).where(0, dy.mul(b).mul(ctx.input(0).pow(b.sub(1))));
    },
    // y ln a; 0^b stays 0 for every b > 0
    (ctx, dy) => {
      const [a, b, y] = [ctx.input(0), ctx.input(1), ctx.output(0)];
      return a.eq(0).logicalAnd(b.ge(0)).where(0, dy.mul(y).mul(a.log()));
    },
  ],
});

// IEEE 754 pow, where JavaScript's ** differs: 1 to any power is 1, and so is (-1)^Infinity.
function power(a: number, b: number): number {
  return a === 1 || (a === -1 && Math.abs(b) === Number.POSITIVE_INFINITY) ? 1 : a ** b;
}

/**
 * y = a^b, with broadcasting; NaN for a negative base and a fractional exponent.
 * @param a, b tensors or numbers whose shapes broadcast, float; dtypes are promoted
 * @throws TensorError E_SHAPE, E_DTYPE (not floats), E_DEVICE
 * @example
 * pow(tensor([2, 3]), 2).toArray(); // => [4, 9]
 */
export const pow = operation(
  definition,
  (a: Tensor, b: Tensor | number): Tensor => applyBinary(definition, a, b),
);
