import { DTYPES, isFloat, statisticsDType } from '../dtype.js';
import { toRows } from '../layout.js';
import { apply1, type OpDefinition, operation } from '../op.js';
import { Kernel } from '../runtime.js';
import { scope } from '../scope.js';
import { normalizeAxis } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { cast } from './cast.js';
import { transpose } from './permute.js';
import { sum } from './sum.js';

const kernel = new Kernel('cumsum', '');

// Along the last axis.
const definition: OpDefinition = {
  name: 'cumsum',
  infer: ([x]) => [x!],
  reference([x]) {
    const n = x!.shape.at(-1)!;
    const out = x!.data.slice();
    for (let i = 0; i < out.length; i++) if (i % n > 0) out[i]! += out[i - 1]!;
    return [out];
  },
  native: ([x]) => ({ kernel, inputs: [toRows(x!)] }),
  // dx[i] = sum of dy[j] over j >= i, which is the total less what came before; in a dtype that can afford the
  // difference.
  grad(_, [dy]) {
    const wide = cast(dy, statisticsDType(dy.dtype));
    const after = sum(wide, -1, { keepDims: true }).sub(cumsum(wide, -1)).add(wide);
    return [cast(after, dy.dtype)];
  },
  cost: ([x]) => ({ flops: x!.size, bytes: 2 * x!.size * DTYPES[x!.dtype].bytes }),
};

/**
 * Running sums along an axis: y[i] = x[0] + ... + x[i].
 *
 * @param x at least one axis; sums of u8 and bool are i32
 * @param axis counted from the end when negative
 * @throws TensorError E_INDEX
 * @example
 * tensor([1, 2, 3]).cumsum(-1).toArray(); // => [1, 3, 6]
 */
export const cumsum = operation(definition, (x: Tensor, axis: number): Tensor => {
  const a = normalizeAxis('cumsum', axis, x.rank);
  return scope(() => {
    const wide = isFloat(x.dtype) ? x : cast(x, 'i32');
    if (a === x.rank - 1) return apply1(definition, [wide], undefined);
    return transpose(apply1(definition, [transpose(wide, a, -1)], undefined), a, -1);
  });
});
