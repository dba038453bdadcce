import { DTYPES, requireFloat } from '../dtype.js';
import { TensorError } from '../errors.js';
import { toDense } from '../layout.js';
import { apply, apply1, describe, like, type OpDefinition, operation } from '../op.js';
import { Kernel } from '../runtime.js';
import { sameShape } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { siluSlope, siluValue } from './silu.js';

const forwardKernel = new Kernel('swiglu', '');
const gradKernel = new Kernel('swiglu_grad', '');

/** dgate and dup from gate, up and dy. */
export const swigluGrad: OpDefinition = {
  name: 'swigluGrad',
  infer: ([gate, up]) => [gate!, up!],
  reference: ([gate, up, dy]) => [
    gate!.data.map((g, i) => dy!.data[i]! * up!.data[i]! * siluSlope(g)),
    gate!.data.map((g, i) => dy!.data[i]! * siluValue(g)),
  ],
  native: (inputs) => ({ kernel: gradKernel, inputs: inputs.map(toDense) }),
};

const definition: OpDefinition = {
  name: 'swiglu',
  infer(inputs) {
    const [gate, up] = inputs;
    requireFloat('swiglu', gate!.dtype, 'gate');
    if (!sameShape(gate!.shape, up!.shape) || gate!.dtype !== up!.dtype)
      throw new TensorError(
        'E_SHAPE',
        'swiglu',
        'gate and up must have one shape and dtype',
        describe(gate!, up!),
      );
    return like(inputs);
  },
  reference: ([gate, up]) => [gate!.data.map((g, i) => siluValue(g) * up!.data[i]!)],
  native: (inputs) => ({ kernel: forwardKernel, inputs }),
  saves: { inputs: [0, 1] },
  grad: (ctx, [dy]) => apply(swigluGrad, [ctx.input(0), ctx.input(1), dy], undefined),
  cost: ([gate]) => ({ flops: 6 * gate!.size, bytes: 3 * gate!.size * DTYPES[gate!.dtype].bytes }),
};

/**
 * y = silu(gate) * up, in one pass; its gradient too reads and writes each element once and keeps no silu(gate).
 *
 * Shazeer, GLU Variants Improve Transformer, 2020, equation 5.
 *
 * @param gate float, any shape
 * @param up of the shape and dtype of gate
 * @throws TensorError E_SHAPE when shapes or dtypes differ, E_DTYPE for integers
 * @example
 * swiglu(tensor([0, 30]), tensor([5, 2])).toArray(); // => [0, 60]
 */
export const swiglu = operation(
  definition,
  (gate: Tensor, up: Tensor): Tensor => apply1(definition, [gate, up], undefined),
);
