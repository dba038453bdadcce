import { DTYPES, requireFloat, statisticsDType } from '../dtype.js';
import { apply1, type OpDefinition, operation } from '../op.js';
import { normalizeAxes, type Shape, sizeOf } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { cast } from './cast.js';
import { type ReduceAttrs, type ReduceOptions, reducedShape, reduceReference, stretch, sum } from './sum.js';

const definition: OpDefinition<ReduceAttrs> = {
  name: 'norm',
  infer([x], attrs) {
    requireFloat('norm', x!.dtype);
    return [{ shape: reducedShape(x!.shape, attrs), dtype: x!.dtype }];
  },
  reference: ([x], { axes }, [y]) => [
    reduceReference(x!, axes, sizeOf(y!.shape), (v) => Math.sqrt(v.reduce((s, a) => s + a * a, 0))),
  ],
  // The squares of 16-bit floats can leave their range though the norm does not.
  run([x], { axes, keepDims }) {
    const wide = cast(x!, statisticsDType(x!.dtype));
    return [cast(sum(wide.mul(wide), axes, { keepDims }).sqrt(), x!.dtype)];
  },
  saves: { inputs: [0], outputs: [0] },
  // dy x / y, and 0 where y is: the subgradient of least norm.
  grad(ctx, [dy]) {
    const [x, y] = [ctx.input(0), ctx.output(0)];
    const ratio = y.eq(0).where(0, dy.div(y));
    return [x.mul(stretch(ratio, x.shape, ctx.attrs.axes))];
  },
  cost: ([x]) => ({ flops: 2 * x!.size, bytes: x!.size * DTYPES[x!.dtype].bytes }),
};

/**
 * The Euclidean norm over some axes, all by default: sqrt(sum of x^2). Its gradient at 0 is 0.
 *
 * @param x any shape, float
 * @param axes counted from the end when negative
 * @throws TensorError E_INDEX, E_DTYPE
 * @example
 * x.div(x.norm(-1, { keepDims: true })); // unit vectors
 */
export const norm = operation(
  definition,
  (x: Tensor, axes?: number | Shape, { keepDims = false }: ReduceOptions = {}): Tensor =>
    apply1(definition, [x], { axes: normalizeAxes('norm', axes, x.rank), keepDims }),
);
