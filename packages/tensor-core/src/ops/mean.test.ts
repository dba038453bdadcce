import { tensor } from '../index.js';
import { mean } from './index.js';
import { input, laws, reals, reduceCases } from './testing/laws.js';

laws(mean, {
  sums: true,
  // Over nothing the mean is NaN, which has no gradient to compare.
  cases: reduceCases((shape) => input(shape, reals()), 1),
  run: ([x], { axes, keepDims }) => x!.mean(axes, { keepDims }),
  values: [
    {
      name: 'of all elements',
      run: (device) =>
        tensor(
          [
            [1, 2],
            [3, 6],
          ],
          { device },
        ).mean(),
      expected: [3],
    },
    { name: 'of nothing', run: (device) => tensor([], { device }).mean(), expected: [Number.NaN] },
    {
      name: 'stays in range where the sum does not',
      run: (device) => tensor([60000, 60000, 60000], { dtype: 'f16', device }).mean(),
      expected: [60000],
    },
  ],
  errors: [
    { name: 'integers', run: () => tensor([1], { dtype: 'i32', device: 'ref' }).mean(), code: 'E_DTYPE' },
    {
      name: 'an axis outside the tensor',
      run: () => tensor([1], { device: 'ref' }).mean(1),
      code: 'E_INDEX',
    },
  ],
});
