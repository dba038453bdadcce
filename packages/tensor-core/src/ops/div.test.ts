import fc from 'fast-check';
import { tensor } from '../index.js';
import { div } from './index.js';
import { binaryCases, laws, reals } from './testing/laws.js';

laws(div, {
  cases: binaryCases(reals(), fc.oneof(reals(-4, -0.5), reals(0.5, 4))),
  run: ([a, b]) => a!.div(b!),
  values: [
    {
      name: 'divides by a number',
      run: (device) => tensor([1, 2], { device }).div(4),
      expected: [0.25, 0.5],
    },
    {
      name: 'divides integers truly',
      run: (device) => tensor([1, -7], { device, dtype: 'i32' }).div(2),
      expected: [0.5, -3.5],
    },
  ],
  errors: [
    {
      name: 'shapes that do not broadcast',
      run: () => tensor([1, 2], { device: 'ref' }).div(tensor([1, 2, 3], { device: 'ref' })),
      code: 'E_SHAPE',
    },
    {
      name: 'bools',
      run: () =>
        tensor([1], { dtype: 'bool', device: 'ref' }).div(tensor([1], { dtype: 'bool', device: 'ref' })),
      code: 'E_DTYPE',
    },
  ],
});
