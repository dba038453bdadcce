import { tensor } from '../index.js';
import { cumsum } from './index.js';
import { axisCases, laws } from './testing/laws.js';

laws(cumsum, {
  cases: axisCases(),
  run: ([x], { axis }) => x!.cumsum(axis),
  dtypes: ['f32', 'f64', 'bf16', 'f16', 'i32', 'u8', 'bool'],
  values: [
    {
      name: 'adds up rows',
      run: (device) =>
        tensor(
          [
            [1, 2, 3],
            [4, 5, 6],
          ],
          { device },
        ).cumsum(1),
      expected: [1, 3, 6, 4, 9, 15],
    },
    {
      name: 'adds up columns',
      run: (device) =>
        tensor(
          [
            [1, 2, 3],
            [4, 5, 6],
          ],
          { device },
        ).cumsum(0),
      expected: [1, 2, 3, 5, 7, 9],
    },
    {
      name: 'widens small integers',
      run: (device) => tensor([200, 100], { dtype: 'u8', device }).cumsum(0),
      expected: [200, 300],
    },
  ],
  errors: [
    {
      name: 'an axis outside the tensor',
      run: () => tensor([1], { device: 'ref' }).cumsum(1),
      code: 'E_INDEX',
    },
  ],
});
