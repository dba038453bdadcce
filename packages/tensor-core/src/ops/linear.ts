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

/** What {@link linear} does besides the product. */
export interface LinearOptions {
  /** Applied to x as it is read; the gradient keeps x alone, not the activated copy. */
  inputActivation?: Activation;
  /** Applied to the product and bias. */
  activation?: Activation;
  /** Added last, of the result's shape. */
  residual?: Tensor;
}

interface LinearAttrs extends ProductAttrs {
  residual: boolean;
  inputActivation: Activation | null;
  activation: Activation | null;
}

const definition: OpDefinition<LinearAttrs> = {
  name: 'linear',
  infer([x, w, ...rest], { bias, residual, keep }) {
    const y = productSpec(
      'linear',
      [x!, w!],
      bias ? rest[0]! : null,
      'residual',
      residual ? rest.at(-1)! : null,
    );
    return keep ? [y, y] : [y];
  },
  reference([x, w, ...rest], { bias, residual, inputActivation, activation, keep }) {
    const read = { ...x!, data: x!.data.map(activated(inputActivation)) };
    const before = productSums(read, w!, bias ? rest[0]! : null);
    const added = residual ? rest.at(-1)!.data : null;
    const values = before.map(activated(activation)).map((y, i) => y + (added ? added[i]! : 0));
    return keep ? [values, before] : [values];
  },
  native: (inputs, attrs, outputs) =>
    fusedProduct(inputs, outputs, { ...attrs, other: attrs.residual ? OTHER.added : OTHER.none }),
  saves: { inputs: [0, 1], outputs: [1] },
  grad(ctx, [dy]) {
    const { bias, residual, inputActivation, activation } = ctx.attrs;
    const dz = activation ? ACTIVATIONS[activation].grad(ctx.output(1), dy) : dy;
    const [dx, dw, db] = productGrads(ctx, dz, bias ? 2 : null, inputActivation);
    return [dx, dw, ...(bias ? [db] : []), ...(residual ? [dy] : [])];
  },
  cost: ([x, w], _, [y]) => productCost(x!, w!, y!, 1),
};

/**
 * y = f(g(x) W^T + b) + r, the bias b, activation f and residual r being applied as the product is written, and the
 * activation g as x is read: none of them costs a pass over memory.
 *
 * For y = W2 gelu(W1 x) prefer `linear(linear(x, W1), W2, null, { inputActivation: 'gelu' })`: its gradient keeps one
 * tensor of the hidden width instead of two, and multiplies with the slope of the activation as dx is written.
 *
 * @param x float, [.., in]
 * @param weight [out, in], of x's dtype, or that packed by {@link packWeight} for products that are not recorded
 * @param bias [out]
 * @param options.inputActivation g, one of 'relu', 'gelu', 'geluTanh', 'silu'
 * @param options.activation f, one of the same
 * @param options.residual r, [.., out]
 * @returns [.., out]
 * @throws TensorError E_SHAPE, E_DTYPE; E_UNSUPPORTED for a packed weight that has changed since, or was packed for another
 *   precision, or where a gradient would be recorded
 * @example
 * const hidden = linear(x, ones([5, C]), zeros([5]));
 * linear(hidden, ones([C, 5]), null, { inputActivation: 'gelu', residual: x }).shape; // => [B, T, C]
 */
export const linear = operation(
  definition,
  (
    x: Tensor,
    weight: Tensor | PackedWeight,
    bias?: Tensor | null,
    { inputActivation, activation, residual }: LinearOptions = {},
  ): Tensor => {
    for (const name of [inputActivation, activation]) requireActivation('linear', name);
    const { w, pack, precision, recorded } = weightOf('linear', weight, [x, bias, residual]);
    const inputs = [x, w, ...(bias ? [bias] : []), ...(residual ? [residual] : [])];
    const [y, before] = apply(definition, inputs, {
      precision,
      bias: !!bias,
      residual: !!residual,
      inputActivation: inputActivation ?? null,
      activation: activation ?? null,
      keep: activation !== undefined && recorded,
      pack,
    });
    before?.dispose();
    return y!;
  },
);
