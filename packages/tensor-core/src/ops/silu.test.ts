import { tensor } from '../index.js';
import { silu } from './index.js';
import { laws, unaryCases } from './testing/laws.js';

laws(silu, {
  cases: unaryCases(),
  run: ([x]) => x!.silu(),
  values: [
    {
      name: 'is 0 at 0 and x far to the right',
      run: (device) => tensor([0, 30], { device }).silu(),
      expected: [0, 30],
    },
  ],
  errors: [{ name: 'integers', run: () => tensor([1], { dtype: 'i32' }).silu(), code: 'E_DTYPE' }],
});
