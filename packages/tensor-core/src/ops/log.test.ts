import { tensor } from '../index.js';
import { log } from './index.js';
import { laws, reals, unaryCases } from './testing/laws.js';

laws(log, {
  cases: unaryCases(reals(0.1, 5)),
  run: ([x]) => x!.log(),
  values: [
    {
      name: 'undoes exp',
      run: (device) => tensor([1, Math.E, 0.5], { device }).log(),
      expected: [0, 1, -Math.LN2],
    },
  ],
  errors: [
    { name: 'integers', run: () => tensor([1], { dtype: 'i32', device: 'ref' }).log(), code: 'E_DTYPE' },
  ],
});
