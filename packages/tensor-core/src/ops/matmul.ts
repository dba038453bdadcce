import { DTYPES, promote, requireFloat } from '../dtype.js';
import { TensorError } from '../errors.js';
import { broadcastView, toDense } from '../layout.js';
import { apply1, describe, type OpDefinition, operation } from '../op.js';
import { type MatmulPrecision, matmulPrecision } from '../precision.js';
import { Kernel, type View } from '../runtime.js';
import { broadcastShapes, isDense, type Shape, sizeOf } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { cast } from './cast.js';
import { sumTo } from './elementwise.js';
import { transpose } from './permute.js';
import { reshape } from './reshape.js';

export interface MatmulAttrs {
  precision: MatmulPrecision;
}

export const matmulKernel = new Kernel(
  'matmul',
  'i:bf16;i:bias;i:activate_a;i:activate_b;i:activation;i:other;',
);

const definition: OpDefinition<MatmulAttrs> = {
  name: 'matmul',
  infer([a, b]) {
    requireFloat('matmul', a!.dtype);
    const [m, k] = a!.shape.slice(-2) as [number, number];
    const [k2, n] = b!.shape.slice(-2) as [number, number];
    if (k !== k2)
      throw new TensorError(
        'E_SHAPE',
        'matmul',
        'inner dimensions must match',
        `${describe(a!, b!)} (${k} and ${k2})`,
        'transpose one side?',
      );
    const batch = broadcastShapes('matmul', a!.shape.slice(0, -2), b!.shape.slice(0, -2));
    return [{ shape: [...batch, m, n], dtype: a!.dtype }];
  },
  reference([a, b], _, [y]) {
    const [m, n] = y!.shape.slice(-2) as [number, number];
    const k = a!.shape.at(-1)!;
    const batch = y!.shape.slice(0, -2);
    const out = new Float64Array(sizeOf(y!.shape));
    const starts = [a!, b!].map((x) => batchStarts(x.shape, batch));
    for (let s = 0; s < sizeOf(batch); s++)
      for (let i = 0; i < m; i++)
        for (let j = 0; j < n; j++) {
          let total = 0;
          for (let p = 0; p < k; p++)
            total +=
              a!.data[starts[0]![s]! * m * k + i * k + p]! * b!.data[starts[1]![s]! * k * n + p * n + j]!;
          out[(s * m + i) * n + j] = total;
        }
    return [out];
  },
  native([a, b], { precision }, [y]) {
    const batch = y!.shape.slice(0, -2);
    const [m, n] = y!.shape.slice(-2) as [number, number];
    return {
      kernel: matmulKernel,
      inputs: [batched(matrix(a!), batch, a!), batched(matrix(b!), batch, b!)],
      outputShapes: [batch.length === 0 ? [m, n] : [sizeOf(batch), m, n]],
      attrs: [precision === 'bf16' ? 1 : 0, 0, 0, 0, 0, 0],
    };
  },
  saves: { inputs: [0, 1] },
  grad(ctx, [dy]) {
    const product = (a: Tensor, b: Tensor) => apply1(definition, [a, b], ctx.attrs);
    const [da, db] = ctx.inputSpecs;
    return [
      ctx.needs(0) ? sumTo(product(dy, transpose(ctx.input(1), -2, -1)), da!.shape) : null,
      ctx.needs(1) ? sumTo(product(transpose(ctx.input(0), -2, -1), dy), db!.shape) : null,
    ];
  },
  cost([a, b], _, [y]) {
    const flops = 2 * sizeOf(y!.shape) * a!.shape.at(-1)!;
    return { flops, bytes: (a!.size + b!.size + sizeOf(y!.shape)) * DTYPES[a!.dtype].bytes };
  },
};

// Which matrix of a stack belongs to each matrix of the broadcast stack.
function batchStarts(shape: Shape, batch: Shape): number[] {
  const own = shape.slice(0, -2);
  return Array.from({ length: sizeOf(batch) }, (_, s) => {
    let at = 0;
    let step = 1;
    for (let a = 1; a <= batch.length; a++) {
      const index = s % batch[batch.length - a]!;
      s = Math.floor(s / batch[batch.length - a]!);
      const size = own[own.length - a] ?? 1;
      if (size !== 1) at += index * step;
      step *= size;
    }
    return at;
  });
}

