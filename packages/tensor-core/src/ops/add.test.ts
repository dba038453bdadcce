import { tensor } from '../index.js';
import { add } from './index.js';
import { binaryCases, laws } from './testing/laws.js';

laws(add, {
  cases: binaryCases(),
  run: ([a, b]) => a!.add(b!),
  values: [
    { name: 'adds a number', run: (device) => tensor([1, 2], { device }).add(10), expected: [11, 12] },
  ],
  errors: [
    {
      name: 'shapes that do not broadcast',
      run: () => tensor([1, 2]).add(tensor([1, 2, 3])),
      code: 'E_SHAPE',
    },
    {
      name: 'bools',
      run: () => tensor([1], { dtype: 'bool' }).add(tensor([1], { dtype: 'bool' })),
      code: 'E_DTYPE',
    },
  ],
});
