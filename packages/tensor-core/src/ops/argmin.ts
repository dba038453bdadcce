import { apply1, operation } from '../op.js';
import { normalizeAxis } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { argExtremeDefinition } from './extreme.js';
import type { ReduceOptions } from './sum.js';

const definition = argExtremeDefinition('argmin');

/**
 * The position of the smallest element along an axis, as i32: the first of equal ones, and the first NaN before all.
 *
 * @param x any dtype; the axis is not empty
 * @param axis counted from the end when negative
 * @throws TensorError E_SHAPE when there is nothing to choose from, E_INDEX
 * @example
 * tensor([[3, 1, 2]]).argmin(-1).toArray(); // => [1]
 */
export const argmin = operation(
  definition,
  (x: Tensor, axis: number, { keepDims = false }: ReduceOptions = {}): Tensor =>
    apply1(definition, [x], { axes: [normalizeAxis('argmin', axis, x.rank)], keepDims }),
);
