import { TensorError } from './errors.js';

/** Sizes of the axes, outermost first. */
export type Shape = readonly number[];

/** The number of elements, 1 for a scalar. */
export function sizeOf(shape: Shape): number {
  let n = 1;
  for (let i = 0; i < shape.length; i++) n *= shape[i]!;
  return n;
}

/** Row-major strides, in elements. */
export function denseStrides(shape: Shape): number[] {
  const strides = new Array<number>(shape.length);
  let step = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    strides[i] = step;
    step *= shape[i]!;
  }
  return strides;
}

/** True when the elements lie row-major without gaps (axes of size 1 may have any stride). */
export function isDense(shape: Shape, strides: Shape): boolean {
  let step = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    const n = shape[i]!;
    if (n !== 1 && strides[i] !== step) return sizeOf(shape) === 0;
    step *= n;
  }
  return true;
}

export const formatShape = (shape: Shape): string => `[${shape.join(', ')}]`;

export function sameShape(a: Shape, b: Shape): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/**
 * The shape two operands broadcast to (NumPy's rule): aligned at the last axis, sizes equal or one of them 1.
 * @throws TensorError E_SHAPE
 */
export function broadcastShapes(op: string, a: Shape, b: Shape): Shape {
  if (sameShape(a, b)) return a;
  const rank = Math.max(a.length, b.length);
  const out = new Array<number>(rank);
  for (let i = 1; i <= rank; i++) {
    const x = a[a.length - i] ?? 1;
    const y = b[b.length - i] ?? 1;
    if (x !== y && x !== 1 && y !== 1)
      throw new TensorError(
        'E_SHAPE',
        op,
        'shapes must broadcast: sizes equal or 1, aligned at the last axis',
        `${formatShape(a)} and ${formatShape(b)} (${x} against ${y})`,
        'reshape or expand one of them',
      );
    out[rank - i] = x === 1 ? y : x;
  }
  return out;
}

/** Strides that make a view of `shape` read as `target`: broadcast axes get stride 0. */
export function broadcastStrides(shape: Shape, strides: Shape, target: Shape): number[] {
  const lead = target.length - shape.length;
  const out = new Array<number>(target.length).fill(0);
  for (let i = 0; i < shape.length; i++)
    out[lead + i] = shape[i] === 1 && target[lead + i] !== 1 ? 0 : strides[i]!;
  return out;
}

/**
 * An axis counted from either end, as a non-negative index.
 * @throws TensorError E_INDEX
 */
export function normalizeAxis(op: string, axis: number, rank: number): number {
  if (!Number.isInteger(axis) || axis < -rank || axis >= rank)
    throw new TensorError('E_INDEX', op, `axis must be an integer in [${-rank}, ${rank - 1}]`, `${axis}`);
  return axis < 0 ? axis + rank : axis;
}

/**
 * Distinct axes in ascending order; all of them when none are given.
 * @throws TensorError E_INDEX for an axis out of range or named twice.
 */
export function normalizeAxes(op: string, axes: number | Shape | undefined, rank: number): number[] {
  if (axes === undefined) return Array.from({ length: rank }, (_, i) => i);
  const list = (typeof axes === 'number' ? [axes] : [...axes]).map((a) => normalizeAxis(op, a, rank));
  list.sort((a, b) => a - b);
  for (let i = 1; i < list.length; i++)
    if (list[i] === list[i - 1])
      throw new TensorError('E_INDEX', op, 'each axis may be named once', formatShape(list));
  return list;
}

/** @throws TensorError E_SHAPE for a size that is not a non-negative integer, more than 8 axes, or too many elements. */
export function checkShape(op: string, shape: Shape): void {
  if (shape.length > 8)
    throw new TensorError('E_SHAPE', op, 'a tensor has at most 8 axes', `${shape.length} axes`);
  let n = 1;
  for (const size of shape) {
    if (!Number.isSafeInteger(size) || size < 0)
      throw new TensorError('E_SHAPE', op, 'sizes must be non-negative integers', formatShape(shape));
    n *= size;
  }
  if (!Number.isSafeInteger(n * 8))
    throw new TensorError('E_SHAPE', op, 'the number of elements must fit in 2^50', formatShape(shape));
}
