import fc from 'fast-check';
import { tensor } from '../index.js';
import { relu } from './index.js';
import { laws, reals, unaryCases } from './testing/laws.js';

laws(relu, {
  cases: unaryCases(fc.oneof(reals(-3, -0.1), reals(0.1, 3))),
  run: ([x]) => x!.relu(),
  values: [
    {
      name: 'cuts at zero',
      run: (device) => tensor([-1, 0, 2], { device }).relu(),
      expected: [0, 0, 2],
    },
  ],
  errors: [
    { name: 'integers', run: () => tensor([1], { dtype: 'i32', device: 'ref' }).relu(), code: 'E_DTYPE' },
  ],
});
