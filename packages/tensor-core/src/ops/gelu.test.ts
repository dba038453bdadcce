import fc from 'fast-check';
import { tensor } from '../index.js';
import { gelu } from './index.js';
import { laws, unaryCases } from './testing/laws.js';

laws(gelu, {
  cases: unaryCases().chain(({ inputs }) =>
    fc.record({ inputs: fc.constant(inputs), args: fc.constantFrom('none' as const, 'tanh' as const) }),
  ),
  run: ([x], approximate) => x!.gelu({ approximate }),
  // 1 and -1 by the normal distribution function: 0.8413447 and -0.1586553 (tables of Phi).
  values: [
    {
      name: 'at 0, 1 and -1',
      run: (device) => tensor([0, 1, -1], { device }).gelu(),
      expected: [0, 0.8413447, -0.1586553],
    },
  ],
  errors: [{ name: 'integers', run: () => tensor([1], { dtype: 'i32' }).gelu(), code: 'E_DTYPE' }],
});
