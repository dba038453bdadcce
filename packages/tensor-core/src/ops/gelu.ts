import { DTYPES, requireFloat } from '../dtype.js';
import { apply1, like, type OpDefinition, operation } from '../op.js';
import { Kernel } from '../runtime.js';
import type { Tensor } from '../tensor.js';
import { errorFunction } from './special.js';

/** 'none' is exact; 'tanh' is the approximation GPT-2 was trained with. */
export type GeluApproximation = 'none' | 'tanh';

interface GeluAttrs {
  approximate: GeluApproximation;
}

const kernels = { none: new Kernel('gelu', ''), tanh: new Kernel('gelu_tanh', '') };
const gradKernels = { none: new Kernel('gelu_grad', ''), tanh: new Kernel('gelu_tanh_grad', '') };

const A = Math.sqrt(2 / Math.PI);
const B = 0.044715;

/** @internal */
export const geluValue = {
  none: (x: number) => 0.5 * x * (1 + errorFunction(x / Math.SQRT2)),
  tanh: (x: number) => 0.5 * x * (1 + Math.tanh(A * (x + B * x ** 3))),
};

/** @internal */
export const geluSlope = {
  none: (x: number) =>
    0.5 * (1 + errorFunction(x / Math.SQRT2)) + (x * Math.exp((-x * x) / 2)) / Math.sqrt(2 * Math.PI),
  tanh(x: number) {
    const t = Math.tanh(A * (x + B * x ** 3));
    return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * A * (1 + 3 * B * x * x);
  },
};

/** @internal dx from x and dy */
export const geluGrad: OpDefinition<GeluAttrs> = {
  name: 'geluGrad',
  infer: like,
  reference: ([x, dy], { approximate }) => [x!.data.map((v, i) => geluSlope[approximate](v) * dy!.data[i]!)],
  native: (inputs, { approximate }) => ({ kernel: gradKernels[approximate], inputs }),
};

const definition: OpDefinition<GeluAttrs> = {
  name: 'gelu',
  infer(inputs) {
    requireFloat('gelu', inputs[0]!.dtype);
    return like(inputs);
  },
  reference: ([x], { approximate }) => [x!.data.map(geluValue[approximate])],
  native: (inputs, { approximate }) => ({ kernel: kernels[approximate], inputs }),
  saves: { inputs: [0] },
  grad: (ctx, [dy]) => [apply1(geluGrad, [ctx.input(0), dy], ctx.attrs)],
  cost: ([x]) => ({ flops: 10 * x!.size, bytes: 2 * x!.size * DTYPES[x!.dtype].bytes }),
};

/**
 * y = x * Phi(x), Phi being the normal distribution function; or, with 'tanh',
 * y = x/2 * (1 + tanh(sqrt(2/pi) * (x + 0.044715 x^3))).
 *
 * Hendrycks, Gimpel, Gaussian Error Linear Units, 2016, section 2.
 *
 * @param x float, any shape
 * @throws TensorError E_DTYPE
 * @example
 * x.gelu({ approximate: 'tanh' });
 */
export const gelu = operation(
  definition,
  (x: Tensor, { approximate = 'none' }: { approximate?: GeluApproximation } = {}): Tensor =>
    apply1(definition, [x], { approximate }),
);
