// What max, min, argmax and argmin have in common.
import { DTYPES, statisticsDType } from '../dtype.js';
import { TensorError } from '../errors.js';
import { permuteView, toRows } from '../layout.js';
import { describe, type OpDefinition } from '../op.js';
import { Kernel } from '../runtime.js';
import { sizeOf } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { cast } from './cast.js';
import { type ReduceAttrs, reduceCall, reducedShape, reduceReference, stretch, sum } from './sum.js';

/** The position of the first NaN if there is one, else of the first extreme. */
function positionOf(values: readonly number[], largest: boolean): number {
  let best = 0;
  for (let i = 0; i < values.length; i++) {
    const v = values[i]!;
    if (Number.isNaN(v)) return i;
    if (largest ? v > values[best]! : v < values[best]!) best = i;
  }
  return best;
}

function requireElements(name: string, x: Tensor, axes: readonly number[]): void {
  if (axes.some((a) => x.shape[a] === 0))
    throw new TensorError('E_SHAPE', name, 'the reduced axes must have elements', describe(x));
}

/** The definition of the largest or smallest element over axes, with the native kernel `reduce_<name>`. */
export function extremeDefinition(name: 'max' | 'min'): OpDefinition<ReduceAttrs> {
  const kernel = new Kernel(`reduce_${name}`, 'i:axes;');
  return {
    name,
    infer([x], attrs) {
      requireElements(name, x!, attrs.axes);
      return [{ shape: reducedShape(x!.shape, attrs), dtype: x!.dtype }];
    },
    reference: ([x], { axes }, [y]) => [
      reduceReference(x!, axes, sizeOf(y!.shape), (v) => v[positionOf(v, name === 'max')]!),
    ],
    native: ([x], { axes }) => reduceCall(kernel, x!, axes),
    saves: { inputs: [0], outputs: [0] },
    // Equal extremes share the gradient. Their number is divided by in a dtype that holds it.
    grad(ctx, [dy]) {
      const { axes } = ctx.attrs;
      const x = ctx.input(0);
      const chosen = x.eq(stretch(ctx.output(0), x.shape, axes));
      const count = sum(chosen, axes, { keepDims: ctx.attrs.keepDims });
      const share = cast(cast(dy, statisticsDType(dy.dtype)).div(count), dy.dtype);
      return [chosen.where(stretch(share, x.shape, axes), 0)];
    },
    cost: ([x]) => ({ flops: x!.size, bytes: x!.size * DTYPES[x!.dtype].bytes }),
  };
}

/** The definition of the position of the largest or smallest element along one axis. */
export function argExtremeDefinition(name: 'argmax' | 'argmin'): OpDefinition<ReduceAttrs> {
  const kernel = new Kernel(name, '');
  return {
    name,
    infer([x], attrs) {
      requireElements(name, x!, attrs.axes);
      return [{ shape: reducedShape(x!.shape, attrs), dtype: 'i32' }];
    },
    reference: ([x], { axes }, [y]) => [
      reduceReference(x!, axes, sizeOf(y!.shape), (v) => positionOf(v, name === 'argmax')),
    ],
    native([x], { axes: [axis] }) {
      const kept = x!.shape.map((_, a) => a).filter((a) => a !== axis);
      return {
        kernel,
        inputs: [toRows(permuteView(x!, [...kept, axis!]))],
        outputShapes: [kept.map((a) => x!.shape[a]!)],
      };
    },
    cost: ([x]) => ({ flops: x!.size, bytes: x!.size * DTYPES[x!.dtype].bytes }),
  };
}
