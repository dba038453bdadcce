import { DTYPES, requireFloat } from '../dtype.js';
import { toMatrix } from '../layout.js';
import { apply1, like, type OpDefinition, operation, type RefArray } from '../op.js';
import { Kernel, type View } from '../runtime.js';
import { normalizeAxis } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { transpose } from './permute.js';
import { reshape } from './reshape.js';

/** Applies f to every row of the last axis. */
export function mapRows(x: RefArray, f: (row: Float64Array, r: number) => ArrayLike<number>): Float64Array {
  const columns = x.shape.at(-1)!;
  const out = new Float64Array(x.data.length);
  for (let r = 0; columns > 0 && r * columns < x.data.length; r++)
    out.set(f(x.data.subarray(r * columns, (r + 1) * columns), r), r * columns);
  return out;
}

/** The shifted exponentials of a row and their sum. */
export function exponentials(row: Float64Array): { e: Float64Array; total: number; max: number } {
  let max = Number.NEGATIVE_INFINITY;
  for (const v of row) max = Math.max(max, v);
  const e = row.map((v) => Math.exp(v - max));
  return { e, total: e.reduce((a, b) => a + b, 0), max };
}

/** A kernel over rows: every input as [n, C]. */
export function rowsCall(kernel: Kernel, inputs: readonly View[], attrs?: readonly number[]) {
  const matrices = inputs.map(toMatrix);
  return { kernel, inputs: matrices, outputShapes: [matrices[0]!.shape], attrs };
}

const forwardKernel = new Kernel('softmax', '');
const gradKernel = new Kernel('softmax_grad', '');

const gradient: OpDefinition = {
  name: 'softmaxGrad',
  infer: like,
  reference: ([y, dy]) => {
    const columns = y!.shape.at(-1)!;
    return [
      mapRows(y!, (row, r) => {
        const g = dy!.data.subarray(r * columns, (r + 1) * columns);
        const dot = row.reduce((s, v, i) => s + v * g[i]!, 0);
        return row.map((v, i) => v * (g[i]! - dot));
      }),
    ];
  },
  native: (inputs) => rowsCall(gradKernel, inputs),
};

const definition: OpDefinition = {
  name: 'softmax',
  infer(inputs) {
    requireFloat('softmax', inputs[0]!.dtype);
    return like(inputs);
  },
  reference: ([x]) => [
    mapRows(x!, (row) => {
      const { e, total } = exponentials(row);
      return e.map((v) => v / total);
    }),
  ],
  native: (inputs) => rowsCall(forwardKernel, inputs),
  saves: { outputs: [0] },
  grad: (ctx, [dy]) => [apply1(gradient, [ctx.output(0), dy], undefined)],
  cost: ([x]) => ({ flops: 5 * x!.size, bytes: 2 * x!.size * DTYPES[x!.dtype].bytes }),
};

/** Runs a last-axis op over another axis. */
export function alongAxis(op: string, x: Tensor, axis: number, f: (x: Tensor) => Tensor): Tensor {
  x.assertAlive(op);
  if (x.rank === 0) return reshape(f(reshape(x, [1])), []);
  const a = normalizeAxis(op, axis, x.rank);
  return a === x.rank - 1 ? f(x) : transpose(f(transpose(x, a, -1)), a, -1);
}

/**
 * y[i] = exp(x[i] - m) / sum over j of exp(x[j] - m), with m the largest x, along one axis.
 *
 * @param x float, any shape
 * @throws TensorError E_DTYPE, E_INDEX
 * @example
 * logits.softmax(-1);
 */
export const softmax = operation(
  definition,
  (x: Tensor, axis = -1): Tensor =>
    alongAxis('softmax', x, axis, (rows) => apply1(definition, [rows], undefined)),
);
