import { tensor } from '../index.js';
import { neg } from './index.js';
import { laws, unaryCases } from './testing/laws.js';

laws(neg, {
  cases: unaryCases(),
  run: ([x]) => x!.neg(),
  dtypes: ['f32', 'f64', 'bf16', 'f16', 'i32', 'u8'],
  values: [
    {
      name: 'negates',
      run: (device) => tensor([1, -2, 0], { device }).neg(),
      expected: [-1, 2, 0],
    },
  ],
  errors: [
    { name: 'bools', run: () => tensor([1], { dtype: 'bool', device: 'ref' }).neg(), code: 'E_DTYPE' },
  ],
});
