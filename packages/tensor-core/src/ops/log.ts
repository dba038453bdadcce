import { apply1, type OpDefinition, operation } from '../op.js';
import type { Tensor } from '../tensor.js';
import { unaryDefinition } from './elementwise.js';

const definition: OpDefinition = unaryDefinition({
  name: 'log',
  f: Math.log,
  saves: 'input',
  grad: (dy, x) => dy.div(x),
});

/**
 * The natural logarithm: -Infinity at 0, NaN below.
 * @param x any shape, float
 * @throws TensorError E_DTYPE (not a float)
 * @example
 * log(tensor([1, Math.E])).toArray(); // => [0, 1]
 */
export const log = operation(definition, (x: Tensor): Tensor => apply1(definition, [x], undefined));
