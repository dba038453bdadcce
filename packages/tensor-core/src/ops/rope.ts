import { DTYPES, requireFloat } from '../dtype.js';
import { TensorError } from '../errors.js';
import { toRows } from '../layout.js';
import { apply1, describe, like, type OpDefinition, operation } from '../op.js';
import { Kernel } from '../runtime.js';
import type { Tensor } from '../tensor.js';

interface RopeAttrs {
  theta: number;
  offset: number;
  inverse: boolean;
}

const kernel = new Kernel('rope', 'd:theta;i:offset;i:inverse;');

const definition: OpDefinition<RopeAttrs> = {
  name: 'rope',
  infer(inputs) {
    const [x] = inputs;
    requireFloat('rope', x!.dtype);
    if (x!.rank !== 4 || x!.shape[3]! % 2 !== 0)
      throw new TensorError('E_SHAPE', 'rope', 'x must be [B, T, H, D] with even D', describe(x!));
    return like(inputs);
  },
  reference([x], { theta, offset, inverse }) {
    const [B, T, H, D] = x!.shape as [number, number, number, number];
    const out = new Float64Array(x!.data.length);
    for (let row = 0; row < B * T * H; row++) {
      const position = offset + (Math.floor(row / H) % T);
      for (let i = 0; i < D / 2; i++) {
        const angle = (inverse ? -1 : 1) * position * theta ** ((-2 * i) / D);
        const [a, b] = [x!.data[row * D + i]!, x!.data[row * D + i + D / 2]!];
        out[row * D + i] = a * Math.cos(angle) - b * Math.sin(angle);
        out[row * D + i + D / 2] = b * Math.cos(angle) + a * Math.sin(angle);
      }
    }
    return [out];
  },
  native: ([x], { theta, offset, inverse }) => ({
    kernel,
    inputs: [toRows(x!)],
    attrs: [theta, offset, inverse ? 1 : 0],
  }),
  grad: (ctx, [dy]) => [apply1(definition, [dy], { ...ctx.attrs, inverse: !ctx.attrs.inverse })],
  cost: ([x]) => ({ flops: 3 * x!.size, bytes: 2 * x!.size * DTYPES[x!.dtype].bytes }),
};

/**
 * Rotary position embedding: the pair (x[i], x[i + D/2]) turned by the angle (offset + t) * theta^(-2i/D).
 *
 * Su et al., RoFormer, 2021, equation 34, with the two halves of a head paired as Llama does.
 *
 * @param x float, [B, T, H, D], D even
 * @param options.theta base of the frequencies, default 10000
 * @param options.offset position of t = 0, default 0
 * @throws TensorError E_SHAPE, E_DTYPE
 * @example
 * rope(q, { offset: cache.length });
 */
export const rope = operation(
  definition,
  (x: Tensor, { theta = 10000, offset = 0 }: { theta?: number; offset?: number } = {}): Tensor =>
    apply1(definition, [x], { theta, offset, inverse: false }),
);
