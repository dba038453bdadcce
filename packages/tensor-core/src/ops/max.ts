import { apply1, operation } from '../op.js';
import { normalizeAxes, type Shape } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { extremeDefinition } from './extreme.js';
import type { ReduceOptions } from './sum.js';

const definition = extremeDefinition('max');

/**
 * The largest element over some axes, all by default; NaN where there is one. Equal elements share the gradient.
 *
 * @param x any shape whose reduced axes are not empty, any dtype
 * @param axes counted from the end when negative
 * @throws TensorError E_SHAPE when there is nothing to choose from, E_INDEX
 * @example
 * x.max(-1, { keepDims: true });
 */
export const max = operation(
  definition,
  (x: Tensor, axes?: number | Shape, { keepDims = false }: ReduceOptions = {}): Tensor =>
    apply1(definition, [x], { axes: normalizeAxes('max', axes, x.rank), keepDims }),
);
