import { DTYPES, requireFloat, statisticsDType } from '../dtype.js';
import { apply1, type OpDefinition, operation } from '../op.js';
import { normalizeAxes, type Shape, sizeOf } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { cast } from './cast.js';
import { mean } from './mean.js';
import { type ReduceAttrs, type ReduceOptions, reducedShape, reduceReference, sum } from './sum.js';

interface VarianceAttrs extends ReduceAttrs {
  correction: number;
}

const definition: OpDefinition<VarianceAttrs> = {
  name: 'variance',
  infer([x], attrs) {
    requireFloat('variance', x!.dtype);
    return [{ shape: reducedShape(x!.shape, attrs), dtype: x!.dtype }];
  },
  reference: ([x], { axes, correction }, [y]) => [
    reduceReference(x!, axes, sizeOf(y!.shape), (v) => {
      const mu = v.reduce((a, b) => a + b, 0) / v.length;
      return v.reduce((s, a) => s + (a - mu) ** 2, 0) / Math.max(0, v.length - correction);
    }),
  ],
  compute([x], { axes, keepDims, correction }) {
    const count = axes.reduce((n, a) => n * x!.shape[a]!, 1);
    const wide = cast(x!, statisticsDType(x!.dtype));
    const centred = wide.sub(mean(wide, axes, { keepDims: true }));
    const total = sum(centred.mul(centred), axes, { keepDims });
    return [cast(total.div(Math.max(0, count - correction)), x!.dtype)];
  },
  cost: ([x]) => ({ flops: 4 * x!.size, bytes: x!.size * DTYPES[x!.dtype].bytes }),
};

/**
 * The variance over some axes, all by default: sum of (x - mean)^2 / (n - correction); NaN where n is too small.
 *
 * @param x any shape, float
 * @param axes counted from the end when negative
 * @param options.correction 1 (the default) estimates a population's variance from a sample, 0 is the sample's own
 * @throws TensorError E_INDEX, E_DTYPE
 * @example
 * x.variance(-1, { correction: 0, keepDims: true });
 */
export const variance = operation(
  definition,
  (
    x: Tensor,
    axes?: number | Shape,
    { keepDims = false, correction = 1 }: ReduceOptions & { correction?: number } = {},
  ): Tensor =>
    apply1(definition, [x], { axes: normalizeAxes('variance', axes, x.rank), keepDims, correction }),
);
