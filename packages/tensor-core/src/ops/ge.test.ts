import { tensor } from '../index.js';
import { ge } from './index.js';
import { binaryCases, digits, laws } from './testing/laws.js';

laws(ge, {
  // Few distinct values, so that equal ones meet.
  cases: binaryCases(digits),
  run: ([a, b]) => a!.ge(b!),
  dtypes: ['f32', 'f64', 'bf16', 'f16', 'i32', 'u8', 'bool'],
  differentiable: false,
  values: [
    { name: 'compares with a number', run: (device) => tensor([1, 2], { device }).ge(2), expected: [0, 1] },
    {
      name: 'promotes mixed dtypes',
      run: (device) => tensor([1, 2], { device, dtype: 'i32' }).ge(tensor([2, 2], { device })),
      expected: [0, 1],
    },
    {
      name: 'is exact when the number is none of the dtype',
      run: (device) => tensor([1, 44, 255], { device, dtype: 'u8' }).ge(300),
      expected: [0, 0, 0],
    },
  ],
  errors: [
    {
      name: 'shapes that do not broadcast',
      run: () => tensor([1, 2], { device: 'ref' }).ge(tensor([1, 2, 3], { device: 'ref' })),
      code: 'E_SHAPE',
    },
  ],
});
