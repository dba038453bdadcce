import { TensorError } from '../errors.js';
import { toDense, toMatrix } from '../layout.js';
import { apply1, describe, type OpDefinition, operation } from '../op.js';
import { type MatmulPrecision, matmulPrecision } from '../precision.js';
import { Kernel } from '../runtime.js';
import { sizeOf } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { cast } from './cast.js';
import { matmul } from './matmul.js';
import { BLOCK, decodeWeights, FORMATS, type QuantizedWeights } from './quantized.js';
import { dequantizeWeights, unpack, type WeightAttrs } from './quantizeWeights.js';
import { sum } from './sum.js';

const kernel = new Kernel('matmul_quantized', 'i:format;i:group;i:zeros;i:bias;i:bf16;');

interface Attrs extends WeightAttrs {
  bias: boolean;
  precision: MatmulPrecision;
}

// inputs: x, data, [scales, [zeros]], [bias]
const definition: OpDefinition<Attrs> = {
  name: 'linearQuantized',
  infer([x, ...rest], { shape, bias }) {
    if (x!.rank < 1 || x!.shape.at(-1) !== shape[1])
      throw new TensorError(
        'E_SHAPE',
        'linearQuantized',
        'x must be [.., in] and the weights [out, in]',
        `${describe(x!)} and weights [${shape[0]}, ${shape[1]}]`,
      );
    const b = bias ? rest.at(-1)! : null;
    if (b && (b.rank !== 1 || b.shape[0] !== shape[0]))
      throw new TensorError('E_SHAPE', 'linearQuantized', 'bias must be [out]', describe(b));
    return [{ shape: [...x!.shape.slice(0, -1), shape[0]], dtype: 'f32' }];
  },
  reference([x, ...rest], { format, shape, groupSize, zeros, bias }, [y]) {
    const [out, inputs] = shape;
    const b = bias ? rest.at(-1)!.data : null;
    const [data, scales] = rest;
    const w = decodeWeights(
      data!.data,
      rest.length > 1 ? scales!.data : null,
      zeros ? rest[2]!.data : null,
      shape,
      format,
      groupSize,
    );
    const values = new Float64Array(sizeOf(y!.shape));
    for (let r = 0; r < values.length / (out || 1); r++)
      for (let o = 0; o < out; o++) {
        let total = b ? b[o]! : 0;
        for (let i = 0; i < inputs; i++) total += x!.data[r * inputs + i]! * w[o * inputs + i]!;
        values[r * out + o] = total;
      }
    return [values];
  },
  native: ([x, ...rest], { format, shape, groupSize, zeros, bias, precision }, [y]) => ({
    kernel,
    inputs: [toMatrix(x!), ...rest.map(toDense)],
    outputShapes: [[sizeOf(y!.shape.slice(0, -1)), shape[0]]],
    attrs: [
      FORMATS[format].code,
      groupSize / BLOCK,
      zeros ? 1 : 0,
      bias ? 1 : 0,
      precision === 'bf16' ? 1 : 0,
    ],
  }),
  saves: { inputs: [1, 2, 3] },
  grad(ctx, [dy]) {
    const { format, shape, groupSize, zeros, bias } = ctx.attrs;
    const grouped = ctx.inputSpecs.length - (bias ? 1 : 0) > 2;
    const dx = () => {
      const w = dequantizeWeights({
        format,
        shape,
        groupSize,
        data: ctx.input(1),
        scales: grouped ? ctx.input(2) : null,
        zeros: zeros ? ctx.input(3) : null,
      });
      return matmul(dy, w);
    };
    const axes = dy.shape.slice(0, -1).map((_, i) => i);
    return ctx.inputSpecs.map((_, i) => {
      if (i === 0) return ctx.needs(0) ? dx() : null;
      return bias && i === ctx.inputSpecs.length - 1 && ctx.needs(i) ? sum(dy, axes) : null;
    });
  },
  cost: ([x, data], _, [y]) => ({
    flops: 2 * sizeOf(y!.shape) * x!.shape.at(-1)!,
    bytes: 4 * x!.size + data!.size + 4 * sizeOf(y!.shape),
  }),
};

/**
 * y = x W^T + b for quantised W: the f32 products of x and the dequantised weights. Up to eight rows of x read the
 * weights straight from their blocks, once; more rows have them dequantised as they are packed. The gradient reaches
 * x and the bias, never the weights.
 *
 * @param x float, [.., in], computed in f32
 * @param weights from {@link quantizeWeights}
 * @param bias [out]
 * @returns f32 [.., out]
 * @throws TensorError E_SHAPE
 * @example
 * const w = quantizeWeights(ones([3, 32]), { format: 'q8_0' });
 * linearQuantized(ones([2, 32]), w).shape; // => [2, 3]
 */
export const linearQuantized = operation(
  definition,
  (x: Tensor, weights: QuantizedWeights, bias?: Tensor | null): Tensor => {
    const { tensors, attrs } = unpack('linearQuantized', weights);
    const inputs = [cast(x, 'f32'), ...tensors, ...(bias ? [cast(bias, 'f32')] : [])];
    return apply1(definition, inputs, { ...attrs, bias: !!bias, precision: matmulPrecision() });
  },
);
