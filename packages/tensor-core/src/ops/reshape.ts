import { TensorError } from '../errors.js';
import { apply1, type OpDefinition, operation } from '../op.js';
import { checkShape, formatShape, normalizeAxis, type Shape, sizeOf } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { clone } from './clone.js';

const definition: OpDefinition<{ shape: Shape; strides: Shape }> = {
  name: 'reshape',
  infer: ([x], { shape }) => [{ shape, dtype: x!.dtype }],
  reference: ([x]) => [x!.data],
  view: (x, { strides }) => [{ offset: x.offset, strides }],
  grad: (ctx, [dy]) => [reshape(dy, ctx.inputSpecs[0]!.shape)],
};

// The strides that make the same memory read as `shape`, or null when only a copy can. Axes of both shapes are
// matched in groups of equal size; within a group the old axes must lie without gaps.
function viewStrides(x: Tensor, shape: Shape): number[] | null {
  const strides = new Array<number>(shape.length).fill(1);
  if (x.size === 0) return strides;
  const old = x.shape.map((size, a) => ({ size, stride: x.strides[a]! })).filter((a) => a.size !== 1);
  let o = 0;
  let n = 0;
  while (o < old.length) {
    const firstOld = o;
    const firstNew = n;
    let a = old[o++]!.size;
    let b = 1;
    while (n < shape.length && (b < a || shape[n] === 1)) b *= shape[n++]!;
    while (a !== b) {
      if (a < b) a *= old[o++]!.size;
      else b *= shape[n++]!;
    }
    for (let i = firstOld; i + 1 < o; i++)
      if (old[i]!.stride !== old[i + 1]!.stride * old[i + 1]!.size) return null;
    let step = old[o - 1]!.stride;
    for (let i = n - 1; i >= firstNew; i--) {
      strides[i] = step;
      step *= shape[i]!;
    }
  }
  return strides;
}

/**
 * The same elements in row-major order under another shape; a view where the strides allow, a copy otherwise.
 *
 * @param x any shape
 * @param shape sizes with the same product; one may be -1 and is computed
 * @throws TensorError E_SHAPE when the sizes do not fit
 * @example
 * tensor([1, 2, 3, 4]).reshape([2, -1]).toArray(); // => [[1, 2], [3, 4]]
 */
export const reshape = operation(definition, (x: Tensor, shape: Shape): Tensor => {
  x.assertAlive('reshape');
  const full = completeShape(x, shape);
  const strides = viewStrides(x, full);
  return strides ? apply1(definition, [x], { shape: full, strides }) : reshape(clone(x), full);
});

function completeShape(x: Tensor, shape: Shape): Shape {
  const unknown = shape.indexOf(-1);
  let full = shape;
  if (unknown >= 0) {
    const known = sizeOf(shape.filter((_, i) => i !== unknown));
    full = shape.map((n, i) => (i === unknown ? (known === 0 ? 0 : x.size / known) : n));
    if (!Number.isInteger(full[unknown]!)) full = shape;
  }
  if (full.some((n) => n < 0) || sizeOf(full) !== x.size)
    throw new TensorError(
      'E_SHAPE',
      'reshape',
      `sizes must multiply to ${x.size}, with at most one -1`,
      `${formatShape(x.shape)} to ${formatShape(shape)}`,
    );
  checkShape('reshape', full);
  return full;
}

/**
 * Merges the axes from `start` to `end` (inclusive) into one.
 * @example
 * x.flatten(0, 1).shape; // => [B * T, C]
 */
export const flatten = operation(definition, (x: Tensor, start = 0, end = -1): Tensor => {
  if (x.rank === 0) return reshape(x, [1]);
  const a = normalizeAxis('flatten', start, x.rank);
  const b = normalizeAxis('flatten', end, x.rank);
  if (b < a) throw new TensorError('E_INDEX', 'flatten', 'start must not come after end', `${start}, ${end}`);
  return reshape(x, [...x.shape.slice(0, a), sizeOf(x.shape.slice(a, b + 1)), ...x.shape.slice(b + 1)]);
});

/**
 * Drops an axis of size 1.
 * @throws TensorError E_SHAPE when its size is not 1
 * @example
 * x.sum(-1, { keepDims: true }).squeeze(-1).shape; // => [B, T]
 */
export const squeeze = operation(definition, (x: Tensor, axis: number): Tensor => {
  const a = normalizeAxis('squeeze', axis, x.rank);
  if (x.shape[a] !== 1)
    throw new TensorError(
      'E_SHAPE',
      'squeeze',
      'the axis must have size 1',
      `axis ${axis} of ${formatShape(x.shape)}`,
    );
  return reshape(
    x,
    x.shape.filter((_, i) => i !== a),
  );
});

/**
 * Inserts an axis of size 1 before `axis`.
 * @example
 * x.unsqueeze(0).shape; // => [1, B, T, C]
 */
export const unsqueeze = operation(definition, (x: Tensor, axis: number): Tensor => {
  const a = normalizeAxis('unsqueeze', axis, x.rank + 1);
  return reshape(x, [...x.shape.slice(0, a), 1, ...x.shape.slice(a)]);
});
