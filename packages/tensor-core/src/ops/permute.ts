import { TensorError } from '../errors.js';
import { gatherValues } from '../layout.js';
import { apply1, type OpDefinition, operation } from '../op.js';
import { denseStrides, formatShape, normalizeAxes, normalizeAxis } from '../shape.js';
import { Storage } from '../storage.js';
import type { Tensor } from '../tensor.js';

const definition: OpDefinition<{ order: readonly number[] }> = {
  name: 'permute',
  infer: ([x], { order }) => [{ shape: order.map((a) => x!.shape[a]!), dtype: x!.dtype }],
  reference([x], { order }, [y]) {
    const strides = denseStrides(x!.shape);
    const values = new Storage('ref', -1, 0, x!.data);
    const out = gatherValues({
      storage: values,
      offset: 0,
      shape: y!.shape,
      strides: order.map((a) => strides[a]!),
      dtype: y!.dtype,
    });
    const copy = out.slice();
    values.release();
    return [copy];
  },
  view: (x, { order }) => [{ offset: x.offset, strides: order.map((a) => x.strides[a]!) }],
  grad: (ctx, [dy]) => {
    const inverse = ctx.attrs.order.map((_, i) => ctx.attrs.order.indexOf(i));
    return [apply1(definition, [dy], { order: inverse })];
  },
};

/**
 * The axes in another order, as a view.
 * @param x any shape
 * @param order each axis of x once: axis i of the result is axis order[i] of x
 * @throws TensorError E_SHAPE, E_INDEX
 * @example
 * q.permute([0, 2, 1, 3]).shape; // => [B, H, T, D]
 */
export const permute = operation(definition, (x: Tensor, order: readonly number[]): Tensor => {
  if (order.length !== x.rank)
    throw new TensorError(
      'E_SHAPE',
      'permute',
      `order must name each of the ${x.rank} axes once`,
      formatShape(order),
    );
  normalizeAxes('permute', order, x.rank);
  return apply1(definition, [x], { order: order.map((a) => normalizeAxis('permute', a, x.rank)) });
});

/**
 * Two axes exchanged, as a view.
 * @throws TensorError E_INDEX
 * @example
 * tensor([[1, 2], [3, 4]]).transpose(0, 1).toArray(); // => [[1, 3], [2, 4]]
 */
export const transpose = operation(definition, (x: Tensor, a: number, b: number): Tensor => {
  const order = x.shape.map((_, i) => i);
  const i = normalizeAxis('transpose', a, x.rank);
  const j = normalizeAxis('transpose', b, x.rank);
  order[i] = j;
  order[j] = i;
  return apply1(definition, [x], { order });
});
