import { isRecording } from '../autograd.js';
import { DTYPES, requireFloat } from '../dtype.js';
import { TensorError } from '../errors.js';
import { permuteView, toDense, toMatrix } from '../layout.js';
import { apply, apply1, describe, type NativeCall, type OpDefinition, operation } from '../op.js';
import { PackedWeight } from '../packedWeight.js';
import { packFor } from '../packedWeights.js';
import { type MatmulPrecision, matmulPrecision } from '../precision.js';
import { Kernel, type OutputSpec } from '../runtime.js';
import { sameShape, sizeOf } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { ACTIVATIONS, type Activation } from './activation.js';
import { matmulKernel, matrix } from './matmul.js';
import { transpose } from './permute.js';
import { reshape } from './reshape.js';
import { sum } from './sum.js';

/** What {@link linear} does besides the product. */
export interface LinearOptions {
  /** Applied to x as it is read; the gradient keeps x alone, not the activated copy. */
  inputActivation?: Activation;
  /** Applied to the product and bias. */
  activation?: Activation;
  /** Added last, of the result's shape. */
  residual?: Tensor;
}

interface LinearAttrs {
  precision: MatmulPrecision;
  bias: boolean;
  residual: boolean;
  inputActivation: Activation | null;
  activation: Activation | null;
  /** The gradient will ask for what was activated: it is the second output. */
  keep: boolean;
  /** The weight as it is packed; such a product is not recorded. */
  pack: PackedWeight | null;
}

const code = (activation: Activation | null) => (activation ? ACTIVATIONS[activation].code : 0);
const value = (activation: Activation | null) =>
  activation ? ACTIVATIONS[activation].value : (x: number) => x;

const packedKernel = new Kernel('matmul_packed', 'i:bf16;i:bias;i:activate_a;i:activation;i:other;');

/** @internal What the last input does to the product: the numbers in native/ops.def. */
export const OTHER = { none: 0, added: 1, slope: 2, factor: 3 } as const;

/** @internal The launch of x W^T with what is fused to it, W as it is or packed; `rest` are bias and the last input. */
export function fusedProduct(
  [x, w, ...rest]: readonly Tensor[],
  outputs: readonly OutputSpec[],
  fused: {
    precision: MatmulPrecision;
    bias: boolean;
    inputActivation: Activation | null;
    activation: Activation | null;
    other: number;
    pack: PackedWeight | null;
  },
): NativeCall {
  const { precision, bias, inputActivation, activation, other, pack } = fused;
  const shape = [sizeOf(outputs[0]!.shape.slice(0, -1)), w!.shape[0]!];
  const others = rest.map(toDense);
  const flags = [precision === 'bf16' ? 1 : 0, bias ? 1 : 0, code(inputActivation)];
  if (pack)
    return {
      kernel: packedKernel,
      inputs: [toMatrix(x!), pack.panels(), ...others],
      outputShapes: [shape],
      attrs: [pack.precision === 'bf16' ? 1 : 0, ...flags.slice(1), code(activation), other],
    };
  return {
    kernel: matmulKernel,
    inputs: [toMatrix(x!), permuteView(matrix(w!), [1, 0]), ...others],
    outputShapes: outputs.map(() => shape),
    attrs: [...flags, 0, code(activation), other],
  };
}

/** @internal The weight of a product, the pack to use in its stead, and whether the product will be recorded. */
export function weightOf(
  op: string,
  weight: Tensor | PackedWeight,
  others: readonly (Tensor | null | undefined)[],
) {
  const given = weight instanceof PackedWeight ? weight : null;
  const w = given ? given.weight : (weight as Tensor);
  const precision = matmulPrecision();
  const recorded = isRecording() && [w, ...others].some((t) => t?.requiresGrad);
  if (given && recorded)
    throw new TensorError(
      'E_UNSUPPORTED',
      op,
      'a product with a packed weight has no gradient',
      'tensors that require one',
      'run it in noGrad(), or give it the weight itself',
    );
  given?.assertUsable(op, precision);
  return { w, precision, recorded, pack: given ?? (recorded ? null : packFor(w)) };
}

/** @internal @throws TensorError E_UNSUPPORTED */
export function requireActivation(op: string, name: Activation | undefined): void {
  if (name !== undefined && !Object.hasOwn(ACTIVATIONS, name))
    throw new TensorError(
      'E_UNSUPPORTED',
      op,
      `an activation must be one of ${Object.keys(ACTIVATIONS).join(', ')}`,
      `'${name}'`,
    );
}

interface ProductAttrs {
  precision: MatmulPrecision;
  activateB: Activation | null;
  /** c is multiplied with this activation's slope at the third input. */
  slope: Activation | null;
}

