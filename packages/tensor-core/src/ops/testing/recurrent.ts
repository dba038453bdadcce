// What the tests of recurrent layers draw: a sequence, one direction's weights, and the states before the first step.
import fc from 'fast-check';
import { input, type OpCase, reals } from './cases.js';

/** Cases of a layer with so many gates and states. */
export const recurrentCases = (gates: number, states: number): fc.Arbitrary<OpCase<{ reverse: boolean }>> =>
  fc
    .record({
      T: fc.constantFrom(0, 1, 2, 4),
      // One panel of rows, and more than one.
      B: fc.constantFrom(0, 1, 2, 17),
      I: fc.integer({ min: 1, max: 3 }),
      H: fc.constantFrom(1, 3, 5, 35),
    })
    .map((s) =>
      s.H > 5 ? { ...s, B: Math.min(s.B, 2), T: Math.min(s.T, 2), I: 1 } : s.B > 2 ? { ...s, H: 2 } : s,
    )
    .chain(({ T, B, I, H }) => {
      const one = reals(-1, 1);
      return fc.record({
        inputs: fc.tuple(
          input([T, B, I], one),
          input([gates * H, I], one),
          input([gates * H, H], H > 5 ? reals(-0.2, 0.2) : one),
          input([gates * H], one),
          input([gates * H], one),
          ...Array.from({ length: states }, () => input([B, H], one)),
        ),
        args: fc.record({ reverse: fc.boolean() }),
      });
    });
