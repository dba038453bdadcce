import { TensorError } from '../errors.js';
import { toDense, toMatrix } from '../layout.js';
import { apply1, describe, type OpDefinition, operation } from '../op.js';
import { PackedWeight } from '../packedWeight.js';
import { matmulPrecision } from '../precision.js';
import { Kernel } from '../runtime.js';
import { scope } from '../scope.js';
import { sameShape, sizeOf } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { matrix } from './matmul.js';
import { transpose } from './permute.js';

const kernel = new Kernel('matmul_int8', 'i:scaled;');

// 2^17 products of -128 by -128 no longer fit 32 bits.
const MAX_INNER = 131071;

interface Int8Attrs {
  /** The transpose of b as it is packed. */
  pack: PackedWeight | null;
}

const definition: OpDefinition<Int8Attrs> = {
  name: 'matmulInt8',
  infer([a, b, ...scales]) {
    if (a!.dtype !== 'i8' || b!.dtype !== 'i8' || scales.some((s) => s.dtype !== 'f32'))
      throw new TensorError(
        'E_DTYPE',
        'matmulInt8',
        'operands must be i8 and scales f32',
        describe(a!, b!, ...scales),
        'see quantizeRows',
      );
    if (a!.rank < 1 || b!.rank !== 2 || a!.shape.at(-1) !== b!.shape[0] || b!.shape[0]! > MAX_INNER)
      throw new TensorError(
        'E_SHAPE',
        'matmulInt8',
        `operands must be [.., K] and [K, N], K at most ${MAX_INNER}`,
        describe(a!, b!),
        'transpose the weight?',
      );
    const rows = a!.shape.slice(0, -1);
    const [left, right] = scales;
    if (left && right && !(sameShape(left.shape, rows) && sameShape(right.shape, [b!.shape[1]!])))
      throw new TensorError(
        'E_SHAPE',
        'matmulInt8',
        'scales must be one for each row of a and one for each column of b',
        describe(a!, b!, ...scales),
      );
    return [{ shape: [...rows, b!.shape[1]!], dtype: left ? 'f32' : 'i32' }];
  },
  reference([a, b, left, right], _, [y]) {
    const [k, n] = b!.shape as [number, number];
    const m = sizeOf(a!.shape.slice(0, -1));
    const out = new Float64Array(sizeOf(y!.shape));
    for (let i = 0; i < m; i++)
      for (let j = 0; j < n; j++) {
        let total = 0;
        for (let p = 0; p < k; p++) total += a!.data[i * k + p]! * b!.data[p * n + j]!;
        out[i * n + j] = left ? total * left.data[i]! * right!.data[j]! : total;
      }
    return [out];
  },
  native([a, b, ...scales], { pack }, [y]) {
    return {
      kernel,
      inputs: [toMatrix(a!), pack ? pack.panels() : matrix(b!), ...scales.map(toDense)],
      outputShapes: [[sizeOf(a!.shape.slice(0, -1)), y!.shape.at(-1)!]],
      attrs: [scales.length > 0 ? 1 : 0],
    };
  },
  cost: ([a, b], _, [y]) => ({
    flops: 2 * sizeOf(y!.shape) * b!.shape[0]!,
    bytes: a!.size + b!.size + 4 * sizeOf(y!.shape),
  }),
};

/**
 * The product of 8-bit integers: without scales the exact sums c[.., j] = sum over k of a[.., k] b[k, j] in i32, with
 * them their values c[.., j] aScale[..] bScale[j] in f32. Not differentiable.
 *
 * Dettmers and others, LLM.int8(), 2022, section 2.1, equation 4 (row-wise scales).
 *
 * @param a i8, [.., K]
 * @param b i8, [K, N]; a transposed view of [N, K] is read as it is; or a weight [N, K] packed by {@link packWeight}
 * @param aScale f32, one for each row, [..]
 * @param bScale f32, one for each column, [N]
 * @returns [.., N]
 * @throws TensorError E_DTYPE, E_SHAPE, E_UNSUPPORTED when one scale is given without the other, or for a packed weight that
 *   has changed since
 * @example
 * const [qx, sx] = tensor([[1, 2]]).quantizeRows();
 * const [qw, sw] = tensor([[3, 4]]).quantizeRows();
 * matmulInt8(qx, qw.transpose(0, 1), sx, sw).item().toFixed(1); // => '11.0'
 */
export const matmulInt8 = operation(
  definition,
  (a: Tensor, b: Tensor | PackedWeight, aScale?: Tensor | null, bScale?: Tensor | null): Tensor => {
    if (!aScale !== !bScale)
      throw new TensorError(
        'E_UNSUPPORTED',
        'matmulInt8',
        'scales come in pairs',
        aScale ? 'aScale alone' : 'bScale alone',
        'pass ones for the other',
      );
    const scales = aScale && bScale ? [aScale, bScale] : [];
    if (!(b instanceof PackedWeight)) return apply1(definition, [a, b, ...scales], { pack: null });
    b.assertUsable('matmulInt8', matmulPrecision());
    return scope(() => apply1(definition, [a, transpose(b.weight, 0, 1), ...scales], { pack: b }));
  },
);
