/** What `linear` and `gatedLinear` share: one product x W^T with what is fused to it, and its gradient. */
import { type GradContext, isRecording } from '../autograd.js';
import { DTYPES, requireFloat } from '../dtype.js';
import { TensorError } from '../errors.js';
import { permuteView, toDense, toMatrix } from '../layout.js';
import { apply1, type Cost, describe, type NativeCall, type OpDefinition, type RefArray } from '../op.js';
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

/** @internal */
export interface ProductAttrs {
  precision: MatmulPrecision;
  bias: boolean;
  /** The gradient will ask for the product before its activation: it is the second output. */
  keep: boolean;
  /** The weight as it is packed; such a product is not recorded. */
  pack: PackedWeight | null;
}

const code = (activation: Activation | null) => (activation ? ACTIVATIONS[activation].code : 0);
/** @internal The formula of an activation, or of none. */
export const activated = (activation: Activation | null) =>
  activation ? ACTIVATIONS[activation].value : (x: number) => x;

const packedKernel = new Kernel('matmul_packed', 'i:bf16;i:bias;i:activate_a;i:activation;i:other;');

/** @internal What the last input does to the product: the numbers in native/ops.def. */
export const OTHER = { none: 0, added: 1, slope: 2, factor: 3 } as const;

/** @internal The launch of x W^T with what is fused to it, W as it is or packed; `rest` are bias and the last input. */
export function fusedProduct(
  [x, w, ...rest]: readonly Tensor[],
  outputs: readonly OutputSpec[],
  fused: ProductAttrs & {
    inputActivation: Activation | null;
    activation: Activation | null;
    other: number;
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

/** @internal The result's shape and dtype; `last` is what combines with it, one by one. @throws TensorError E_SHAPE, E_DTYPE */
export function productSpec(
  op: string,
  [x, w]: readonly [x: Tensor, w: Tensor],
  bias: Tensor | null,
  lastName: string,
  last: Tensor | null,
): OutputSpec {
  requireFloat(op, x.dtype);
  if (x.rank < 1 || w.rank !== 2 || x.shape.at(-1) !== w.shape[1])
    throw new TensorError(
      'E_SHAPE',
      op,
      'x must be [.., in] and weight [out, in]',
      describe(x, w),
      'transpose the weight?',
    );
  if (bias && (bias.rank !== 1 || bias.shape[0] !== w.shape[0]))
    throw new TensorError('E_SHAPE', op, 'bias must be [out]', describe(w, bias));
  const y = { shape: [...x.shape.slice(0, -1), w.shape[0]!], dtype: x.dtype };
  if (last && !sameShape(last.shape, y.shape))
    throw new TensorError(
      'E_SHAPE',
      op,
      `${lastName} must have the result's shape`,
      describe(last, y),
      'expand it first',
    );
  const all = [x, w, ...(bias ? [bias] : []), ...(last ? [last] : [])];
  if (all.some((t) => t.dtype !== x.dtype))
    throw new TensorError(
      'E_DTYPE',
      op,
      `x, weight, bias and ${lastName} must have one dtype`,
      describe(...all),
      'cast one of them',
    );
  return y;
}

/** @internal x W^T + b in float64, row-major. */
export function productSums(x: RefArray, w: RefArray, bias: RefArray | null): Float64Array {
  const [out, inputs] = w.shape as [number, number];
  const sums = new Float64Array(sizeOf(x.shape.slice(0, -1)) * out);
  for (let i = 0; i < sums.length; i++) {
    const [row, o] = [Math.floor(i / out) * inputs, i % out];
    let total = bias ? bias.data[o]! : 0;
    for (let p = 0; p < inputs; p++) total += x.data[row + p]! * w.data[o * inputs + p]!;
    sums[i] = total;
  }
  return sums;
}

interface GradAttrs {
  precision: MatmulPrecision;
  activateB: Activation | null;
  /** c is multiplied with this activation's slope at the third input. */
  slope: Activation | null;
}

// The products of the gradient: c = (a h(b)) * f'(z).
const linearGrad: OpDefinition<GradAttrs> = {
  name: 'linearGrad',
  infer: ([a, b]) => [{ shape: [a!.shape[0]!, b!.shape[1]!], dtype: a!.dtype }],
  reference([a, b, z], { activateB, slope }) {
    const [m, k] = a!.shape as [number, number];
    const n = b!.shape[1]!;
    const read = b!.data.map(activated(activateB));
    const out = new Float64Array(m * n);
    for (let i = 0; i < m; i++)
      for (let j = 0; j < n; j++) {
        let total = 0;
        for (let p = 0; p < k; p++) total += a!.data[i * k + p]! * read[p * n + j]!;
        out[i * n + j] = slope ? total * ACTIVATIONS[slope].slope(z!.data[i * n + j]!) : total;
      }
    return [out];
  },
  native: ([a, b, z], { precision, activateB, slope }) => ({
    kernel: matmulKernel,
    inputs: [matrix(a!), matrix(b!), ...(slope ? [toDense(z!)] : [])],
    attrs: [
      precision === 'bf16' ? 1 : 0,
      0,
      0,
      code(activateB),
      code(slope),
      slope ? OTHER.slope : OTHER.none,
    ],
  }),
};

/**
 * @internal The gradients of x (input 0), W (input 1) and the bias, null where nobody needs them, from that of the product
 * before its activation.
 *
 * @param biasAt which input the bias is
 * @param inputActivation what x was read through
 */
export function productGrads(
  ctx: GradContext<ProductAttrs>,
  dz: Tensor,
  biasAt: number | null,
  inputActivation: Activation | null,
): [dx: Tensor | null, dw: Tensor | null, db: Tensor | null] {
  const { precision } = ctx.attrs;
  const [out, inputs] = ctx.inputSpecs[1]!.shape as [number, number];
  const rows = sizeOf(dz.shape.slice(0, -1));
  const g = reshape(dz, [rows, out]);
  // Only where it is read: it may have to be made anew.
  const x = ctx.needs(1) || (ctx.needs(0) && inputActivation) ? reshape(ctx.input(0), [rows, inputs]) : null;
  const multiply = (list: Tensor[], activateB: Activation | null, slope: Activation | null) =>
    apply1(linearGrad, list, { precision, activateB, slope });
  return [
    ctx.needs(0)
      ? reshape(
          multiply([g, ctx.input(1), ...(inputActivation ? [x!] : [])], null, inputActivation),
          ctx.inputSpecs[0]!.shape,
        )
      : null,
    ctx.needs(1) ? multiply([transpose(g, 0, 1), x!], inputActivation, null) : null,
    biasAt !== null && ctx.needs(biasAt) ? sum(g, 0) : null,
  ];
}

/** @internal @param others how many tensors of the result's size are read or written */
export function productCost(x: Tensor, w: Tensor, y: OutputSpec, others: number): Cost {
  const results = sizeOf(y.shape);
  return {
    flops: 2 * results * w.shape[1]!,
    bytes: (x.size + w.size + others * results) * DTYPES[x.dtype].bytes,
  };
}
