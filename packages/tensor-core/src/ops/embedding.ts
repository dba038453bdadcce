import { DTYPES, requireFloat } from '../dtype.js';
import { TensorError } from '../errors.js';
import { toDense, toRows } from '../layout.js';
import { apply1, describe, type OpDefinition, operation, type RefArray } from '../op.js';
import { Kernel, launchInto } from '../runtime.js';
import { sizeOf } from '../shape.js';
import type { Tensor } from '../tensor.js';

const forwardKernel = new Kernel('embedding', '');
const gradKernel = new Kernel('embedding_grad', 'i:add;');

function checkIds(ids: RefArray, rows: number): void {
  for (const id of ids.data)
    if (!(id >= 0 && id < rows))
      throw new TensorError('E_INDEX', 'embedding', `ids must lie in [0, ${rows - 1}]`, `${id}`);
}

const gradient: OpDefinition<{ rows: number }> = {
  name: 'embeddingGrad',
  infer: ([dy], { rows }) => [{ shape: [rows, dy!.shape.at(-1)!], dtype: dy!.dtype }],
  reference([dy, ids], { rows }) {
    const columns = dy!.shape.at(-1)!;
    const out = new Float64Array(rows * columns);
    ids!.data.forEach((id, r) => {
      for (let c = 0; c < columns; c++) out[id * columns + c]! += dy!.data[r * columns + c]!;
    });
    return [out];
  },
  native: ([dy, ids]) => ({ kernel: gradKernel, inputs: [rowsOf(dy!), flat(ids!)], attrs: [0] }),
};

function rowsOf(dy: Tensor) {
  const { storage, offset, dtype } = toDense(dy);
  const columns = dy.shape.at(-1)!;
  return { storage, offset, dtype, shape: [sizeOf(dy.shape.slice(0, -1)), columns], strides: [columns, 1] };
}

function flat(ids: Tensor) {
  const { storage, offset, dtype } = toDense(ids);
  return { storage, offset, dtype, shape: [ids.size], strides: [1] };
}

const definition: OpDefinition = {
  name: 'embedding',
  infer([table, ids]) {
    requireFloat('embedding', table!.dtype, 'table');
    if (ids!.dtype !== 'i32')
      throw new TensorError(
        'E_DTYPE',
        'embedding',
        'ids must be i32',
        ids!.dtype,
        "cast them: ids.cast('i32')",
      );
    if (table!.rank !== 2)
      throw new TensorError('E_SHAPE', 'embedding', 'the table must be [V, C]', describe(table!));
    return [{ shape: [...ids!.shape, table!.shape[1]!], dtype: table!.dtype }];
  },
  reference([table, ids], _, [y]) {
    const columns = table!.shape[1]!;
    checkIds(ids!, table!.shape[0]!);
    const out = new Float64Array(sizeOf(y!.shape));
    ids!.data.forEach((id, r) => {
      out.set(table!.data.subarray(id * columns, (id + 1) * columns), r * columns);
    });
    return [out];
  },
  native: ([table, ids]) => ({
    kernel: forwardKernel,
    inputs: [toRows(table!), flat(ids!)],
    outputShapes: [[ids!.size, table!.shape[1]!]],
  }),
  saves: { inputs: [1] },
  grad(ctx, [dy]) {
    const ids = ctx.input(1);
    // A table that is used elsewhere too (a tied output matrix, an earlier backward) has a gradient already: a second
    // one of its size would be mostly zeros.
    const sum = ctx.gathered(0);
    if (!sum || sum.dtype !== dy.dtype)
      return [apply1(gradient, [dy, ids], { rows: ctx.inputSpecs[0]!.shape[0]! }), null];
    const [rows, dense] = [dy, ids].map((t) => (t.isContiguous ? t : t.clone())) as [Tensor, Tensor];
    launchInto(gradKernel, [rowsOf(rows), flat(dense)], [sum], [1]);
    return [null, null];
  },
  cost: (_, __, [y]) => ({ flops: 0, bytes: 2 * sizeOf(y!.shape) * DTYPES[y!.dtype].bytes }),
};

/**
 * The rows of a table named by ids; the gradient adds into the rows that were used.
 *
 * @param table float, [V, C]
 * @param ids i32, any shape, each in [0, V)
 * @returns [..ids, C]
 * @throws TensorError E_INDEX for an id outside the table, E_DTYPE, E_SHAPE
 * @example
 * embedding(wte, ids).shape; // => [B, T, C]
 */
export const embedding = operation(
  definition,
  (table: Tensor, ids: Tensor): Tensor => apply1(definition, [table, ids], undefined),
);
