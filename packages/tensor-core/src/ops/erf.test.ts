import { tensor } from '../index.js';
import { erf } from './index.js';
import { laws, reals, unaryCases } from './testing/laws.js';

laws(erf, {
  cases: unaryCases(reals(-3, 3)),
  run: ([x]) => x!.erf(),
  values: [
    {
      name: 'as tabulated by Abramowitz and Stegun, table 7.1',
      run: (device) => tensor([0.5, 1, -2], { device }).erf(),
      expected: [0.5204998778, 0.8427007929, -0.995322265],
    },
  ],
  errors: [
    { name: 'integers', run: () => tensor([1], { dtype: 'i32', device: 'ref' }).erf(), code: 'E_DTYPE' },
  ],
});
