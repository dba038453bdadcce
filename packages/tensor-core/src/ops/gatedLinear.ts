import { DTYPES, requireFloat } from '../dtype.js';
import { TensorError } from '../errors.js';
import { apply, apply1, describe, type OpDefinition, operation } from '../op.js';
import type { PackedWeight } from '../packedWeight.js';
import type { MatmulPrecision } from '../precision.js';
import { sameShape, sizeOf } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { ACTIVATIONS, type Activation } from './activation.js';
import { fusedProduct, linearGrad, OTHER, requireActivation, weightOf } from './linear.js';
import { transpose } from './permute.js';
import { reshape } from './reshape.js';
import { sum } from './sum.js';
import { swigluGrad } from './swiglu.js';

interface GatedLinearAttrs {
  precision: MatmulPrecision;
  bias: boolean;
  activation: Activation;
  /** The gradient will ask for the gate before its activation: it is the second output. */
  keep: boolean;
  /** The weight as it is packed; such a product is not recorded. */
  pack: PackedWeight | null;
}

// In: x, weight, up, optionally bias.
const definition: OpDefinition<GatedLinearAttrs> = {
  name: 'gatedLinear',
  infer([x, w, up, bias], { keep }) {
    requireFloat('gatedLinear', x!.dtype);
    if (x!.rank < 1 || w!.rank !== 2 || x!.shape.at(-1) !== w!.shape[1])
      throw new TensorError(
        'E_SHAPE',
        'gatedLinear',
        'x must be [.., in] and weight [out, in]',
        describe(x!, w!),
        'transpose the weight?',
      );
    const y = { shape: [...x!.shape.slice(0, -1), w!.shape[0]!], dtype: x!.dtype };
    if (!sameShape(up!.shape, y.shape))
      throw new TensorError(
        'E_SHAPE',
        'gatedLinear',
        "up must have the result's shape",
        describe(up!, y),
        'expand it first',
      );
    if (bias && (bias.rank !== 1 || bias.shape[0] !== w!.shape[0]))
      throw new TensorError('E_SHAPE', 'gatedLinear', 'bias must be [out]', describe(w!, bias));
    const all = [x!, w!, up!, ...(bias ? [bias] : [])];
    if (all.some((t) => t.dtype !== x!.dtype))
      throw new TensorError(
        'E_DTYPE',
        'gatedLinear',
        'x, weight, up and bias must have one dtype',
        describe(...all),
        'cast one of them',
      );
    return keep ? [y, y] : [y];
  },
  reference([x, w, up, bias], { activation, keep }, [y]) {
    const [out, inputs] = w!.shape as [number, number];
    const gate = new Float64Array(sizeOf(y!.shape));
    for (let i = 0; i < gate.length; i++) {
      const [row, o] = [Math.floor(i / out) * inputs, i % out];
      let total = bias ? bias.data[o]! : 0;
      for (let p = 0; p < inputs; p++) total += x!.data[row + p]! * w!.data[o * inputs + p]!;
      gate[i] = total;
    }
    const values = gate.map((z, i) => ACTIVATIONS[activation].value(z) * up!.data[i]!);
    return keep ? [values, gate] : [values];
  },
  native: ([x, w, up, ...bias], attrs, outputs) =>
    fusedProduct([x!, w!, ...bias, up!], outputs, { ...attrs, inputActivation: null, other: OTHER.factor }),
  saves: { inputs: [0, 1, 2], outputs: [1] },
  grad(ctx, [dy]) {
    const { precision, bias, activation } = ctx.attrs;
    const [out, inputs] = ctx.inputSpecs[1]!.shape as [number, number];
    const [gate, up] = [ctx.output(1), ctx.input(2)];
    const { apply: activate, grad: slope } = ACTIVATIONS[activation];
    const [dgate, dup] =
      activation === 'silu'
        ? (apply(swigluGrad, [gate, up, dy], undefined) as [Tensor, Tensor])
        : [slope(gate, dy.mul(up)), ctx.needs(2) ? dy.mul(activate(gate)) : null];
    const g = reshape(dgate, [sizeOf(dy.shape.slice(0, -1)), out]);
    const multiply = (a: Tensor, b: Tensor) =>
      apply1(linearGrad, [a, b], { precision, activateB: null, slope: null });
    return [
      ctx.needs(0) ? reshape(multiply(g, ctx.input(1)), ctx.inputSpecs[0]!.shape) : null,
      ctx.needs(1) ? multiply(transpose(g, 0, 1), reshape(ctx.input(0), [g.shape[0]!, inputs])) : null,
      dup,
      ...(bias ? [ctx.needs(3) ? sum(g, 0) : null] : []),
    ];
  },
  cost([x, w], _, [y]) {
    const results = sizeOf(y!.shape);
    return {
      flops: 2 * results * w!.shape[1]!,
      bytes: (x!.size + w!.size + 2 * results) * DTYPES[x!.dtype].bytes,
    };
  },
};

/**
 * y = f(x W^T + b) * up, the gate of a gated linear unit: activation and product with `up` are applied as the gate is
 * written, so that it costs no pass over memory of its own. With f = silu this is SwiGLU, with gelu GEGLU.
 *
 * Shazeer, GLU Variants Improve Transformer, 2020, equations 4 and 5. {@link swiglu} is for gates that are there already.
 *
 * @param x float, [.., in]
 * @param weight [out, in], of x's dtype, or that packed by {@link packWeight} for products that are not recorded
 * @param up [.., out], of x's dtype
 * @param bias [out]
 * @param options.activation f, one of 'silu' (the default), 'gelu', 'geluTanh', 'relu'
 * @returns [.., out]
 * @throws TensorError E_SHAPE, E_DTYPE; E_UNSUPPORTED for an unknown activation, and for a packed weight as in {@link linear}
 * @example
 * const hidden = gatedLinear(x, ones([5, C]), linear(x, ones([5, C])));
 * linear(hidden, ones([C, 5]), null, { residual: x }).shape; // => [B, T, C]
 */
export const gatedLinear = operation(
  definition,
  (
    x: Tensor,
    weight: Tensor | PackedWeight,
    up: Tensor,
    bias?: Tensor | null,
    { activation = 'silu' }: { activation?: Activation } = {},
  ): Tensor => {
    requireActivation('gatedLinear', activation);
    const { w, pack, precision, recorded } = weightOf('gatedLinear', weight, [x, up, bias]);
    const [y, gate] = apply(definition, [x, w, up, ...(bias ? [bias] : [])], {
      precision,
      bias: !!bias,
      activation,
      keep: recorded,
      pack,
    });
    gate?.dispose();
    return y!;
  },
);