/** @internal The products of the gradient: c = (a h(b)) * f'(z). */
export const linearGrad: OpDefinition<ProductAttrs> = {
  name: 'linearGrad',
  infer: ([a, b]) => [{ shape: [a!.shape[0]!, b!.shape[1]!], dtype: a!.dtype }],
  reference([a, b, z], { activateB, slope }) {
    const [m, k] = a!.shape as [number, number];
    const n = b!.shape[1]!;
    const activated = b!.data.map(value(activateB));
    const out = new Float64Array(m * n);
    for (let i = 0; i < m; i++)
      for (let j = 0; j < n; j++) {
        let total = 0;
        for (let p = 0; p < k; p++) total += a!.data[i * k + p]! * activated[p * n + j]!;
        out[i * n + j] = slope ? total * ACTIVATIONS[slope].slope(z!.data[i * n + j]!) : total;
      }
    return [out];
  },
  native: ([a, b, z], { precision, activateB, slope }) => ({
    kernel: matmulKernel,
    inputs: [matrix(a!), matrix(b!), ...(slope ? [toDense(z!)] : [])],
    attrs: [precision === 'bf16' ? 1 : 0, 0, 0, code(activateB), code(slope), slope ? 2 : 0],
  }),
};

const definition: OpDefinition<LinearAttrs> = {
  name: 'linear',
  infer([x, w, ...rest], { bias, residual, keep }) {
    requireFloat('linear', x!.dtype);
    if (x!.rank < 1 || w!.rank !== 2 || x!.shape.at(-1) !== w!.shape[1])
      throw new TensorError(
        'E_SHAPE',
        'linear',
        'x must be [.., in] and weight [out, in]',
        describe(x!, w!),
        'transpose the weight?',
      );
    const b = bias ? rest[0]! : null;
    if (b && (b.rank !== 1 || b.shape[0] !== w!.shape[0]))
      throw new TensorError('E_SHAPE', 'linear', 'bias must be [out]', describe(w!, b));
    const y = { shape: [...x!.shape.slice(0, -1), w!.shape[0]!], dtype: x!.dtype };
    if (residual && !sameShape(rest.at(-1)!.shape, y.shape))
      throw new TensorError(
        'E_SHAPE',
        'linear',
        "residual must have the result's shape",
        describe(rest.at(-1)!, y),
        'expand it first',
      );
    if ([w!, ...rest].some((t) => t.dtype !== x!.dtype))
      throw new TensorError(
        'E_DTYPE',
        'linear',
        'x, weight, bias and residual must have one dtype',
        describe(x!, w!, ...rest),
        'cast one of them',
      );
    return keep ? [y, y] : [y];
  },
  reference([x, w, ...rest], { bias, residual, inputActivation, activation, keep }, [y]) {
    const [out, inputs] = w!.shape as [number, number];
    const rows = sizeOf(x!.shape.slice(0, -1));
    const b = bias ? rest[0]!.data : null;
    const added = residual ? rest.at(-1)!.data : null;
    const read = x!.data.map(value(inputActivation));
    const write = value(activation);
    const values = new Float64Array(sizeOf(y!.shape));
    const before = new Float64Array(values.length);
    for (let r = 0; r < rows; r++)
      for (let o = 0; o < out; o++) {
        let total = b ? b[o]! : 0;
        for (let i = 0; i < inputs; i++) total += read[r * inputs + i]! * w!.data[o * inputs + i]!;
        before[r * out + o] = total;
        values[r * out + o] = write(total) + (added ? added[r * out + o]! : 0);
      }
    return keep ? [values, before] : [values];
  },
  native: (inputs, attrs, outputs) =>
    fusedProduct(inputs, outputs, { ...attrs, other: attrs.residual ? OTHER.added : OTHER.none }),
  saves: { inputs: [0, 1], outputs: [1] },
  grad(ctx, [dy]) {
    const { precision, bias, residual, inputActivation, activation } = ctx.attrs;
    const [out, inputs] = ctx.inputSpecs[1]!.shape as [number, number];
    const dz = activation ? ACTIVATIONS[activation].grad(ctx.output(1), dy) : dy;
    const g = reshape(dz, [sizeOf(dy.shape.slice(0, -1)), out]);
    const x = reshape(ctx.input(0), [g.shape[0]!, inputs]);
    const multiply = (list: Tensor[], activateB: Activation | null, slope: Activation | null) =>
      apply1(linearGrad, list, { precision, activateB, slope });
    const slope = inputActivation ? [x] : [];
    return [
      ctx.needs(0)
        ? reshape(multiply([g, ctx.input(1), ...slope], null, inputActivation), ctx.inputSpecs[0]!.shape)
        : null,
      ctx.needs(1) ? multiply([transpose(g, 0, 1), x], inputActivation, null) : null,
      ...(bias ? [ctx.needs(2) ? sum(g, 0) : null] : []),
      ...(residual ? [dy] : []),
    ];
  },
  cost([x, w], _, [y]) {
    const flops = 2 * sizeOf(y!.shape) * w!.shape[1]!;
    return { flops, bytes: (x!.size + w!.size + sizeOf(y!.shape)) * DTYPES[x!.dtype].bytes };
  },
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
