import { tensor } from '../index.js';
import { gt } from './index.js';
import { binaryCases, digits, laws } from './testing/laws.js';

laws(gt, {
  // Few distinct values, so that equal ones meet.
  cases: binaryCases(digits),
  run: ([a, b]) => a!.gt(b!),
  dtypes: ['f32', 'f64', 'bf16', 'f16', 'i32', 'u8', 'bool'],
  differentiable: false,
  values: [
    { name: 'compares with a number', run: (device) => tensor([1, 2], { device }).gt(2), expected: [0, 0] },
    {
      name: 'promotes mixed dtypes',
      run: (device) => tensor([1, 2], { device, dtype: 'i32' }).gt(tensor([2, 2], { device })),
      expected: [0, 0],
    },
    {
      name: 'is exact when the number is none of the dtype',
      run: (device) => tensor([1, 44, 255], { device, dtype: 'u8' }).gt(300),
      expected: [0, 0, 0],
    },
  ],
  errors: [
    {
      name: 'shapes that do not broadcast',
      run: () => tensor([1, 2], { device: 'ref' }).gt(tensor([1, 2, 3], { device: 'ref' })),
      code: 'E_SHAPE',
    },
  ],
});
