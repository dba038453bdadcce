import { DTYPES, requireFloat } from '../dtype.js';
import { TensorError } from '../errors.js';
import { permuteView, toDense, toMatrix } from '../layout.js';
import { apply1, describe, type OpDefinition, operation } from '../op.js';
import { matmulPrecision } from '../precision.js';
import { sizeOf } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { type MatmulAttrs, matmul, matmulKernel, matrix } from './matmul.js';
import { transpose } from './permute.js';
import { reshape } from './reshape.js';
import { sum } from './sum.js';

const product = matmul.definition;

const definition: OpDefinition<MatmulAttrs> = {
  name: 'linear',
  infer([x, w, b]) {
    requireFloat('linear', x!.dtype);
    if (x!.rank < 1 || w!.rank !== 2 || x!.shape.at(-1) !== w!.shape[1])
      throw new TensorError(
        'E_SHAPE',
        'linear',
        'x must be [.., in] and weight [out, in]',
        describe(x!, w!),
        'transpose the weight?',
      );
    if (b && (b.rank !== 1 || b.shape[0] !== w!.shape[0]))
      throw new TensorError('E_SHAPE', 'linear', 'bias must be [out]', describe(w!, b));
    if (w!.dtype !== x!.dtype || (b && b.dtype !== x!.dtype))
      throw new TensorError(
        'E_DTYPE',
        'linear',
        'x, weight and bias must have one dtype',
        describe(x!, w!, ...(b ? [b] : [])),
        'cast one of them',
      );
    return [{ shape: [...x!.shape.slice(0, -1), w!.shape[0]!], dtype: x!.dtype }];
  },
  reference([x, w, b], _, [y]) {
    const [out, inputs] = w!.shape as [number, number];
    const rows = sizeOf(x!.shape.slice(0, -1));
    const values = new Float64Array(sizeOf(y!.shape));
    for (let r = 0; r < rows; r++)
      for (let o = 0; o < out; o++) {
        let total = b ? b.data[o]! : 0;
        for (let i = 0; i < inputs; i++) total += x!.data[r * inputs + i]! * w!.data[o * inputs + i]!;
        values[r * out + o] = total;
      }
    return [values];
  },
  native([x, w, b], { precision }, [y]) {
    const rows = sizeOf(y!.shape.slice(0, -1));
    return {
      kernel: matmulKernel,
      inputs: [toMatrix(x!), permuteView(matrix(w!), [1, 0]), ...(b ? [toDense(b)] : [])],
      outputShapes: [[rows, w!.shape[0]!]],
      attrs: [precision === 'bf16' ? 1 : 0],
    };
  },
  saves: { inputs: [0, 1] },
  grad(ctx, [dy]) {
    const [out, inputs] = ctx.inputSpecs[1]!.shape as [number, number];
    const g = reshape(dy, [sizeOf(dy.shape.slice(0, -1)), out]);
    const x = () => reshape(ctx.input(0), [g.shape[0]!, inputs]);
    const multiply = (a: Tensor, b: Tensor) => apply1(product, [a, b], ctx.attrs);
    const gradients = [
      ctx.needs(0) ? reshape(multiply(g, ctx.input(1)), ctx.inputSpecs[0]!.shape) : null,
      ctx.needs(1) ? multiply(transpose(g, 0, 1), x()) : null,
    ];
    return ctx.inputSpecs.length === 3 ? [...gradients, ctx.needs(2) ? sum(g, 0) : null] : gradients;
  },
  cost([x, w], _, [y]) {
    const flops = 2 * sizeOf(y!.shape) * w!.shape[1]!;
    return { flops, bytes: (x!.size + w!.size + sizeOf(y!.shape)) * DTYPES[x!.dtype].bytes };
  },
};

/**
 * y = x W^T + b, with the bias added as the product is written.
 *
 * @param x float, [.., in]
 * @param weight [out, in], of x's dtype
 * @param bias [out]
 * @returns [.., out]
 * @throws TensorError E_SHAPE, E_DTYPE
 * @example
 * linear(x, ones([5, C]), zeros([5])).shape; // => [B, T, 5]
 */
export const linear = operation(
  definition,
  (x: Tensor, weight: Tensor, bias?: Tensor | null): Tensor =>
    apply1(definition, bias ? [x, weight, bias] : [x, weight], { precision: matmulPrecision() }),
);
