import { apply1, type OpDefinition, operation } from '../op.js';
import type { Tensor } from '../tensor.js';
import { unaryDefinition } from './elementwise.js';

const definition: OpDefinition = unaryDefinition({
  name: 'relu',
  f: (x) => Math.max(x, 0),
  saves: 'output',
  grad: (dy, y) => y.gt(0).where(dy, 0),
});

/**
 * y = max(x, 0); NaN stays NaN. Its gradient at 0 is 0.
 * @param x any shape, float
 * @throws TensorError E_DTYPE (not a float)
 * @example
 * relu(tensor([-1, 2])).toArray(); // => [0, 2]
 */
export const relu = operation(definition, (x: Tensor): Tensor => apply1(definition, [x], undefined));
