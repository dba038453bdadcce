import fc from 'fast-check';
import { tensor, zeros } from '../index.js';
import { matmulInt8 } from './index.js';
import { input, laws, reals } from './testing/laws.js';

const byte = fc.integer({ min: -128, max: 127 });
const size = (max: number) =>
  fc.oneof({ weight: 12, arbitrary: fc.integer({ min: 1, max }) }, { weight: 1, arbitrary: fc.constant(0) });

const cases = fc
  .record({ m: size(40), k: size(150), n: size(70), scaled: fc.boolean(), nested: fc.boolean() })
  .chain(({ m, k, n, scaled, nested }) => {
    const rows = nested ? [1, m] : [m];
    const list = [
      input([...rows, k], byte, 'i8'),
      input([k, n], byte, 'i8'),
      ...(scaled ? [input(rows, reals(0, 1), 'f32'), input([n], reals(0, 1), 'f32')] : []),
    ];
    return fc.record({ inputs: fc.tuple(...list), args: fc.constant(undefined) });
  });

const i8 = (values: number[][]) => tensor(values, { dtype: 'i8' });

laws(matmulInt8, {
  cases,
  dtypes: ['f32'],
  differentiable: false,
  run: ([a, b, ...scales]) => matmulInt8(a!, b!, ...scales),
  values: [
    {
      name: 'sums the extremes exactly',
      run: (device) =>
        matmulInt8(
          tensor(new Int8Array(2 * 1000).fill(-128), { shape: [2, 1000], dtype: 'i8', device }),
          tensor(new Int8Array(1000).fill(-128), { shape: [1000, 1], dtype: 'i8', device }),
        ),
      expected: [16384000, 16384000],
    },
  ],
  errors: [
    { name: 'other dtypes', run: () => matmulInt8(zeros([1, 2]), zeros([2, 1])), code: 'E_DTYPE' },
    { name: 'inner sizes that differ', run: () => matmulInt8(i8([[1, 2]]), i8([[1, 2]])), code: 'E_SHAPE' },
    {
      name: 'sums that might not fit 32 bits',
      run: () => matmulInt8(zeros([1, 131072], { dtype: 'i8' }), zeros([131072, 1], { dtype: 'i8' })),
      code: 'E_SHAPE',
    },
    {
      name: 'scales of other sizes',
      run: () => matmulInt8(i8([[1]]), i8([[1]]), zeros([2]), zeros([1])),
      code: 'E_SHAPE',
    },
    { name: 'one scale', run: () => matmulInt8(i8([[1]]), i8([[1]]), zeros([1])), code: 'E_UNSUPPORTED' },
  ],
});
