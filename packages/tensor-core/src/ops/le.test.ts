import { tensor } from '../index.js';
import { le } from './index.js';
import { binaryCases, digits, laws } from './testing/laws.js';

laws(le, {
  // Few distinct values, so that equal ones meet.
  cases: binaryCases(digits),
  run: ([a, b]) => a!.le(b!),
  dtypes: ['f32', 'f64', 'bf16', 'f16', 'i32', 'u8', 'bool'],
  differentiable: false,
  values: [
    { name: 'compares with a number', run: (device) => tensor([1, 2], { device }).le(2), expected: [1, 1] },
    {
      name: 'promotes mixed dtypes',
      run: (device) => tensor([1, 2], { device, dtype: 'i32' }).le(tensor([2, 2], { device })),
      expected: [1, 1],
    },
    {
      name: 'is exact when the number is none of the dtype',
      run: (device) => tensor([1, 44, 255], { device, dtype: 'u8' }).le(300),
      expected: [1, 1, 1],
    },
  ],
  errors: [
    {
      name: 'shapes that do not broadcast',
      run: () => tensor([1, 2], { device: 'ref' }).le(tensor([1, 2, 3], { device: 'ref' })),
      code: 'E_SHAPE',
    },
  ],
});
