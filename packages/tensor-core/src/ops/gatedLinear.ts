import { apply, type OpDefinition, operation } from '../op.js';
import type { PackedWeight } from '../packedWeight.js';
import type { Tensor } from '../tensor.js';
import { ACTIVATIONS, type Activation } from './activation.js';
import {
  activated,
  fusedProduct,
  OTHER,
  type ProductAttrs,
  productCost,
  productGrads,
  productSpec,
  productSums,
  requireActivation,
  weightOf,
} from './product.js';
import { swigluGrad } from './swiglu.js';

interface GatedLinearAttrs extends ProductAttrs {
  activation: Activation;
}

// In: x, weight, up, optionally bias.
const definition: OpDefinition<GatedLinearAttrs> = {
  name: 'gatedLinear',
  infer([x, w, up, bias], { keep }) {
    const y = productSpec('gatedLinear', [x!, w!], bias ?? null, 'up', up!);
    return keep ? [y, y] : [y];
  },
  reference([x, w, up, bias], { activation, keep }) {
    const gate = productSums(x!, w!, bias ?? null);
    const values = gate.map(activated(activation)).map((y, i) => y * up!.data[i]!);
    return keep ? [values, gate] : [values];
  },
  native: ([x, w, up, ...bias], attrs, outputs) =>
    fusedProduct([x!, w!, ...bias, up!], outputs, { ...attrs, inputActivation: null, other: OTHER.factor }),
  saves: { inputs: [0, 1, 2], outputs: [1] },
  grad(ctx, [dy]) {
    const { bias, activation } = ctx.attrs;
    const [gate, up] = [ctx.output(1), ctx.input(2)];
    const { apply: activate, grad: slope } = ACTIVATIONS[activation];
    const [dgate, dup] =
      activation === 'silu'
        ? (apply(swigluGrad, [gate, up, dy], undefined) as [Tensor, Tensor])
        : [slope(gate, dy.mul(up)), ctx.needs(2) ? dy.mul(activate(gate)) : null];
    const [dx, dw, db] = productGrads(ctx, dgate, bias ? 3 : null, null);
    return [dx, dw, dup, ...(bias ? [db] : [])];
  },
  cost: ([x, w], _, [y]) => productCost(x!, w!, y!, 2),
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
