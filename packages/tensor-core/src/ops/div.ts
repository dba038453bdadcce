import { isFloat } from '../dtype.js';
import { type OpDefinition, operation } from '../op.js';
import { scope } from '../scope.js';
import type { Tensor } from '../tensor.js';
import { cast } from './cast.js';
import { applyBinary, binaryDefinition, requireArithmetic } from './elementwise.js';

const definition: OpDefinition = binaryDefinition({
  name: 'div',
  f: (a, b) => a / b,
  floats: true,
  saves: [1],
  savesOutput: true,
  grad: [
    (ctx, dy) => dy.div(ctx.input(1)),
    // -a / b^2 = -y / b
    (ctx, dy) => dy.mul(ctx.output(0)).div(ctx.input(1)).neg(),
  ],
});

/**
 * y = a / b, with broadcasting. Always a true division: two integer operands give f32.
 * @param a, b tensors or numbers whose shapes broadcast; dtypes are promoted
 * @throws TensorError E_SHAPE, E_DTYPE (bool), E_DEVICE
 * @example
 * div(tensor([1, 2]), 4).toArray(); // => [0.25, 0.5]
 */
export const div = operation(definition, (a: Tensor, b: Tensor | number): Tensor => {
  const real = (x: Tensor | number) => {
    if (typeof x === 'number' || isFloat(x.dtype)) return x;
    requireArithmetic('div', x.dtype);
    return cast(x, 'f32');
  };
  return scope(() => applyBinary(definition, real(a), real(b)));
});
