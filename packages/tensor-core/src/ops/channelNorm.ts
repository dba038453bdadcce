import { requireFloat } from '../dtype.js';
import { TensorError } from '../errors.js';
import { toDense } from '../layout.js';
import { describe, type RefArray } from '../op.js';
import type { View } from '../runtime.js';
import { denseStrides, type Shape, sizeOf } from '../shape.js';
import type { Tensor } from '../tensor.js';

// What batchNorm and groupNorm share: x [N, C, ..] in blocks, one for each channel of each example, and sets of blocks
// with statistics of their own.

/** [N, C, S]. */
export const blockShape = (shape: Shape): [number, number, number] => [
  shape[0]!,
  shape[1]!,
  sizeOf(shape.slice(2)),
];

/** x as kernels read it. */
export function blockView(x: View): View {
  const { storage, offset, dtype } = toDense(x);
  const shape = blockShape(x.shape);
  return { storage, offset, dtype, shape, strides: denseStrides(shape) };
}

/** The numbers of the blocks of each set. */
export type BlockSets = readonly (readonly number[])[];

/** One set for each channel: its blocks of all examples. */
export function channelSets(shape: Shape): BlockSets {
  const [N, C] = blockShape(shape);
  return Array.from({ length: C }, (_, c) => Array.from({ length: N }, (_, n) => n * C + c));
}

/** One set for each group of channels of each example. */
export function groupSets(shape: Shape, groups: number): BlockSets {
  const [N, C] = blockShape(shape);
  const each = C / groups;
  return Array.from({ length: N * groups }, (_, q) => Array.from({ length: each }, (_, b) => q * each + b));
}

/** Checks x, weight and bias. @throws TensorError E_SHAPE, E_DTYPE */
export function requireChannels(op: string, [x, weight, bias]: readonly Tensor[]): void {
  requireFloat(op, x!.dtype);
  if (x!.rank < 2) throw new TensorError('E_SHAPE', op, 'x must be [N, C, ..]', describe(x!));
  for (const [name, t] of [
    ['weight', weight!],
    ['bias', bias!],
  ] as const)
    if (t.rank !== 1 || t.shape[0] !== x!.shape[1] || t.dtype !== x!.dtype)
      throw new TensorError(
        'E_SHAPE',
        op,
        `${name} must be [C] for x [N, C, ..], of one dtype`,
        describe(x!, t),
      );
}

const elementsOf = (blocks: readonly number[], S: number): number[] =>
  blocks.flatMap((b) => Array.from({ length: S }, (_, i) => b * S + i));

/** y = (x - mean) / sqrt(variance + eps) weight + bias, with each set's own statistics, or those given. */
export function normalizeReference(
  [x, weight, bias, mean, variance]: readonly RefArray[],
  sets: BlockSets,
  eps: number,
): Float64Array[] {
  const [, C, S] = blockShape(x!.shape);
  const y = new Float64Array(x!.data.length);
  const means = Float64Array.from(sets, (_, q) => mean?.data[q] ?? 0);
  const variances = Float64Array.from(sets, (_, q) => variance?.data[q] ?? 0);
  sets.forEach((blocks, q) => {
    const elements = elementsOf(blocks, S);
    if (!mean) {
      means[q] = elements.reduce((a, e) => a + x!.data[e]!, 0) / elements.length;
      variances[q] = elements.reduce((a, e) => a + (x!.data[e]! - means[q]!) ** 2, 0) / elements.length;
    }
    const rstd = 1 / Math.sqrt(variances[q]! + eps);
    for (const e of elements) {
      const c = Math.floor(e / S) % C;
      y[e] = (x!.data[e]! - means[q]!) * rstd * weight!.data[c]! + bias!.data[c]!;
    }
  });
  return [y, means, variances];
}

/**
 * With h the normalized x and g = dy weight: dx = (g - mean(g) - h mean(g h)) rstd over each set, or g rstd where the
 * statistics are constants; dweight = sum of dy h, dbias = sum of dy.
 */
export function normalizeGradient(
  [x, weight, mean, variance, dy]: readonly RefArray[],
  sets: BlockSets,
  eps: number,
  constant: boolean,
): Float64Array[] {
  const [, C, S] = blockShape(x!.shape);
  const dx = new Float64Array(x!.data.length);
  const dweight = new Float64Array(C);
  const dbias = new Float64Array(C);
  sets.forEach((blocks, q) => {
    const elements = elementsOf(blocks, S);
    const rstd = 1 / Math.sqrt(variance!.data[q]! + eps);
    const channel = (e: number) => Math.floor(e / S) % C;
    const normal = (e: number) => (x!.data[e]! - mean!.data[q]!) * rstd;
    const g = (e: number) => dy!.data[e]! * weight!.data[channel(e)]!;
    const n = elements.length;
    const shift = constant ? 0 : elements.reduce((a, e) => a + g(e), 0) / n;
    const slope = constant ? 0 : elements.reduce((a, e) => a + g(e) * normal(e), 0) / n;
    for (const e of elements) {
      dx[e] = rstd * (g(e) - shift - normal(e) * slope);
      dweight[channel(e)]! += dy!.data[e]! * normal(e);
      dbias[channel(e)]! += dy!.data[e]!;
    }
  });
  return [dx, dweight, dbias];
}
