import { tensor } from '../index.js';
import { cos } from './index.js';
import { laws, reals, unaryCases } from './testing/laws.js';

laws(cos, {
  cases: unaryCases(reals(-10, 10)),
  run: ([x]) => x!.cos(),
  values: [
    {
      name: 'at multiples of pi / 3',
      run: (device) => tensor([0, Math.PI / 3, Math.PI], { device }).cos(),
      expected: [1, 0.5, -1],
    },
  ],
  errors: [
    { name: 'integers', run: () => tensor([1], { dtype: 'i32', device: 'ref' }).cos(), code: 'E_DTYPE' },
  ],
});
