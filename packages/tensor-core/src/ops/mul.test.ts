import { tensor } from '../index.js';
import { mul } from './index.js';
import { binaryCases, laws } from './testing/laws.js';

laws(mul, {
  cases: binaryCases(),
  run: ([a, b]) => a!.mul(b!),
  dtypes: ['f32', 'f64', 'bf16', 'f16', 'i32', 'u8'],
  values: [
    {
      name: 'multiplies by a number',
      run: (device) => tensor([1, 2], { device }).mul(10),
      expected: [10, 20],
    },
  ],
  errors: [
    {
      name: 'shapes that do not broadcast',
      run: () => tensor([1, 2], { device: 'ref' }).mul(tensor([1, 2, 3], { device: 'ref' })),
      code: 'E_SHAPE',
    },
    {
      name: 'bools',
      run: () =>
        tensor([1], { dtype: 'bool', device: 'ref' }).mul(tensor([1], { dtype: 'bool', device: 'ref' })),
      code: 'E_DTYPE',
    },
  ],
});
