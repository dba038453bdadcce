import { TensorError } from '../errors.js';
import { apply1, type OpDefinition, operation } from '../op.js';
import {
  broadcastShapes,
  broadcastStrides,
  checkShape,
  formatShape,
  type Shape,
  sameShape,
} from '../shape.js';
import type { Tensor } from '../tensor.js';
import { mapBroadcast, sumTo } from './elementwise.js';

const definition: OpDefinition<{ shape: Shape }> = {
  name: 'expand',
  infer([x], { shape }) {
    if (!sameShape(broadcastShapes('expand', x!.shape, shape), shape))
      throw new TensorError(
        'E_SHAPE',
        'expand',
        'only axes of size 1 can be stretched',
        `${formatShape(x!.shape)} to ${formatShape(shape)}`,
      );
    return [{ shape, dtype: x!.dtype }];
  },
  reference: (inputs, { shape }) => [mapBroadcast(inputs, shape, (v) => v)],
  view: (x, { shape }) => [{ offset: x.offset, strides: broadcastStrides(x.shape, x.strides, shape) }],
  grad: (ctx, [dy]) => [sumTo(dy, ctx.inputSpecs[0]!.shape)],
};

/**
 * A view with axes of size 1 (and new leading axes) repeated, without copying.
 * @param x a shape that broadcasts to `shape`
 * @throws TensorError E_SHAPE
 * @example
 * tensor([1, 2]).expand([3, 2]).toArray(); // => [[1, 2], [1, 2], [1, 2]]
 */
export const expand = operation(definition, (x: Tensor, shape: Shape): Tensor => {
  checkShape('expand', shape);
  return apply1(definition, [x], { shape: [...shape] });
});
