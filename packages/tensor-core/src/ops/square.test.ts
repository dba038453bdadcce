import { tensor } from '../index.js';
import { square } from './index.js';
import { laws, unaryCases } from './testing/laws.js';

laws(square, {
  cases: unaryCases(),
  run: ([x]) => x!.square(),
  dtypes: ['f32', 'f64', 'bf16', 'f16', 'i32', 'u8'],
  values: [{ name: 'squares', run: (device) => tensor([3, -2], { device }).square(), expected: [9, 4] }],
  errors: [
    { name: 'bools', run: () => tensor([1], { dtype: 'bool', device: 'ref' }).square(), code: 'E_DTYPE' },
  ],
});
