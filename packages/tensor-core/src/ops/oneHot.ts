import type { DType } from '../dtype.js';
import { TensorError } from '../errors.js';
import { apply1, describe, type OpDefinition, operation } from '../op.js';
import type { Tensor } from '../tensor.js';
import { cast } from './cast.js';
import { arange } from './creation.js';
import { unsqueeze } from './reshape.js';

const definition: OpDefinition<{ classes: number; dtype: DType }> = {
  name: 'oneHot',
  infer([ids], { classes, dtype }) {
    if (ids!.dtype !== 'i32')
      throw new TensorError(
        'E_DTYPE',
        'oneHot',
        'ids must be i32',
        describe(ids!),
        "cast them: ids.cast('i32')",
      );
    if (!Number.isSafeInteger(classes) || classes < 0)
      throw new TensorError('E_SHAPE', 'oneHot', 'classes must be a non-negative integer', `${classes}`);
    return [{ shape: [...ids!.shape, classes], dtype }];
  },
  reference([ids], { classes }) {
    const out = new Float64Array(ids!.data.length * classes);
    ids!.data.forEach((id, i) => {
      if (id >= 0 && id < classes) out[i * classes + id] = 1;
    });
    return [out];
  },
  compute: ([ids], { classes, dtype }) => [
    cast(unsqueeze(ids!, -1).eq(arange(0, classes, 1, { dtype: 'i32', device: ids!.device })), dtype),
  ],
};

/**
 * Vectors that are 1 at an id and 0 elsewhere; all 0 for an id outside [0, classes).
 *
 * @param ids i32, any shape
 * @param options.dtype default 'f32'
 * @returns [..ids, classes]
 * @throws TensorError E_DTYPE, E_SHAPE
 * @example
 * oneHot(tensor([2, 0], { dtype: 'i32' }), 3).toArray(); // => [[0, 0, 1], [1, 0, 0]]
 */
export const oneHot = operation(
  definition,
  (ids: Tensor, classes: number, { dtype = 'f32' }: { dtype?: DType } = {}): Tensor =>
    apply1(definition, [ids], { classes, dtype }),
);
