import { tensor } from '../index.js';
import { sub } from './index.js';
import { binaryCases, laws } from './testing/laws.js';

laws(sub, {
  cases: binaryCases(),
  run: ([a, b]) => a!.sub(b!),
  dtypes: ['f32', 'f64', 'bf16', 'f16', 'i32', 'u8'],
  values: [
    { name: 'subtracts a number', run: (device) => tensor([1, 2], { device }).sub(10), expected: [-9, -8] },
  ],
  errors: [
    {
      name: 'shapes that do not broadcast',
      run: () => tensor([1, 2], { device: 'ref' }).sub(tensor([1, 2, 3], { device: 'ref' })),
      code: 'E_SHAPE',
    },
    {
      name: 'bools',
      run: () =>
        tensor([1], { dtype: 'bool', device: 'ref' }).sub(tensor([1], { dtype: 'bool', device: 'ref' })),
      code: 'E_DTYPE',
    },
  ],
});
