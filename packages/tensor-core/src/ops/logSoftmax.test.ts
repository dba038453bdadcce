import fc from 'fast-check';
import { tensor } from '../index.js';
import { logSoftmax } from './index.js';
import { input, laws, reals, shapes } from './testing/laws.js';

const cases = fc
  .oneof(
    shapes(3, 6, 1),
    fc.integer({ min: 1, max: 90 }).map((n) => [2, n]),
  )
  .chain((shape) =>
    fc.record({ inputs: fc.tuple(input(shape, reals(-8, 8))), args: fc.nat({ max: shape.length - 1 }) }),
  );

laws(logSoftmax, {
  cases,
  run: ([x], axis) => x!.logSoftmax(axis),
  values: [
    {
      name: 'does not overflow',
      run: (device) => tensor([1000, 1000], { device }).logSoftmax(),
      expected: [-Math.LN2, -Math.LN2],
    },
  ],
  errors: [
    { name: 'integers', run: () => tensor([1], { dtype: 'i32' }).logSoftmax(), code: 'E_DTYPE' },
    { name: 'an axis outside the tensor', run: () => tensor([1]).logSoftmax(1), code: 'E_INDEX' },
  ],
});
