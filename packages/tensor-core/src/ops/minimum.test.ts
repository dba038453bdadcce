import { tensor } from '../index.js';
import { minimum } from './index.js';
import { binaryCases, laws } from './testing/laws.js';

laws(minimum, {
  cases: binaryCases(),
  run: ([a, b]) => a!.minimum(b!),
  dtypes: ['f32', 'f64', 'bf16', 'f16', 'i32', 'u8'],
  values: [
    {
      name: 'keeps what is below a number',
      run: (device) => tensor([1, 5], { device }).minimum(3),
      expected: [1, 3],
    },
  ],
  errors: [
    {
      name: 'shapes that do not broadcast',
      run: () => tensor([1, 2], { device: 'ref' }).minimum(tensor([1, 2, 3], { device: 'ref' })),
      code: 'E_SHAPE',
    },
    {
      name: 'bools',
      run: () =>
        tensor([1], { dtype: 'bool', device: 'ref' }).minimum(tensor([1], { dtype: 'bool', device: 'ref' })),
      code: 'E_DTYPE',
    },
  ],
});
