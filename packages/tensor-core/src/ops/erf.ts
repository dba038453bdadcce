import { apply1, type OpDefinition, operation } from '../op.js';
import type { Tensor } from '../tensor.js';
import { unaryDefinition } from './elementwise.js';
import { errorFunction } from './special.js';

const definition: OpDefinition = unaryDefinition({
  name: 'erf',
  f: errorFunction,
  saves: 'input',
  grad: (dy, x) =>
    dy.mul(
      x
        .mul(x)
        .neg()
        .exp()
        .mul(2 / Math.sqrt(Math.PI)),
    ),
});

/**
 * The error function, erf(x) = 2 / sqrt(pi) * integral of e^(-t^2) from 0 to x.
 * @param x any shape, float
 * @throws TensorError E_DTYPE (not a float)
 * @example
 * erf(tensor([0, 1])).toArray(); // [0, 0.8427...]
 */
export const erf = operation(definition, (x: Tensor): Tensor => apply1(definition, [x], undefined));
