import fc from 'fast-check';
import { tensor } from '../index.js';
import { sign } from './index.js';
import { laws, reals, unaryCases } from './testing/laws.js';

laws(sign, {
  cases: unaryCases(fc.oneof(reals(-3, -0.1), reals(0.1, 3))),
  run: ([x]) => x!.sign(),
  values: [
    {
      name: 'takes the sign',
      run: (device) => tensor([-3, 0, 5], { device }).sign(),
      expected: [-1, 0, 1],
    },
  ],
  errors: [
    { name: 'integers', run: () => tensor([1], { dtype: 'i32', device: 'ref' }).sign(), code: 'E_DTYPE' },
  ],
});
