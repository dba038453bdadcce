import { tensor } from '../index.js';
import { maximum } from './index.js';
import { binaryCases, laws } from './testing/laws.js';

laws(maximum, {
  cases: binaryCases(),
  run: ([a, b]) => a!.maximum(b!),
  dtypes: ['f32', 'f64', 'bf16', 'f16', 'i32', 'u8'],
  values: [
    {
      name: 'keeps what is above a number',
      run: (device) => tensor([1, 5], { device }).maximum(3),
      expected: [3, 5],
    },
  ],
  errors: [
    {
      name: 'shapes that do not broadcast',
      run: () => tensor([1, 2], { device: 'ref' }).maximum(tensor([1, 2, 3], { device: 'ref' })),
      code: 'E_SHAPE',
    },
    {
      name: 'bools',
      run: () =>
        tensor([1], { dtype: 'bool', device: 'ref' }).maximum(tensor([1], { dtype: 'bool', device: 'ref' })),
      code: 'E_DTYPE',
    },
  ],
});
