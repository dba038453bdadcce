import { requireFloat } from '../dtype.js';
import { TensorError } from '../errors.js';
import { toMatrix } from '../layout.js';
import { apply, describe, type OpDefinition, operation } from '../op.js';
import { Kernel } from '../runtime.js';
import { sizeOf } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { cast } from './cast.js';
import { quantizeRow } from './quantized.js';

const kernel = new Kernel('quantize_rows', '');

const definition: OpDefinition = {
  name: 'quantizeRows',
  infer([x]) {
    if (x!.rank < 1)
      throw new TensorError('E_SHAPE', 'quantizeRows', 'x must have at least one axis', describe(x!));
    return [
      { shape: x!.shape, dtype: 'i8' },
      { shape: x!.shape.slice(0, -1), dtype: 'f32' },
    ];
  },
  reference([x], _, [y, s]) {
    const columns = y!.shape.at(-1)!;
    const q = new Float64Array(x!.data.length);
    const scales = Float64Array.from({ length: sizeOf(s!.shape) }, (_, r) => {
      const row = quantizeRow(x!.data.subarray(r * columns, (r + 1) * columns));
      q.set(row.q, r * columns);
      return row.scale;
    });
    return [q, scales];
  },
  native([x]) {
    const rows = toMatrix(x!);
    return { kernel, inputs: [rows], outputShapes: [rows.shape, [rows.shape[0]!]] };
  },
  cost: ([x]) => ({ flops: 3 * x!.size, bytes: 5 * x!.size }),
};

/**
 * Rows as 8-bit integers with one scale each: scale = max |x| / 127, q = x / scale rounded, halves away from zero. A row
 * that holds a NaN or an infinity gets the scale NaN. Not differentiable.
 *
 * @param x float, [.., C], rounded to f32 first
 * @returns q i8 [.., C] and scale f32 [..], with x about q scale
 * @throws TensorError E_DTYPE, E_SHAPE for a scalar
 * @example
 * const [q, scale] = tensor([[-2, 1]]).quantizeRows();
 * q.toArray(); // => [[-127, 64]]
 */
export const quantizeRows = operation(definition, (x: Tensor): readonly [Tensor, Tensor] => {
  requireFloat('quantizeRows', x.dtype);
  const [q, scale] = apply(definition, [cast(x, 'f32')], undefined);
  return [q!, scale!];
});
