import fc from 'fast-check';
import { tensor } from '../index.js';
import { clamp } from './index.js';
import { laws, unaryCases } from './testing/laws.js';

// Odd multiples of 1/16, exact in every dtype, and bounds between them.
const values = fc.integer({ min: -40, max: 40 }).map((i) => (2 * i + 1) / 16);
const bounds = fc.constantFrom(
  [-1, 2],
  [-1, Number.POSITIVE_INFINITY],
  [Number.NEGATIVE_INFINITY, 2],
  [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY],
  [1, 1],
);

laws(clamp, {
  cases: fc.tuple(unaryCases(values), bounds).map(([c, args]) => ({ ...c, args })),
  run: ([x], [min, max]) => x!.clamp(min, max),
  dtypes: ['f32', 'f64', 'bf16', 'f16', 'i32'],
  values: [
    {
      name: 'cuts both ends',
      run: (device) => tensor([-3, 0.5, 3], { device }).clamp(-1, 1),
      expected: [-1, 0.5, 1],
    },
    {
      name: 'cuts u8',
      run: (device) => tensor([3, 200], { dtype: 'u8', device }).clamp(10, 100),
      expected: [10, 100],
    },
    {
      name: 'passes the gradient at the bounds',
      run: (device) => {
        const x = tensor([-2, -1, 0, 1, 2], { device, requiresGrad: true });
        x.clamp(-1, 1).sum().backward();
        return x.grad!;
      },
      expected: [0, 1, 1, 1, 0],
    },
  ],
  errors: [
    { name: 'min above max', run: () => tensor([1], { device: 'ref' }).clamp(2, 1), code: 'E_FORMAT' },
    {
      name: 'a bound that is NaN',
      run: () => tensor([1], { device: 'ref' }).clamp(Number.NaN),
      code: 'E_FORMAT',
    },
    { name: 'bools', run: () => tensor([1], { dtype: 'bool', device: 'ref' }).clamp(0, 1), code: 'E_DTYPE' },
    {
      name: 'a bound that the dtype has not',
      run: () => tensor([1], { dtype: 'u8', device: 'ref' }).clamp(-1, 1),
      code: 'E_DTYPE',
    },
  ],
});
