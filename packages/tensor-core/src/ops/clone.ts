import { DTYPES } from '../dtype.js';
import { apply1, like, type OpDefinition, operation } from '../op.js';
import { Kernel } from '../runtime.js';
import type { Tensor } from '../tensor.js';
import { reshape } from './reshape.js';

const kernel = new Kernel('copy', '');

const definition: OpDefinition = {
  name: 'clone',
  infer: like,
  reference: ([x]) => [x!.data],
  native: (inputs) => ({ kernel, inputs }),
  grad: (_, [dy]) => [dy],
  cost: ([x]) => ({ flops: 0, bytes: 2 * x!.size * DTYPES[x!.dtype].bytes }),
};

/**
 * A row-major copy with memory of its own.
 * @param x any shape, any dtype
 * @example
 * const before = x.clone();
 */
export const clone = operation(definition, (x: Tensor): Tensor => apply1(definition, [x], undefined));

/**
 * The tensor in row-major order: a view when it lies so already, a copy otherwise.
 * @example
 * x.transpose(0, 1).contiguous();
 */
export const contiguous = operation(
  definition,
  (x: Tensor): Tensor => (x.isContiguous ? reshape(x, x.shape) : clone(x)),
);
