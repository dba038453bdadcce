import { DTYPES, requireFloat } from '../dtype.js';
import { apply1, like, type OpDefinition, operation } from '../op.js';
import { Kernel } from '../runtime.js';
import type { Tensor } from '../tensor.js';

const forwardKernel = new Kernel('silu', '');
const gradKernel = new Kernel('silu_grad', '');
const logistic = (x: number) => 1 / (1 + Math.exp(-x));

/** @internal */
export const siluValue = (x: number): number => x * logistic(x);
/** @internal */
export function siluSlope(x: number): number {
  const s = logistic(x);
  return s * (1 + x * (1 - s));
}

/** @internal dx from x and dy */
export const siluGrad: OpDefinition = {
  name: 'siluGrad',
  infer: like,
  reference: ([x, dy]) => [x!.data.map((v, i) => dy!.data[i]! * siluSlope(v))],
  native: (inputs) => ({ kernel: gradKernel, inputs }),
};

const definition: OpDefinition = {
  name: 'silu',
  infer(inputs) {
    requireFloat('silu', inputs[0]!.dtype);
    return like(inputs);
  },
  reference: ([x]) => [x!.data.map(siluValue)],
  native: (inputs) => ({ kernel: forwardKernel, inputs }),
  saves: { inputs: [0] },
  grad: (ctx, [dy]) => [apply1(siluGrad, [ctx.input(0), dy], undefined)],
  cost: ([x]) => ({ flops: 5 * x!.size, bytes: 2 * x!.size * DTYPES[x!.dtype].bytes }),
};

/**
 * y = x / (1 + exp(-x)), also called swish.
 *
 * Elfwing, Uchibe, Doya, Sigmoid-Weighted Linear Units, 2017, equation 5.
 *
 * @param x float, any shape
 * @throws TensorError E_DTYPE
 * @example
 * const [gate, up] = x.chunk(2, -1);
 * gate.silu().mul(up);
 */
export const silu = operation(definition, (x: Tensor): Tensor => apply1(definition, [x], undefined));
