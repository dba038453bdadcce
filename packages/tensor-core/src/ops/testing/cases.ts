// What the laws draw: shapes, values and whole calls.
import fc from 'fast-check';
import type { DType } from '../../dtype.js';
import { type Shape, sizeOf } from '../../shape.js';

/** One drawn input. */
export interface InputCase {
  readonly shape: Shape;
  readonly values: readonly number[];
  /** Fixed where the op demands it (indices, masks); otherwise the law chooses. */
  readonly dtype?: DType;
}

/** One drawn call. */
export interface OpCase<Args> {
  readonly inputs: readonly InputCase[];
  readonly args: Args;
}

/** Draws a shape of at most `maxRank` axes with sizes 0 to `maxSize`, small and empty ones included. */
export const shapes = (maxRank = 3, maxSize = 6, minRank = 0): fc.Arbitrary<number[]> =>
  fc.array(
    fc.oneof(
      { weight: 9, arbitrary: fc.integer({ min: 1, max: maxSize }) },
      { weight: 1, arbitrary: fc.constant(0) },
    ),
    {
      minLength: minRank,
      maxLength: maxRank,
    },
  );

/** Draws finite values inside [min, max], with three significant digits so that failures can be read. */
export const reals = (min = -3, max = 3): fc.Arbitrary<number> =>
  fc.integer({ min: 0, max: 2000 }).map((i) => min + ((max - min) * i) / 2000);

/** Draws one of -2 to 2, so that equal values meet. */
export const digits: fc.Arbitrary<number> = fc.integer({ min: -2, max: 2 });

/** An input of a drawn shape with drawn values. */
export const input = (
  shape: Shape,
  value: fc.Arbitrary<number> = reals(),
  dtype?: DType,
): fc.Arbitrary<InputCase> =>
  fc
    .array(value, { minLength: sizeOf(shape), maxLength: sizeOf(shape) })
    .map((values) => ({ shape, values, dtype }));

/** Cases of a unary op: one input of any shape, large enough at times for every vector path. */
export const unaryCases = (value: fc.Arbitrary<number> = reals()): fc.Arbitrary<OpCase<undefined>> =>
  fc
    .oneof(
      shapes(),
      fc.integer({ min: 1, max: 200 }).map((n) => [n]),
    )
    .chain((shape) => input(shape, value))
    .map((x) => ({ inputs: [x], args: undefined }));

/** Two shapes that broadcast. */
export const broadcastPair: fc.Arbitrary<[number[], number[]]> = shapes(3, 5).chain((shape) =>
  fc
    .tuple(
      fc.array(fc.boolean(), { minLength: shape.length, maxLength: shape.length }),
      fc.array(fc.boolean(), { minLength: shape.length, maxLength: shape.length }),
      fc.nat({ max: shape.length }),
      fc.boolean(),
    )
    .map(([a, b, drop, swap]) => {
      const x = shape.map((n, i) => (a[i] && !b[i] ? 1 : n));
      const y = shape.map((n, i) => (b[i] && !a[i] ? 1 : n)).slice(drop);
      return swap ? [y, x] : [x, y];
    }),
);

/** Cases of a binary op. */
export const binaryCases = (
  left: fc.Arbitrary<number> = reals(),
  right: fc.Arbitrary<number> = left,
): fc.Arbitrary<OpCase<undefined>> =>
  broadcastPair
    .chain(([a, b]) => fc.tuple(input(a, left), input(b, right)))
    .map((inputs) => ({ inputs, args: undefined }));

/** Draws distinct values in any order, so that no two compete for being the largest. */
export const distinct = (shape: Shape): fc.Arbitrary<InputCase> => {
  const n = sizeOf(shape);
  const values = Array.from({ length: n }, (_, i) => (i - Math.floor(n / 2)) / 8);
  return fc.shuffledSubarray(values, { minLength: n }).map((values) => ({ shape, values }));
};

/** Arguments of a reduction. */
export interface ReduceArgs {
  axes: number[];
  keepDims: boolean;
}

/** Cases of a reduction over some axes, each reduced axis having at least `least` elements. */
export const reduceCases = (
  draw: (shape: Shape) => fc.Arbitrary<InputCase> = input,
  least = 0,
): fc.Arbitrary<OpCase<ReduceArgs>> =>
  shapes(4, 5, 1).chain((drawn) =>
    fc.subarray(drawn.map((_, a) => a)).chain((axes) => {
      const shape = drawn.map((n, a) => (axes.includes(a) ? Math.max(n, least) : n));
      return fc.record({
        inputs: draw(shape).map((x) => [x]),
        args: fc.record({ axes: fc.constant(axes), keepDims: fc.boolean() }),
      });
    }),
  );

/** Cases of an op along one axis, which has at least `least` elements. */
export const axisCases = (
  draw: (shape: Shape) => fc.Arbitrary<InputCase> = input,
  least = 0,
): fc.Arbitrary<OpCase<{ axis: number }>> =>
  shapes(3, 6, 1).chain((drawn) =>
    fc.nat(drawn.length - 1).chain((axis) => {
      const shape = drawn.map((n, a) => (a === axis ? Math.max(n, least) : n));
      return draw(shape).map((x) => ({ inputs: [x], args: { axis } }));
    }),
  );
