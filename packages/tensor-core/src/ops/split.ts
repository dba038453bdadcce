import { TensorError } from '../errors.js';
import { eachOffset } from '../layout.js';
import { apply, type OpDefinition, operation } from '../op.js';
import { denseStrides, formatShape, normalizeAxis, type Shape, sizeOf } from '../shape.js';
import { Tensor } from '../tensor.js';
import { concat } from './concat.js';
import { zeros } from './creation.js';

interface SplitAttrs {
  axis: number;
  sizes: readonly number[];
  starts: readonly number[];
}

const definition: OpDefinition<SplitAttrs> = {
  name: 'split',
  infer: ([x], { axis, sizes }) =>
    sizes.map((size) => ({ shape: x!.shape.map((n, a) => (a === axis ? size : n)), dtype: x!.dtype })),
  reference([x], { axis, starts }, outputs) {
    const strides = denseStrides(x!.shape);
    return outputs.map(({ shape }, k) => {
      const out = new Float64Array(sizeOf(shape));
      eachOffset({ shape, strides, offset: starts[k]! * strides[axis]! }, (offset, i) => {
        out[i] = x!.data[offset]!;
      });
      return out;
    });
  },
  view: (x, { axis, starts }) =>
    starts.map((start) => ({ offset: x.offset + start * x.strides[axis]!, strides: x.strides })),
  // One copy for all parts, or none; a part that nobody used has no gradient.
  grad: (ctx, gradients) => {
    const whole = joined(gradients, ctx.inputSpecs[0]!.shape, ctx.attrs);
    if (whole) return [whole];
    const { device } = gradients.find((g) => g !== null)!;
    const parts = gradients.map((g, i) => {
      const { shape, dtype } = ctx.outputSpecs[i]!;
      return g ?? zeros(shape, { dtype, device });
    });
    return [concat(parts, ctx.attrs.axis)];
  },
};

// The tensor whose parts these are, where they lie in memory as the parts of a dense one do.
function joined(
  parts: readonly (Tensor | null)[],
  shape: Shape,
  { axis, starts }: SplitAttrs,
): Tensor | null {
  const [first] = parts;
  const strides = denseStrides(shape);
  const fits = parts.every(
    (p, i) =>
      first &&
      p?.storage === first.storage &&
      p.offset === first.offset + starts[i]! * strides[axis]! &&
      p.shape.every((n, a) => n === 1 || p.strides[a] === strides[a]),
  );
  return fits ? new Tensor(first!.storage.retain(), shape, strides, first!.offset, first!.dtype) : null;
}

/**
 * Consecutive parts of one axis, as views.
 *
 * @param x at least one axis
 * @param sizes of the parts, which sum to the axis's size; or one size for all parts, the last of which may be smaller
 * @param axis default 0
 * @throws TensorError E_SHAPE for sizes that do not fit, E_INDEX
 * @example
 * const [q, k, v] = concat([x, x, x], -1).split(C, -1); // [B, T, 3C] -> three of [B, T, C]
 */
export const split = operation(
  definition,
  (x: Tensor, sizes: number | readonly number[], axis = 0): readonly Tensor[] => {
    const a = normalizeAxis('split', axis, x.rank);
    return parts(x, typeof sizes === 'number' ? equalSizes(x.shape[a]!, sizes) : sizes, a);
  },
);

/**
 * At most n consecutive parts of one axis, as views: as equal as they can be with only the last one smaller.
 *
 * @param x at least one axis
 * @param axis default 0
 * @throws TensorError E_SHAPE when n is not a positive integer, E_INDEX
 * @example
 * const [gate, up] = x.chunk(2, -1);
 */
export const chunk = operation(definition, (x: Tensor, n: number, axis = 0): readonly Tensor[] => {
  const a = normalizeAxis('chunk', axis, x.rank);
  if (!Number.isInteger(n) || n < 1)
    throw new TensorError('E_SHAPE', 'chunk', 'the number of parts must be a positive integer', `${n}`);
  return parts(x, equalSizes(x.shape[a]!, Math.max(1, Math.ceil(x.shape[a]! / n))), a);
});

function equalSizes(total: number, size: number): number[] {
  if (!Number.isInteger(size) || size < 1)
    throw new TensorError('E_SHAPE', 'split', 'the size of a part must be a positive integer', `${size}`);
  // An empty axis has one empty part.
  const count = Math.max(1, Math.ceil(total / size));
  return Array.from({ length: count }, (_, i) => Math.min(size, total - i * size));
}

function parts(x: Tensor, sizes: readonly number[], axis: number): readonly Tensor[] {
  const total = sizes.reduce((s, n) => s + n, 0);
  if (sizes.length === 0 || total !== x.shape[axis] || sizes.some((n) => !Number.isInteger(n) || n < 0))
    throw new TensorError(
      'E_SHAPE',
      'split',
      `sizes must be non-negative integers that sum to ${x.shape[axis]}`,
      formatShape(sizes),
    );
  let at = 0;
  const starts = sizes.map((n) => (at += n) - n);
  return apply(definition, [x], { axis, sizes: [...sizes], starts });
}
