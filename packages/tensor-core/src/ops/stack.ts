import { promote } from '../dtype.js';
import { TensorError } from '../errors.js';
import { apply1, describe, type OpDefinition, operation } from '../op.js';
import { normalizeAxis, sameShape, sizeOf } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { concat } from './concat.js';
import { unsqueeze } from './reshape.js';

const definition: OpDefinition<{ axis: number }> = {
  name: 'stack',
  infer(inputs, { axis }) {
    const [first] = inputs;
    const other = inputs.find((x) => !sameShape(x.shape, first!.shape));
    if (other)
      throw new TensorError(
        'E_SHAPE',
        'stack',
        'shapes must be equal',
        describe(first!, other),
        'or concat()',
      );
    const shape = [...first!.shape.slice(0, axis), inputs.length, ...first!.shape.slice(axis)];
    return [{ shape, dtype: inputs.reduce((d, x) => promote(d, x.dtype), first!.dtype) }];
  },
  reference(inputs, { axis }) {
    const { shape } = inputs[0]!;
    const run = sizeOf(shape.slice(axis));
    const outer = sizeOf(shape.slice(0, axis));
    const out: number[] = [];
    for (let o = 0; o < outer; o++)
      for (const x of inputs) out.push(...x.data.subarray(o * run, (o + 1) * run));
    return [out];
  },
  compute: (inputs, { axis }) => [
    concat(
      inputs.map((x) => unsqueeze(x, axis)),
      axis,
    ),
  ],
};

/**
 * Tensors of one shape side by side along a new axis.
 *
 * @param list at least one tensor, all of one shape; dtypes are promoted
 * @param axis of the result, default 0
 * @throws TensorError E_SHAPE, E_INDEX, E_DEVICE
 * @example
 * stack([tensor([1, 2]), tensor([3, 4])]).toArray(); // => [[1, 2], [3, 4]]
 */
export const stack = operation(definition, (list: readonly Tensor[], axis = 0): Tensor => {
  const [first] = list;
  if (!first) throw new TensorError('E_SHAPE', 'stack', 'there must be at least one tensor', 'none');
  return apply1(definition, list, { axis: normalizeAxis('stack', axis, first.rank + 1) });
});
