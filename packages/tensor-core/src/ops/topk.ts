import { DTYPES } from '../dtype.js';
import { TensorError } from '../errors.js';
import { toRows } from '../layout.js';
import { apply, describe, type OpDefinition, operation } from '../op.js';
import { Kernel } from '../runtime.js';
import type { Tensor } from '../tensor.js';
import { scatterAdd } from './gather.js';

const kernel = new Kernel('topk', 'i:k;');

const definition: OpDefinition<{ k: number }> = {
  name: 'topk',
  infer([x], { k }) {
    if (x!.rank === 0 || !Number.isInteger(k) || k < 1 || k > x!.shape.at(-1)!)
      throw new TensorError(
        'E_SHAPE',
        'topk',
        'k must be an integer from 1 to the size of the last axis',
        `${describe(x!)}, k = ${k}`,
      );
    const shape = [...x!.shape.slice(0, -1), k];
    return [
      { shape, dtype: x!.dtype },
      { shape, dtype: 'i32' },
    ];
  },
  reference([x], { k }) {
    const n = x!.shape.at(-1)!;
    const values: number[] = [];
    const indices: number[] = [];
    const key = (v: number) => (Number.isNaN(v) ? Number.POSITIVE_INFINITY : v);
    for (let start = 0; start < x!.data.length; start += n) {
      const row = x!.data.subarray(start, start + n);
      const nan = (i: number) => (Number.isNaN(row[i]!) ? 1 : 0);
      const order = Array.from(row, (_, i) => i).sort(
        (a, b) =>
          nan(b) - nan(a) ||
          Number(key(row[b]!) > key(row[a]!)) - Number(key(row[b]!) < key(row[a]!)) ||
          a - b,
      );
      for (const i of order.slice(0, k)) {
        values.push(row[i]!);
        indices.push(i);
      }
    }
    return [values, indices];
  },
  native: ([x], { k }) => ({ kernel, inputs: [toRows(x!)], attrs: [k] }),
  saves: { outputs: [1] },
  grad: (ctx, [dy]) => [scatterAdd(dy, -1, ctx.output(1), ctx.inputSpecs[0]!.shape)],
  cost: ([x]) => ({ flops: x!.size, bytes: x!.size * DTYPES[x!.dtype].bytes }),
};

/**
 * The k largest elements along the last axis, in descending order, with their positions. Of equal elements the earlier
 * comes first; NaN comes before all.
 *
 * @param x [.., n], any dtype
 * @param k from 1 to n
 * @returns values and i32 indices, both [.., k]
 * @throws TensorError E_SHAPE
 * @example
 * const [values, indices] = logits.topk(3);
 */
export const topk = operation(definition, (x: Tensor, k: number): readonly [Tensor, Tensor] => {
  const [values, indices] = apply(definition, [x], { k });
  return [values!, indices!];
});
