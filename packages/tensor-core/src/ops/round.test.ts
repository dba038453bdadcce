import fc from 'fast-check';
import { tensor } from '../index.js';
import { round } from './index.js';
import { laws, unaryCases } from './testing/laws.js';

// Multiples of 1/8 that are neither integers nor halves: exact in every dtype, away from the jumps.
const between = fc.integer({ min: -30, max: 30 }).map((i) => i / 4 + 0.125);

laws(round, {
  cases: unaryCases(between),
  run: ([x]) => x!.round(),
  values: [
    {
      name: 'takes halves to even',
      run: (device) => tensor([0.5, 1.5, 2.5, -0.5, -1.5, 2.4, -2.6], { device }).round(),
      expected: [0, 2, 2, 0, -2, 2, -3],
    },
  ],
  errors: [
    { name: 'integers', run: () => tensor([1], { dtype: 'i32', device: 'ref' }).round(), code: 'E_DTYPE' },
  ],
});
