import { DTYPES, isFloat } from '../dtype.js';
import { TensorError } from '../errors.js';
import { apply1, type OpDefinition, operation } from '../op.js';
import type { Tensor } from '../tensor.js';
import { requireArithmetic } from './elementwise.js';

interface Bounds {
  min: number;
  max: number;
}

const definition: OpDefinition<Bounds> = {
  name: 'clamp',
  infer([x], { min, max }) {
    requireArithmetic('clamp', x!.dtype);
    if (!(min <= max))
      throw new TensorError('E_FORMAT', 'clamp', 'min <= max must hold', `min ${min}, max ${max}`);
    for (const bound of [min, max])
      if (!isFloat(x!.dtype) && Number.isFinite(bound) && DTYPES[x!.dtype].round(bound) !== bound)
        throw new TensorError('E_DTYPE', 'clamp', `the bounds must be numbers of ${x!.dtype}`, `${bound}`);
    return [x!];
  },
  reference: ([x], { min, max }) => [x!.data.map((v) => Math.min(Math.max(v, min), max))],
  run([x], { min, max }) {
    const floor = min === Number.NEGATIVE_INFINITY ? x! : x!.maximum(min);
    return [max === Number.POSITIVE_INFINITY ? (floor === x ? x!.clone() : floor) : floor.minimum(max)];
  },
  saves: { inputs: [0] },
  grad(ctx, [dy]) {
    const { min, max } = ctx.attrs;
    const x = ctx.input(0);
    return [x.ge(min).logicalAnd(x.le(max)).where(dy, 0)];
  },
  cost: ([x]) => ({ flops: 2 * x!.size, bytes: 2 * x!.size * DTYPES[x!.dtype].bytes }),
};

/**
 * y = min(max(x, min), max). The gradient passes where min <= x <= max, and is 0 elsewhere.
 *
 * @param x any shape, any dtype but bool
 * @param min, max numbers that x's dtype holds; infinite (no bound) by default
 * @throws TensorError E_DTYPE, E_FORMAT when min > max
 * @example
 * tensor([-3, 0.5, 3]).clamp(-1, 1).toArray(); // => [-1, 0.5, 1]
 */
export const clamp = operation(
  definition,
  (x: Tensor, min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY): Tensor =>
    apply1(definition, [x], { min, max }),
);
