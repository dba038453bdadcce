import { apply1, type OpDefinition, operation } from '../op.js';
import type { Tensor } from '../tensor.js';
import { unaryDefinition } from './elementwise.js';

// Math.round takes halves up.
function halfToEven(x: number): number {
  const below = Math.floor(x);
  const rest = x - below;
  return rest > 0.5 || (rest === 0.5 && below % 2 !== 0) ? below + 1 : below;
}

const definition: OpDefinition = unaryDefinition({
  name: 'round',
  f: halfToEven,
});

/**
 * The nearest integer, halves to the even one (IEEE 754 roundTiesToEven). Its gradient is zero.
 * @param x any shape, float
 * @throws TensorError E_DTYPE (not a float)
 * @example
 * round(tensor([0.5, 1.5, 2.4])).toArray(); // => [0, 2, 2]
 */
export const round = operation(definition, (x: Tensor): Tensor => apply1(definition, [x], undefined));
