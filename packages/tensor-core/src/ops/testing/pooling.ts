// What the tests of pooling draw.
import fc from 'fast-check';
import type { Shape } from '../../shape.js';
import type { InputCase, OpCase } from './cases.js';

/** Options of a pooling of images. */
export interface PoolCase {
  kernel: [number, number];
  stride: [number, number];
  padding: [number, number];
  ceilMode: boolean;
}

/** Images, windows that fit into them, and more options. */
export const poolCases = <More>(
  draw: (shape: Shape) => fc.Arbitrary<InputCase>,
  more: fc.Arbitrary<More>,
): fc.Arbitrary<OpCase<PoolCase & More>> => {
  const axis = fc
    .record({
      kernel: fc.integer({ min: 1, max: 4 }),
      extra: fc.constantFrom(0, 1, 2, 5, 17),
      stride: fc.integer({ min: 1, max: 3 }),
      pad: fc.nat(2),
    })
    .map((a) => ({ ...a, pad: Math.min(a.pad, Math.floor(a.kernel / 2)) }));
  return fc
    .record({
      n: fc.constantFrom(0, 1, 2),
      c: fc.integer({ min: 1, max: 2 }),
      h: axis,
      w: axis,
      ceilMode: fc.boolean(),
      more,
    })
    .chain(({ n, c, h, w, ceilMode, more }) =>
      draw([n, c, h.kernel + Math.min(h.extra, 5), w.kernel + w.extra]).map((x) => ({
        inputs: [x],
        args: {
          kernel: [h.kernel, w.kernel] as [number, number],
          stride: [h.stride, w.stride] as [number, number],
          padding: [h.pad, w.pad] as [number, number],
          ceilMode,
          ...more,
        },
      })),
    );
};
