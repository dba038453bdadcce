import fc from 'fast-check';
import { tensor, zeros } from '../index.js';
import { interpolate } from './index.js';
import type { InterpolateOptions } from './interpolate.js';
import { input, laws } from './testing/laws.js';

const options: fc.Arbitrary<InterpolateOptions> = fc
  .record({
    how: fc.oneof(
      fc.record({ size: fc.tuple(fc.integer({ min: 1, max: 7 }), fc.constantFrom(1, 3, 8, 20)) }),
      fc.record({ scaleFactor: fc.constantFrom(1, 2, 1.5, 2.3) }),
    ),
    mode: fc.constantFrom('nearest' as const, 'bilinear' as const),
    alignCorners: fc.boolean(),
  })
  .map(({ how, mode, alignCorners }) => ({
    ...how,
    mode,
    alignCorners: alignCorners && mode === 'bilinear',
  }));

const cases = fc
  .record({
    n: fc.nat(2),
    h: fc.integer({ min: 1, max: 5 }),
    w: fc.constantFrom(1, 2, 6, 18),
    args: options,
  })
  .chain(({ n, h, w, args }) => input([n, 2, h, w]).map((x) => ({ inputs: [x], args })));

laws(interpolate, {
  sums: true,
  cases,
  run: ([x], args) => interpolate(x!, args),
  values: [
    {
      name: 'repeats the nearest pixel',
      run: (device) => interpolate(tensor([[[[1, 2]]]], { device }), { scaleFactor: [1, 2] }),
      expected: [1, 1, 2, 2],
    },
    {
      name: 'meets edges by default',
      run: (device) => interpolate(tensor([[[[0, 4]]]], { device }), { size: [1, 4], mode: 'bilinear' }),
      expected: [0, 1, 3, 4],
    },
    {
      name: 'meets corners when told to',
      run: (device) =>
        interpolate(tensor([[[[0, 1]]]], { device }), { size: [1, 3], mode: 'bilinear', alignCorners: true }),
      expected: [0, 0.5, 1],
    },
  ],
  errors: [
    { name: 'three axes', run: () => interpolate(zeros([1, 2, 3]), { size: 2 }), code: 'E_SHAPE' },
    {
      name: 'more pixels than can be',
      run: () => interpolate(zeros([1, 1, 2, 2]), { scaleFactor: 1e300 }),
      code: 'E_SHAPE',
    },
    { name: 'no size', run: () => interpolate(zeros([1, 1, 2, 2]), {}), code: 'E_FORMAT' },
    {
      name: 'two sizes',
      run: () => interpolate(zeros([1, 1, 2, 2]), { size: 2, scaleFactor: 2 }),
      code: 'E_FORMAT',
    },
    {
      name: 'a scale of 0',
      run: () => interpolate(zeros([1, 1, 2, 2]), { scaleFactor: 0 }),
      code: 'E_FORMAT',
    },
    {
      name: 'a scale that leaves nothing',
      run: () => interpolate(zeros([1, 1, 2, 2]), { scaleFactor: 0.1 }),
      code: 'E_SHAPE',
    },
    {
      name: 'corners of nearest pixels',
      run: () => interpolate(zeros([1, 1, 2, 2]), { size: 2, alignCorners: true }),
      code: 'E_FORMAT',
    },
    {
      name: 'an unknown mode',
      run: () => interpolate(zeros([1, 1, 2, 2]), { size: 2, mode: 'cubic' as 'nearest' }),
      code: 'E_FORMAT',
    },
  ],
});