/** A view one of whose last two strides is 1, copied if neither is. */
export function matrix(v: View): View {
  const r = v.shape.length;
  const [m, n] = [v.shape[r - 2]!, v.shape[r - 1]!];
  const [sm, sn] = [v.strides[r - 2]!, v.strides[r - 1]!];
  if (sn === 1 || sm === 1) return v;
  // An axis of size 1 can carry any stride.
  const strides = [...v.strides];
  if (n <= 1) strides[r - 1] = 1;
  else if (m <= 1) strides[r - 2] = 1;
  else return toDense(v);
  return { storage: v.storage, offset: v.offset, shape: v.shape, strides, dtype: v.dtype };
}

// [batch.., M, K] as [batch, M, K]: one batch stride when the leading axes allow it, else a copy.
function batched(v: View, batch: Shape, owner: View): View {
  if (batch.length === 0) return v;
  const rows = v.shape.slice(-2);
  const lead = v.shape.slice(0, -2);
  const base = { storage: v.storage, offset: v.offset, dtype: v.dtype, shape: [sizeOf(batch), ...rows] };
  if (sizeOf(lead) === 1) return { ...base, strides: [0, ...v.strides.slice(-2)] };
  const full = broadcastView(v, [...batch, ...rows]);
  const step = full.strides[batch.length - 1]!;
  const merged = full.strides.slice(0, -2).map((s) => (step === 0 ? s : s / step));
  if (step > 0 && isDense(batch, merged)) return { ...base, strides: [step, ...v.strides.slice(-2)] };
  const dense = toDense(full);
  if (v.storage !== owner.storage && dense.storage !== v.storage) v.storage.release();
  return { ...dense, shape: base.shape, strides: [rows[0]! * rows[1]!, rows[1]!, 1] };
}

/**
 * The matrix product y[.., i, j] = sum over k of a[.., i, k] * b[.., k, j].
 *
 * Leading axes broadcast; a vector on the left is a row, on the right a column, and that axis disappears from the
 * result. Transposed views are read as they are, without a copy.
 *
 * @param a float, [.., M, K] or [K]
 * @param b float, [.., K, N] or [K]
 * @returns [.., M, N]
 * @throws TensorError E_SHAPE when the inner sizes differ or an operand is a scalar, E_DTYPE for integers
 * @example
 * tensor([[1, 2]]).matmul(tensor([[3], [4]])).item(); // => 11
 */
export const matmul = operation(definition, (a: Tensor, b: Tensor): Tensor => {
  a.assertAlive('matmul');
  b.assertAlive('matmul');
  if (a.rank === 0 || b.rank === 0)
    throw new TensorError(
      'E_SHAPE',
      'matmul',
      'operands must have at least one axis',
      describe(a, b),
      'use mul for scalars',
    );
  const dtype = promote(a.dtype, b.dtype);
  const attrs = { precision: matmulPrecision() };
  const x = a.rank === 1 ? reshape(a, [1, a.size]) : a;
  const w = b.rank === 1 ? reshape(b, [b.size, 1]) : b;
  // One weight matrix under many rows is a single product, not a batch of them.
  const merge = x.rank > 2 && w.rank === 2 && x.isContiguous;
  const left = merge ? reshape(x, [sizeOf(x.shape.slice(0, -1)), x.shape.at(-1)!]) : x;
  let y = apply1(definition, [cast(left, dtype), cast(w, dtype)], attrs);
  if (merge) y = reshape(y, [...x.shape.slice(0, -1), w.shape[1]!]);
  if (b.rank === 1) y = reshape(y, y.shape.slice(0, -1));
  if (a.rank === 1)
    y = reshape(y, [...y.shape.slice(0, b.rank === 1 ? -1 : -2), ...(b.rank === 1 ? [] : y.shape.slice(-1))]);
  return y;
});
