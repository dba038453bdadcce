import { TensorError } from '../errors.js';
import { copyInto, eachOffset } from '../layout.js';
import { apply1, type OpDefinition, operation } from '../op.js';
import type { View } from '../runtime.js';
import { denseStrides, normalizeAxis, type Shape, sizeOf } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { zeros } from './creation.js';
import { squeeze } from './reshape.js';

interface SliceAttrs {
  axis: number;
  start: number;
  end: number;
}

const definition: OpDefinition<SliceAttrs> = {
  name: 'slice',
  infer: ([x], { axis, start, end }) => [
    { shape: x!.shape.map((n, a) => (a === axis ? end - start : n)), dtype: x!.dtype },
  ],
  reference([x], { axis, start }, [y]) {
    const strides = denseStrides(x!.shape);
    const out = new Float64Array(sizeOf(y!.shape));
    eachOffset({ shape: y!.shape, strides, offset: start * strides[axis]! }, (offset, i) => {
      out[i] = x!.data[offset]!;
    });
    return [out];
  },
  view: (x, { axis, start }) => [{ offset: x.offset + start * x.strides[axis]!, strides: x.strides }],
  grad(ctx, [dy]) {
    const { shape, dtype } = ctx.inputSpecs[0]!;
    const dx = zeros(shape, { dtype, device: dy.device });
    copyInto(part(dx, ctx.attrs, dy.shape), dy);
    return [dx];
  },
};

/** The elements of a view between two positions of an axis. */
export function part(v: View, { axis, start }: { axis: number; start: number }, shape: Shape): View {
  return {
    storage: v.storage,
    offset: sizeOf(shape) === 0 ? v.offset : v.offset + start * v.strides[axis]!,
    shape,
    strides: v.strides,
    dtype: v.dtype,
  };
}

/**
 * The elements from `start` up to, not including, `end` along one axis, as a view.
 *
 * @param x at least one axis
 * @param start, end counted from the end when negative; `end` defaults to the axis's size
 * @throws TensorError E_INDEX when the range is empty backwards or outside the axis
 * @example
 * x.slice(1, -1).shape; // => [B, 1, C]
 */
export const slice = operation(definition, (x: Tensor, axis: number, start: number, end?: number): Tensor => {
  const a = normalizeAxis('slice', axis, x.rank);
  const size = x.shape[a]!;
  const from = start < 0 ? start + size : start;
  const to = end === undefined ? size : end < 0 ? end + size : end;
  if (!Number.isInteger(from) || !Number.isInteger(to) || from < 0 || to > size || from > to)
    throw new TensorError(
      'E_INDEX',
      'slice',
      `0 <= start <= end <= ${size} must hold`,
      `${start} to ${end ?? size}`,
    );
  return apply1(definition, [x], { axis: a, start: from, end: to });
});

/**
 * One position along an axis, which disappears.
 * @throws TensorError E_INDEX
 * @example
 * x.select(1, -1).shape; // => [B, C]
 */
export const select = operation(definition, (x: Tensor, axis: number, index: number): Tensor => {
  const a = normalizeAxis('select', axis, x.rank);
  const i = index < 0 ? index + x.shape[a]! : index;
  if (!Number.isInteger(i) || i < 0 || i >= x.shape[a]!)
    throw new TensorError(
      'E_INDEX',
      'select',
      `the index must lie in [-${x.shape[a]}, ${x.shape[a]! - 1}]`,
      `${index}`,
    );
  return squeeze(slice(x, a, i, i + 1), a);
});
