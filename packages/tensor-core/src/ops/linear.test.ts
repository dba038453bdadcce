import fc from 'fast-check';
import { zeros } from '../index.js';
import { linear } from './index.js';
import { input, laws, reals, shapes } from './testing/laws.js';

const cases = fc
  .record({
    rows: shapes(2, 5, 1),
    inputs: fc.integer({ min: 1, max: 40 }),
    out: fc.integer({ min: 1, max: 40 }),
    bias: fc.boolean(),
  })
  .chain(({ rows, inputs, out, bias }) => {
    const one = reals(-1, 1);
    const list = [
      input([...rows, inputs], one),
      input([out, inputs], one),
      ...(bias ? [input([out], one)] : []),
    ];
    return fc.record({ inputs: fc.tuple(...list), args: fc.constant(undefined) });
  });

laws(linear, {
  sums: true,
  cases,
  run: ([x, w, b]) => linear(x!, w!, b),
  // Up to forty products a sum.
  tolerance: { f32: 3e-5, f16: 4e-3 },
  errors: [
    { name: 'a weight of another width', run: () => linear(zeros([2, 3]), zeros([4, 2])), code: 'E_SHAPE' },
    {
      name: 'a bias of another size',
      run: () => linear(zeros([2, 3]), zeros([4, 3]), zeros([3])),
      code: 'E_SHAPE',
    },
    {
      name: 'mixed dtypes',
      run: () => linear(zeros([2, 3]), zeros([4, 3], { dtype: 'f64' })),
      code: 'E_DTYPE',
    },
  ],
});
