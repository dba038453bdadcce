import { DTYPES, requireFloat } from '../dtype.js';
import { apply1, like, type OpDefinition, operation } from '../op.js';
import { Kernel } from '../runtime.js';
import type { Tensor } from '../tensor.js';
import { alongAxis, exponentials, mapRows, rowsCall } from './softmax.js';

const forwardKernel = new Kernel('log_softmax', '');
const gradKernel = new Kernel('log_softmax_grad', '');

const gradient: OpDefinition = {
  name: 'logSoftmaxGrad',
  infer: like,
  reference: ([y, dy]) => {
    const columns = y!.shape.at(-1)!;
    return [
      mapRows(y!, (row, r) => {
        const g = dy!.data.subarray(r * columns, (r + 1) * columns);
        const total = g.reduce((a, b) => a + b, 0);
        return row.map((v, i) => g[i]! - Math.exp(v) * total);
      }),
    ];
  },
  native: (inputs) => rowsCall(gradKernel, inputs),
};

const definition: OpDefinition = {
  name: 'logSoftmax',
  infer(inputs) {
    requireFloat('logSoftmax', inputs[0]!.dtype);
    return like(inputs);
  },
  reference: ([x]) => [
    mapRows(x!, (row) => {
      const { total, max } = exponentials(row);
      return row.map((v) => v - max - Math.log(total));
    }),
  ],
  native: (inputs) => rowsCall(forwardKernel, inputs),
  saves: { outputs: [0] },
  grad: (ctx, [dy]) => [apply1(gradient, [ctx.output(0), dy], undefined)],
  cost: ([x]) => ({ flops: 5 * x!.size, bytes: 2 * x!.size * DTYPES[x!.dtype].bytes }),
};

/**
 * y[i] = x[i] - log(sum over j of exp(x[j])), along one axis, without overflow.
 *
 * @param x float, any shape
 * @throws TensorError E_DTYPE, E_INDEX
 * @example
 * logits.logSoftmax(-1);
 */
export const logSoftmax = operation(
  definition,
  (x: Tensor, axis = -1): Tensor =>
    alongAxis('logSoftmax', x, axis, (rows) => apply1(definition, [rows], undefined)),
);
