import fc from 'fast-check';
import { tensor, zeros } from '../index.js';
import { matmul } from './index.js';
import { input, laws, reals, shapes } from './testing/laws.js';

const size = fc.oneof(
  { weight: 12, arbitrary: fc.integer({ min: 1, max: 9 }) },
  { weight: 1, arbitrary: fc.constant(0) },
);

// Products of stacks whose leading axes broadcast, and of vectors.
const cases = fc
  .record({
    batch: shapes(2, 3),
    m: size,
    k: size,
    n: size,
    left: fc.boolean(),
    right: fc.boolean(),
    vector: fc.constantFrom(0, 0, 0, 1, 2),
  })
  .chain(({ batch, m, k, n, left, right, vector }) => {
    const a = vector === 1 ? [k] : [...(left ? batch : batch.slice(1)), m, k];
    const b = vector === 2 ? [k] : [...(right || !left ? batch : batch.map(() => 1)), k, n];
    return fc.record({
      inputs: fc.tuple(input(a, reals(-1, 1)), input(b, reals(-1, 1))),
      args: fc.constant(undefined),
    });
  });

laws(matmul, {
  sums: true,
  cases,
  run: ([a, b]) => a!.matmul(b!),
  // Sums of up to nine products of numbers below one, rounded once at the end.
  tolerance: { f32: 1e-5 },
  values: [
    {
      name: 'multiplies by hand',
      run: (device) =>
        tensor(
          [
            [1, 2],
            [3, 4],
          ],
          { device },
        ).matmul(
          tensor(
            [
              [5, 6],
              [7, 8],
            ],
            { device },
          ),
        ),
      expected: [19, 22, 43, 50],
    },
  ],
  errors: [
    { name: 'inner sizes that differ', run: () => zeros([2, 3]).matmul(zeros([4, 5])), code: 'E_SHAPE' },
    {
      name: 'stacks that do not broadcast',
      run: () => zeros([2, 1, 3]).matmul(zeros([3, 3, 1])),
      code: 'E_SHAPE',
    },
    { name: 'a scalar', run: () => tensor(1).matmul(zeros([1])), code: 'E_SHAPE' },
    {
      name: 'integers',
      run: () => zeros([1, 1], { dtype: 'i32' }).matmul(zeros([1, 1], { dtype: 'i32' })),
      code: 'E_DTYPE',
    },
  ],
});
