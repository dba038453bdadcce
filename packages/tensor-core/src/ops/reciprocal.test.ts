import fc from 'fast-check';
import { tensor } from '../index.js';
import { reciprocal } from './index.js';
import { laws, reals, unaryCases } from './testing/laws.js';

laws(reciprocal, {
  cases: unaryCases(fc.oneof(reals(-4, -0.25), reals(0.25, 4))),
  run: ([x]) => x!.reciprocal(),
  values: [
    {
      name: 'of powers of two',
      run: (device) => tensor([4, -0.5], { device }).reciprocal(),
      expected: [0.25, -2],
    },
  ],
  errors: [
    {
      name: 'integers',
      run: () => tensor([1], { dtype: 'i32', device: 'ref' }).reciprocal(),
      code: 'E_DTYPE',
    },
  ],
});
