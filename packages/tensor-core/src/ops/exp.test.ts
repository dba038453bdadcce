import { tensor } from '../index.js';
import { exp } from './index.js';
import { laws, unaryCases } from './testing/laws.js';

laws(exp, {
  cases: unaryCases(),
  run: ([x]) => x!.exp(),
  values: [
    {
      name: 'is e at 1',
      run: (device) => tensor([0, 1, -1], { device }).exp(),
      expected: [1, Math.E, 1 / Math.E],
    },
  ],
  errors: [
    { name: 'integers', run: () => tensor([1], { dtype: 'i32', device: 'ref' }).exp(), code: 'E_DTYPE' },
  ],
});
