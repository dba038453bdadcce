import { apply1, type OpDefinition, operation } from '../op.js';
import type { Tensor } from '../tensor.js';
import { unaryDefinition } from './elementwise.js';

const definition: OpDefinition = unaryDefinition({
  name: 'cos',
  f: Math.cos,
  saves: 'input',
  grad: (dy, x) => dy.mul(x.sin()).neg(),
});

/**
 * The cosine.
 * @param x any shape, float, in radians
 * @throws TensorError E_DTYPE (not a float)
 * @example
 * cos(tensor([0, Math.PI])).toArray(); // => [1, -1]
 */
export const cos = operation(definition, (x: Tensor): Tensor => apply1(definition, [x], undefined));
