import fc from 'fast-check';
import { type DType, tensor } from '../index.js';
import { cast } from './index.js';
import { laws, reals, unaryCases } from './testing/laws.js';

const all = ['f32', 'f64', 'bf16', 'f16', 'i32', 'u8', 'bool'] as const;
const cases = fc
  .tuple(unaryCases(fc.oneof(reals(), reals(-400, 400))), fc.constantFrom<DType>(...all))
  .map(([c, dtype]) => ({ ...c, args: { dtype } }));

laws(cast, {
  cases,
  run: ([x], { dtype }) => x!.cast(dtype),
  dtypes: all,
  values: [
    {
      name: 'truncates toward zero',
      run: (device) => tensor([1.9, -1.9, Number.NaN], { device }).cast('i32'),
      expected: [1, -1, 0],
    },
    {
      name: 'stops floats at the ends of u8, and wraps integers',
      run: (device) => {
        const floats = tensor([300, -3], { device }).cast('u8');
        const integers = tensor([300, -3], { dtype: 'i32', device }).cast('u8');
        return floats.cast('i32').mul(1000).add(integers.cast('i32'));
      },
      expected: [255044, 253],
    },
    {
      name: 'rounds to nearest even',
      run: (device) => tensor([1 + 2 ** -8, 1 + 3 * 2 ** -8], { device }).cast('bf16'),
      expected: [1, 1 + 2 ** -6],
    },
  ],
  errors: [
    {
      name: 'an unknown dtype',
      run: () => tensor([1], { device: 'ref' }).cast('f8' as DType),
      code: 'E_DTYPE',
    },
  ],
});
