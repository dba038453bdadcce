import { DTYPES, type DType, isFloat } from '../dtype.js';
import { permuteView } from '../layout.js';
import { apply1, type OpDefinition, operation } from '../op.js';
import { Kernel, type View } from '../runtime.js';
import { normalizeAxes, type Shape, sizeOf } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { expand } from './expand.js';
import { reshape } from './reshape.js';

/** What every reduction over axes takes. */
export interface ReduceAttrs {
  /** Ascending and distinct. */
  axes: readonly number[];
  keepDims: boolean;
}

/** Options of reductions. */
export interface ReduceOptions {
  /** Leave the reduced axes in place with size 1. Default false. */
  keepDims?: boolean;
}

const kernel = new Kernel('reduce_sum', 'i:axes;');

const definition: OpDefinition<ReduceAttrs> = {
  name: 'sum',
  infer: ([x], attrs) => [{ shape: reducedShape(x!.shape, attrs), dtype: sumDType(x!.dtype) }],
  reference: ([x], { axes }, [y]) => [
    reduceReference(x!, axes, sizeOf(y!.shape), (values) => values.reduce((a, b) => a + b, 0)),
  ],
  native: ([x], { axes }) => reduceCall(kernel, x!, axes),
  grad: (ctx, [dy]) => [stretch(dy, ctx.inputSpecs[0]!.shape, ctx.attrs.axes)],
  cost: ([x]) => ({ flops: x!.size, bytes: x!.size * DTYPES[x!.dtype].bytes }),
};

// Sums of small integers soon exceed them.
const sumDType = (dtype: DType): DType => (isFloat(dtype) ? dtype : 'i32');

/** The shape left when axes are reduced. */
export const reducedShape = (shape: Shape, { axes, keepDims }: ReduceAttrs): Shape =>
  keepDims ? shape.map((n, a) => (axes.includes(a) ? 1 : n)) : shape.filter((_, a) => !axes.includes(a));

/** Moves the reduced axes last, as the kernels want them. */
export function reduceCall(k: Kernel, x: View, axes: readonly number[]) {
  const kept = x.shape.map((_, a) => a).filter((a) => !axes.includes(a));
  const input = permuteView(x, [...kept, ...axes]);
  return { kernel: k, inputs: [input], outputShapes: [kept.map((a) => x.shape[a]!)], attrs: [axes.length] };
}

/** Calls f with the elements that fall into each output. */
export function reduceReference(
  x: { shape: Shape; data: Float64Array },
  axes: readonly number[],
  outputs: number,
  f: (values: number[]) => number,
): Float64Array {
  const groups: number[][] = Array.from({ length: outputs }, () => []);
  const index = new Array<number>(x.shape.length).fill(0);
  for (const value of x.data) {
    let at = 0;
    for (let a = 0; a < index.length; a++) if (!axes.includes(a)) at = at * x.shape[a]! + index[a]!;
    groups[at]!.push(value);
    for (let a = index.length - 1; a >= 0; a--) {
      if (++index[a]! < x.shape[a]!) break;
      index[a] = 0;
    }
  }
  return Float64Array.from(groups, f);
}

/** A reduced tensor repeated over the axes that were reduced. */
export function stretch(y: Tensor, shape: Shape, axes: readonly number[]): Tensor {
  return expand(
    reshape(
      y,
      shape.map((n, a) => (axes.includes(a) ? 1 : n)),
    ),
    shape,
  );
}

/**
 * The sum over some axes, all by default.
 *
 * @param x any shape; sums of integers and bools are i32
 * @param axes counted from the end when negative
 * @throws TensorError E_INDEX
 * @example
 * x.sum(-1, { keepDims: true });
 */
export const sum = operation(
  definition,
  (x: Tensor, axes?: number | Shape, { keepDims = false }: ReduceOptions = {}): Tensor =>
    apply1(definition, [x], { axes: normalizeAxes('sum', axes, x.rank), keepDims }),
);
