import { tensor } from '../index.js';
import { rsqrt } from './index.js';
import { laws, reals, unaryCases } from './testing/laws.js';

laws(rsqrt, {
  cases: unaryCases(reals(0.2, 5)),
  run: ([x]) => x!.rsqrt(),
  values: [
    {
      name: 'of squares',
      run: (device) => tensor([4, 0.25], { device }).rsqrt(),
      expected: [0.5, 2],
    },
  ],
  errors: [
    { name: 'integers', run: () => tensor([1], { dtype: 'i32', device: 'ref' }).rsqrt(), code: 'E_DTYPE' },
  ],
});
