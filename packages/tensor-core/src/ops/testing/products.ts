/** Cases of products of a matrix with a weight, for the laws of what multiplies with one. */
import fc from 'fast-check';
import type { Activation } from '../activation.js';
import type { InputCase } from './cases.js';
import { input, reals, shapes } from './laws.js';

/** An activation, or none. */
export const activation = fc.constantFrom<(Activation | undefined)[]>(
  undefined,
  'relu',
  'gelu',
  'geluTanh',
  'silu',
);

/** Shapes of x but for its last axis. */
export const rowShapes = fc.oneof(shapes(2, 5, 1), fc.constantFrom([17], [3, 11]));

/** Cases of `linear`, with sizes from `least` on and values of x from `values`. */
export const linearCases = (least: number, values: fc.Arbitrary<number>) =>
  fc
    .record({
      rows: rowShapes,
      inputs: fc.integer({ min: least, max: 40 }),
      out: fc.integer({ min: least, max: 40 }),
      bias: fc.boolean(),
      residual: fc.boolean(),
      inputActivation: activation,
      activation,
    })
    .chain(({ rows, inputs, out, ...args }) => {
      const one = reals(-1, 1);
      const list = [
        input([...rows, inputs], values),
        input([out, inputs], one),
        ...(args.bias ? [input([out], one)] : []),
        ...(args.residual ? [input([...rows, out], one)] : []),
      ];
      return fc.record({ inputs: fc.tuple(...list), args: fc.constant(args) });
    });

/** True if every element of g(x) W^T + b is at least `near` from zero, as central differences across relu's kink need. */
export function awayFromZero(
  [x, w, b]: readonly [x: InputCase, w: InputCase, b: InputCase | undefined],
  near: number,
  g: (x: number) => number = (v) => v,
): boolean {
  const [out, columns] = w.shape as [number, number];
  const read = x.values.map(g);
  for (let r = 0; r < read.length; r += columns)
    for (let o = 0; o < out; o++) {
      let z = b ? b.values[o]! : 0;
      for (let i = 0; i < columns; i++) z += read[r + i]! * w.values[o * columns + i]!;
      if (Math.abs(z) < near) return false;
    }
  return true;
}
