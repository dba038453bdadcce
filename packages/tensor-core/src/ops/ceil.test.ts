import fc from 'fast-check';
import { tensor } from '../index.js';
import { ceil } from './index.js';
import { laws, unaryCases } from './testing/laws.js';

// Multiples of 1/8 that are neither integers nor halves: exact in every dtype, away from the jumps.
const between = fc.integer({ min: -30, max: 30 }).map((i) => i / 4 + 0.125);

laws(ceil, {
  cases: unaryCases(between),
  run: ([x]) => x!.ceil(),
  values: [
    {
      name: 'goes up, integers stay',
      run: (device) => tensor([1.5, -1.5, 2, -2], { device }).ceil(),
      expected: [2, -1, 2, -2],
    },
  ],
  errors: [
    { name: 'integers', run: () => tensor([1], { dtype: 'i32', device: 'ref' }).ceil(), code: 'E_DTYPE' },
  ],
});
