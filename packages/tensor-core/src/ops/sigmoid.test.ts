import { tensor } from '../index.js';
import { sigmoid } from './index.js';
import { laws, reals, unaryCases } from './testing/laws.js';

laws(sigmoid, {
  cases: unaryCases(reals(-8, 8)),
  run: ([x]) => x!.sigmoid(),
  values: [
    {
      name: 'of ln 3 is 3/4, and it saturates',
      run: (device) => tensor([Math.log(3), -200, 0, 200], { device }).sigmoid(),
      expected: [0.75, 0, 0.5, 1],
    },
  ],
  errors: [
    { name: 'integers', run: () => tensor([1], { dtype: 'i32', device: 'ref' }).sigmoid(), code: 'E_DTYPE' },
  ],
});
