import { DTYPES } from '../dtype.js';
import { TensorError } from '../errors.js';
import { apply1, describe, type OpDefinition, operation, type RefArray } from '../op.js';
import { Kernel } from '../runtime.js';
import { checkShape, denseStrides, formatShape, normalizeAxis, type Shape, sizeOf } from '../shape.js';
import type { Tensor } from '../tensor.js';

const gatherKernel = new Kernel('gather', 'i:axis;');
const scatterKernel = new Kernel('scatter_add', 'i:axis;');

// An index selects along `axis` from a tensor that is at least as large along every other axis.
function requireIndex(op: string, index: Tensor, shape: Shape, axis: number): void {
  if (index.dtype !== 'i32')
    throw new TensorError('E_DTYPE', op, 'the index must be i32', index.dtype, "cast it: index.cast('i32')");
  if (index.rank !== shape.length || index.shape.some((n, a) => a !== axis && n > shape[a]!))
    throw new TensorError(
      'E_SHAPE',
      op,
      `the index must be no larger than the tensor but along axis ${axis}`,
      `index ${formatShape(index.shape)} into ${formatShape(shape)}`,
    );
}

/** Calls f(i, at) for each element i of the index, `at` being the place in a dense tensor that it selects. */
function eachSelected(
  op: string,
  index: RefArray,
  shape: Shape,
  axis: number,
  f: (i: number, at: number) => void,
) {
  const own = denseStrides(index.shape);
  const strides = denseStrides(shape);
  index.data.forEach((id, i) => {
    if (!(id >= 0 && id < shape[axis]!))
      throw new TensorError('E_INDEX', op, `indices must lie in [0, ${shape[axis]! - 1}]`, `${id}`);
    let at = 0;
    for (let a = 0; a < shape.length; a++) {
      const position = Math.floor(i / own[a]!) % index.shape[a]!;
      at += (a === axis ? id : position) * strides[a]!;
    }
    f(i, at);
  });
}

const gatherDefinition: OpDefinition<{ axis: number }> = {
  name: 'gather',
  infer([x, index], { axis }) {
    requireIndex('gather', index!, x!.shape, axis);
    return [{ shape: index!.shape, dtype: x!.dtype }];
  },
  reference([x, index], { axis }, [y]) {
    const out = new Float64Array(sizeOf(y!.shape));
    eachSelected('gather', index!, x!.shape, axis, (i, at) => {
      out[i] = x!.data[at]!;
    });
    return [out];
  },
  native: (inputs, { axis }) => ({ kernel: gatherKernel, inputs, attrs: [axis] }),
  saves: { inputs: [1] },
  grad: (ctx, [dy]) => [scatterAdd(dy, ctx.attrs.axis, ctx.input(1), ctx.inputSpecs[0]!.shape), null],
  cost: ([x, index]) => ({ flops: 0, bytes: index!.size * (4 + 2 * DTYPES[x!.dtype].bytes) }),
};

const scatterDefinition: OpDefinition<{ axis: number; shape: Shape }> = {
  name: 'scatterAdd',
  infer([x, index], { axis, shape }) {
    if (x!.dtype === 'u8' || x!.dtype === 'bool')
      throw new TensorError(
        'E_DTYPE',
        'scatterAdd',
        'x must be a float dtype or i32',
        x!.dtype,
        'cast it first',
      );
    requireIndex('scatterAdd', index!, shape, axis);
    if (formatShape(x!.shape) !== formatShape(index!.shape))
      throw new TensorError(
        'E_SHAPE',
        'scatterAdd',
        'the index must have the shape of x',
        describe(x!, index!),
      );
    return [{ shape, dtype: x!.dtype }];
  },
  reference([x, index], { axis, shape }) {
    const out = new Float64Array(sizeOf(shape));
    eachSelected('scatterAdd', index!, shape, axis, (i, at) => {
      out[at]! += x!.data[i]!;
    });
    return [out];
  },
  native: (inputs, { axis }) => ({ kernel: scatterKernel, inputs, attrs: [axis] }),
  saves: { inputs: [1] },
  grad: (ctx, [dy]) => [gather(dy, ctx.attrs.axis, ctx.input(1)), null],
  cost: ([x], { shape }) => ({
    flops: x!.size,
    bytes: x!.size * (4 + DTYPES[x!.dtype].bytes) + sizeOf(shape) * DTYPES[x!.dtype].bytes,
  }),
};

/**
 * Elements picked along an axis: y[.., i, ..] = x[.., index[.., i, ..], ..].
 *
 * @param x any shape
 * @param axis counted from the end when negative
 * @param index i32, of as many axes as x, no larger than x along the other axes; values in [0, size of the axis)
 * @returns the shape of the index
 * @throws TensorError E_INDEX for an index outside the axis, E_SHAPE, E_DTYPE
 * @example
 * logits.logSoftmax().gather(-1, targets.unsqueeze(-1)).shape; // => [B, 1]
 */
export const gather = operation(
  gatherDefinition,
  (x: Tensor, axis: number, index: Tensor): Tensor =>
    apply1(gatherDefinition, [x, index], { axis: normalizeAxis('gather', axis, x.rank) }),
);

/**
 * Elements added into zeros at picked places, the gradient of {@link gather}:
 * y[.., index[.., i, ..], ..] += x[.., i, ..].
 *
 * @param x float or i32
 * @param axis counted from the end when negative
 * @param index i32, of x's shape; values in [0, shape[axis])
 * @param shape of the result, no smaller than x along the other axes
 * @throws TensorError E_INDEX for an index outside the axis, E_SHAPE, E_DTYPE
 * @example
 * scatterAdd(ones([4]), 0, tensor([2, 0, 2, 2], { dtype: 'i32' }), [3]).toArray(); // => [1, 0, 3]
 */
export const scatterAdd = operation(
  scatterDefinition,
  (x: Tensor, axis: number, index: Tensor, shape: Shape): Tensor => {
    checkShape('scatterAdd', shape);
    const a = normalizeAxis('scatterAdd', axis, shape.length);
    return apply1(scatterDefinition, [x, index], { axis: a, shape: [...shape] });
  },
);
