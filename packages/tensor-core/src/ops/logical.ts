import { apply1, type OpDefinition, operation } from '../op.js';
import { broadcastShapes } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { cast } from './cast.js';
import { mapBroadcast } from './elementwise.js';

const notDefinition: OpDefinition = {
  name: 'logicalNot',
  infer: ([x]) => [{ shape: x!.shape, dtype: 'bool' }],
  reference: ([x]) => [x!.data.map((v) => (v ? 0 : 1))],
  compute: ([x]) => [x!.eq(0)],
};

/** The definition of a connective: bool in, bool out, with broadcasting. */
const connective = (
  name: string,
  f: (a: number, b: number) => number,
  compute: (a: Tensor, b: Tensor) => Tensor,
): OpDefinition => ({
  name,
  infer: ([a, b]) => [{ shape: broadcastShapes(name, a!.shape, b!.shape), dtype: 'bool' }],
  reference: (inputs, _, [y]) => [mapBroadcast(inputs, y!.shape, f)],
  compute: ([a, b]) => [compute(a!, b!)],
});

// Of bools, the smaller is their "and" and the larger their "or"; comparisons say it without another kernel:
// a and b is b > not a, a or b is a >= not b.
const andDefinition: OpDefinition = connective(
  'logicalAnd',
  (a, b) => (a && b ? 1 : 0),
  (a, b) => b.gt(logicalNot(a)),
);
const orDefinition: OpDefinition = connective(
  'logicalOr',
  (a, b) => (a || b ? 1 : 0),
  (a, b) => a.ge(logicalNot(b)),
);

/**
 * True where x is false.
 * @param x any shape; anything but 0 counts as true
 * @example
 * logicalNot(x.gt(0));
 */
export const logicalNot = operation(
  notDefinition,
  (x: Tensor): Tensor => apply1(notDefinition, [cast(x, 'bool')], undefined),
);

/**
 * True where both a and b are, with broadcasting.
 * @param a, b anything but 0 counts as true
 * @throws TensorError E_SHAPE, E_DEVICE
 * @example
 * logicalAnd(x.gt(0), x.lt(1));
 */
export const logicalAnd = operation(
  andDefinition,
  (a: Tensor, b: Tensor): Tensor => apply1(andDefinition, [cast(a, 'bool'), cast(b, 'bool')], undefined),
);

/**
 * True where a or b or both are, with broadcasting.
 * @param a, b anything but 0 counts as true
 * @throws TensorError E_SHAPE, E_DEVICE
 * @example
 * logicalOr(x.lt(0), x.gt(1));
 */
export const logicalOr = operation(
  orDefinition,
  (a: Tensor, b: Tensor): Tensor => apply1(orDefinition, [cast(a, 'bool'), cast(b, 'bool')], undefined),
);
