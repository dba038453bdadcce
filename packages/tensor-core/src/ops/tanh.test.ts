import { tensor } from '../index.js';
import { tanh } from './index.js';
import { laws, reals, unaryCases } from './testing/laws.js';

laws(tanh, {
  cases: unaryCases(reals(-4, 4)),
  run: ([x]) => x!.tanh(),
  values: [
    {
      name: 'of ln 2 is 3/5, and it saturates',
      run: (device) => tensor([Math.LN2, -100, 0], { device }).tanh(),
      expected: [0.6, -1, 0],
    },
  ],
  errors: [
    { name: 'integers', run: () => tensor([1], { dtype: 'i32', device: 'ref' }).tanh(), code: 'E_DTYPE' },
  ],
});
