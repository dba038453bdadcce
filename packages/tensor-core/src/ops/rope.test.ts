import fc from 'fast-check';
import { tensor, zeros } from '../index.js';
import { rope } from './index.js';
import { input, laws } from './testing/laws.js';

const cases = fc
  .record({
    B: fc.integer({ min: 1, max: 2 }),
    T: fc.integer({ min: 0, max: 5 }),
    H: fc.integer({ min: 1, max: 3 }),
    half: fc.integer({ min: 1, max: 20 }),
  })
  .chain(({ B, T, H, half }) =>
    fc.record({
      inputs: fc.tuple(input([B, T, H, 2 * half])),
      args: fc.record({ offset: fc.nat({ max: 500 }), theta: fc.constantFrom(10000, 500) }),
    }),
  );

laws(rope, {
  cases,
  run: ([x], options) => rope(x!, options),
  values: [
    // A quarter turn per position at theta 1 would be pi/2; one radian is cos 1, sin 1.
    {
      name: 'turns by one radian at position 1',
      run: (device) => rope(tensor([[[[1, 0]]]], { device }), { offset: 1 }),
      expected: [Math.cos(1), Math.sin(1)],
    },
  ],
  errors: [
    { name: 'an odd head', run: () => rope(zeros([1, 1, 1, 3])), code: 'E_SHAPE' },
    { name: 'integers', run: () => rope(zeros([1, 1, 1, 2], { dtype: 'i32' })), code: 'E_DTYPE' },
  ],
});
