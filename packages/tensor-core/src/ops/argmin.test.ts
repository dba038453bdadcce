import fc from 'fast-check';
import { tensor } from '../index.js';
import { argmin } from './index.js';
import { axisCases, digits, input, laws } from './testing/laws.js';

const cases = fc
  .tuple(
    // Equal elements are frequent.
    axisCases((shape) => input(shape, digits), 1),
    fc.boolean(),
  )
  .map(([c, keepDims]) => ({ ...c, args: { ...c.args, keepDims } }));

laws(argmin, {
  cases,
  run: ([x], { axis, keepDims }) => x!.argmin(axis, { keepDims }),
  dtypes: ['f32', 'f64', 'bf16', 'f16', 'i32', 'u8', 'bool'],
  differentiable: false,
  values: [
    {
      name: 'of each row, the first of equals',
      run: (device) =>
        tensor(
          [
            [1, 3, 3, 1],
            [9, 4, 9, 4],
          ],
          { device },
        ).argmin(1),
      expected: [0, 1],
    },
    {
      name: 'NaN comes before all',
      run: (device) => tensor([1, Number.NaN, 7], { device }).argmin(0),
      expected: [1],
    },
  ],
  errors: [
    { name: 'an empty axis', run: () => tensor([], { device: 'ref' }).argmin(0), code: 'E_SHAPE' },
    {
      name: 'an axis outside the tensor',
      run: () => tensor([1], { device: 'ref' }).argmin(1),
      code: 'E_INDEX',
    },
  ],
});
