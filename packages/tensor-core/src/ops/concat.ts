import { DTYPES, promote } from '../dtype.js';
import { TensorError } from '../errors.js';
import { copyInto } from '../layout.js';
import { apply1, describe, type OpDefinition, operation } from '../op.js';
import { scope } from '../scope.js';
import { normalizeAxis, type Shape, sizeOf } from '../shape.js';
import { empty, type Tensor } from '../tensor.js';
import { cast } from './cast.js';
import { part } from './slice.js';
import { split } from './split.js';

const definition: OpDefinition<{ axis: number }> = {
  name: 'concat',
  infer(inputs, { axis }) {
    const [first] = inputs;
    for (const x of inputs)
      if (x.rank !== first!.rank || x.shape.some((n, a) => a !== axis && n !== first!.shape[a]))
        throw new TensorError(
          'E_SHAPE',
          'concat',
          `shapes must be equal but for axis ${axis}`,
          describe(first!, x),
        );
    const total = inputs.reduce((n, x) => n + x.shape[axis]!, 0);
    return [{ shape: first!.shape.map((n, a) => (a === axis ? total : n)), dtype: first!.dtype }];
  },
  reference(inputs, { axis }, [y]) {
    // A tensor is `outer` runs of as many elements as lie at and behind the axis.
    const outer = sizeOf(y!.shape.slice(0, axis));
    const run = (shape: Shape) => sizeOf(shape.slice(axis));
    const out = new Float64Array(sizeOf(y!.shape));
    let at = 0;
    for (let o = 0; o < outer; o++)
      for (const x of inputs) {
        const n = run(x.shape);
        out.set(x.data.subarray(o * n, (o + 1) * n), at);
        at += n;
      }
    return [out];
  },
  run(inputs, { axis }, [y]) {
    const out = empty('concat', y!.shape, y!.dtype, inputs[0]!.device);
    let start = 0;
    for (const x of inputs) {
      copyInto(part(out, { axis, start }, x.shape), x);
      start += x.shape[axis]!;
    }
    return [out];
  },
  grad: (ctx, [dy]) => {
    const { axis } = ctx.attrs;
    return split(
      dy,
      ctx.inputSpecs.map(({ shape }) => shape[axis]!),
      axis,
    );
  },
  cost: (_, __, [y]) => ({ flops: 0, bytes: 2 * sizeOf(y!.shape) * DTYPES[y!.dtype].bytes }),
};

/**
 * Tensors one behind the other along an axis.
 *
 * @param list at least one tensor, with equal shapes but for `axis`; dtypes are promoted
 * @param axis default 0
 * @throws TensorError E_SHAPE, E_INDEX, E_DEVICE
 * @example
 * concat([past, next], 1).shape; // => [B, T + 1, C]
 */
export const concat = operation(definition, (list: readonly Tensor[], axis = 0): Tensor => {
  const [first] = list;
  if (!first) throw new TensorError('E_SHAPE', 'concat', 'there must be at least one tensor', 'none');
  const a = normalizeAxis('concat', axis, first.rank);
  const dtype = list.reduce((d, x) => promote(d, x.dtype), first.dtype);
  return scope(() =>
    apply1(
      definition,
      list.map((x) => (x.dtype === dtype ? x : cast(x, dtype))),
      { axis: a },
    ),
  );
});
