import { tensor } from '../index.js';
import { sqrt } from './index.js';
import { laws, reals, unaryCases } from './testing/laws.js';

laws(sqrt, {
  cases: unaryCases(reals(0.1, 5)),
  run: ([x]) => x!.sqrt(),
  values: [
    {
      name: 'of squares',
      run: (device) => tensor([4, 9, 2], { device }).sqrt(),
      expected: [2, 3, Math.SQRT2],
    },
  ],
  errors: [
    { name: 'integers', run: () => tensor([1], { dtype: 'i32', device: 'ref' }).sqrt(), code: 'E_DTYPE' },
  ],
});
