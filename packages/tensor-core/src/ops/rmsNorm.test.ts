import fc from 'fast-check';
import { tensor, zeros } from '../index.js';
import { rmsNorm } from './index.js';
import { input, laws, reals, shapes } from './testing/laws.js';

// Rows of distinct values: where a row's variance vanishes the function is all curvature.
const cases = fc
  .record({ rows: shapes(2, 5), columns: fc.integer({ min: 4, max: 70 }) })
  .chain(({ rows, columns }) =>
    fc.record({
      inputs: fc.tuple(
        input([...rows, columns], reals()).map((x) => ({
          ...x,
          values: x.values.map((v, i) => v + (i % 5)),
        })),
        input([columns], reals(-2, 2)),
      ),
      args: fc.constant(undefined),
    }),
  );

laws(rmsNorm, {
  cases,
  run: ([x, w]) => rmsNorm(x!, w!),
  tolerance: { f32: 1e-5, f16: 4e-3, bf16: 3e-2 },
  values: [
    {
      name: 'scales to unit mean square',
      run: (device) => rmsNorm(tensor([[-3, 3]], { device }), null, { eps: 0 }),
      expected: [-1, 1],
    },
  ],
  errors: [
    { name: 'a weight of another width', run: () => rmsNorm(zeros([2, 3]), zeros([2])), code: 'E_SHAPE' },
    { name: 'integers', run: () => rmsNorm(zeros([2, 3], { dtype: 'i32' })), code: 'E_DTYPE' },
    { name: 'a scalar', run: () => rmsNorm(tensor(1)), code: 'E_SHAPE' },
  ],
});
