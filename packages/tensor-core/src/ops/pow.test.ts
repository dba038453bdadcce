import { tensor } from '../index.js';
import { pow } from './index.js';
import { binaryCases, laws, reals } from './testing/laws.js';

laws(pow, {
  cases: binaryCases(reals(0.3, 3), reals(-2, 3)),
  run: ([a, b]) => a!.pow(b!),
  values: [
    {
      name: 'squares negative numbers',
      run: (device) => tensor([-3, 0.5], { device }).pow(2),
      expected: [9, 0.25],
    },
    { name: '0 to the 0 is 1', run: (device) => tensor([0, 2], { device }).pow(0), expected: [1, 1] },
  ],
  errors: [
    {
      name: 'shapes that do not broadcast',
      run: () => tensor([1, 2], { device: 'ref' }).pow(tensor([1, 2, 3], { device: 'ref' })),
      code: 'E_SHAPE',
    },
    {
      name: 'bools',
      run: () =>
        tensor([1], { dtype: 'bool', device: 'ref' }).pow(tensor([1], { dtype: 'bool', device: 'ref' })),
      code: 'E_DTYPE',
    },
  ],
});
