import fc from 'fast-check';
import { tensor } from '../index.js';
import { softmax } from './index.js';
import { input, laws, reals, shapes } from './testing/laws.js';

const cases = fc
  .oneof(
    shapes(3, 6, 1),
    fc.integer({ min: 1, max: 90 }).map((n) => [2, n]),
  )
  .chain((shape) =>
    fc.record({ inputs: fc.tuple(input(shape, reals(-8, 8))), args: fc.nat({ max: shape.length - 1 }) }),
  );

laws(softmax, {
  cases,
  run: ([x], axis) => x!.softmax(axis),
  values: [
    {
      name: 'does not overflow',
      run: (device) => tensor([1000, 1000], { device }).softmax(),
      expected: [0.5, 0.5],
    },
  ],
  errors: [
    { name: 'integers', run: () => tensor([1], { dtype: 'i32' }).softmax(), code: 'E_DTYPE' },
    { name: 'an axis outside the tensor', run: () => tensor([1]).softmax(1), code: 'E_INDEX' },
  ],
});
