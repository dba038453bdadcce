import { tensor } from '../index.js';
import { abs } from './index.js';
import { laws, unaryCases } from './testing/laws.js';

laws(abs, {
  cases: unaryCases(),
  run: ([x]) => x!.abs(),
  dtypes: ['f32', 'f64', 'bf16', 'f16', 'i32', 'u8'],
  values: [
    {
      name: 'drops the sign',
      run: (device) => tensor([1, -2, -0.5], { device }).abs(),
      expected: [1, 2, 0.5],
    },
  ],
  errors: [
    { name: 'bools', run: () => tensor([1], { dtype: 'bool', device: 'ref' }).abs(), code: 'E_DTYPE' },
  ],
});
