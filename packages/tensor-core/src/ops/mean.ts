import { DTYPES, requireFloat, statisticsDType } from '../dtype.js';
import { apply1, type OpDefinition, operation } from '../op.js';
import { normalizeAxes, type Shape, sizeOf } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { cast } from './cast.js';
import { type ReduceAttrs, type ReduceOptions, reducedShape, reduceReference, sum } from './sum.js';

const definition: OpDefinition<ReduceAttrs> = {
  name: 'mean',
  infer([x], attrs) {
    requireFloat('mean', x!.dtype);
    return [{ shape: reducedShape(x!.shape, attrs), dtype: x!.dtype }];
  },
  reference: ([x], { axes }, [y]) => [
    reduceReference(x!, axes, sizeOf(y!.shape), (v) => v.reduce((a, b) => a + b, 0) / v.length),
  ],
  // The sum of 16-bit floats can leave their range though the mean cannot.
  compute([x], { axes, keepDims }) {
    const count = axes.reduce((n, a) => n * x!.shape[a]!, 1);
    const total = sum(cast(x!, statisticsDType(x!.dtype)), axes, { keepDims });
    return [cast(total.div(count), x!.dtype)];
  },
  cost: ([x]) => ({ flops: x!.size, bytes: x!.size * DTYPES[x!.dtype].bytes }),
};

/**
 * The mean over some axes, all by default; NaN over none.
 *
 * @param x any shape, float
 * @param axes counted from the end when negative
 * @throws TensorError E_INDEX, E_DTYPE
 * @example
 * x.mean(-1, { keepDims: true });
 */
export const mean = operation(
  definition,
  (x: Tensor, axes?: number | Shape, { keepDims = false }: ReduceOptions = {}): Tensor =>
    apply1(definition, [x], { axes: normalizeAxes('mean', axes, x.rank), keepDims }),
);
