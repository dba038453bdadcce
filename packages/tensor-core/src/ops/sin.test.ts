import { tensor } from '../index.js';
import { sin } from './index.js';
import { laws, reals, unaryCases } from './testing/laws.js';

laws(sin, {
  cases: unaryCases(reals(-10, 10)),
  run: ([x]) => x!.sin(),
  values: [
    {
      name: 'at multiples of pi / 6',
      run: (device) => tensor([0, Math.PI / 6, Math.PI / 2], { device }).sin(),
      expected: [0, 0.5, 1],
    },
  ],
  errors: [
    { name: 'integers', run: () => tensor([1], { dtype: 'i32', device: 'ref' }).sin(), code: 'E_DTYPE' },
  ],
});
