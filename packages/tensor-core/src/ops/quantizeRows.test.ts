import fc from 'fast-check';
import { tensor, zeros } from '../index.js';
import { quantizeRows } from './index.js';
import { input, laws, shapes } from './testing/laws.js';

const magnitude = fc.constantFrom(0, 1e-42, 1e-3, 1, 1e30);
const cases = fc
  .record({ rows: shapes(2, 4), columns: fc.integer({ min: 0, max: 90 }), magnitude })
  .chain(({ rows, columns, magnitude }) =>
    fc.record({
      inputs: fc.tuple(
        // Multiples of a 254th meet halves, where rounding is decided.
        input(
          [...rows, columns],
          fc.integer({ min: -254, max: 254 }).map((i) => (i / 254) * magnitude),
        ),
      ),
      args: fc.constant(undefined),
    }),
  );

laws(quantizeRows, {
  cases,
  dtypes: ['f32', 'f64', 'bf16'],
  differentiable: false,
  run: ([x]) => quantizeRows(x!),
  values: [
    {
      name: 'rounds halves away from zero',
      run: (device) => quantizeRows(tensor([[127, 2.5, -2.5, 0.5, -0.49999997]], { device }))[0].cast('f32'),
      expected: [127, 3, -3, 1, 0],
    },
    {
      name: 'marks a row that holds an infinity',
      run: (device) => quantizeRows(tensor([[1, Number.POSITIVE_INFINITY]], { device }))[1],
      expected: [Number.NaN],
    },
  ],
  errors: [
    { name: 'a scalar', run: () => quantizeRows(tensor(1)), code: 'E_SHAPE' },
    { name: 'integers', run: () => quantizeRows(zeros([2], { dtype: 'i32' })), code: 'E_DTYPE' },
  ],
});
