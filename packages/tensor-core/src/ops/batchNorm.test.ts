import fc from 'fast-check';
import { expect, it } from 'vitest';
import { ones, scope, tensor, zeros } from '../index.js';
import { batchNorm } from './index.js';
import { input, laws, reals } from './testing/laws.js';

// Distinct values: where a channel's variance vanishes the function is all curvature.
const spread = (shape: number[]) =>
  input(shape, reals()).map((x) => ({ ...x, values: x.values.map((v, i) => v + (i % 5)) }));

const cases = fc
  .record({
    training: fc.boolean(),
    N: fc.integer({ min: 2, max: 4 }),
    C: fc.constantFrom(1, 2, 3, 18),
    rest: fc.constantFrom([], [3], [2, 3], [1, 37]),
  })
  .chain(({ training, N, C, rest }) =>
    fc.record({
      inputs: fc.tuple(
        spread([N + (rest.length === 0 ? 3 : 0), C, ...rest]),
        input([C], reals(-2, 2)),
        input([C], reals(-2, 2)),
        // Constants to the gradient, and kept in f32 whatever x is: drawn as f32 holds them, so that an x that meets the
        // mean meets it in the float64 of the reference too (there an infinite weight makes NaN of 0, and of nothing else).
        input([C], reals(-1, 1).map(Math.fround), 'f64'),
        input([C], reals(0.5, 2).map(Math.fround), 'f64'),
      ),
      args: fc.constant({ training }),
    }),
  );

laws(batchNorm, {
  sums: true,
  cases,
  run: ([x, weight, bias, mean, variance], { training }) =>
    training
      ? batchNorm(x!, { weight, bias, training })
      : batchNorm(x!, { weight, bias, runningMean: mean, runningVar: variance }),
  tolerance: { f32: 2e-5, f16: 6e-3, bf16: 4e-2 },
  values: [
    {
      name: 'centres and scales each channel',
      run: (device) =>
        batchNorm(
          tensor(
            [
              [-1, 10],
              [1, 20],
            ],
            { device },
          ),
          { training: true, eps: 0 },
        ),
      expected: [-1, -1, 1, 1],
    },
    {
      name: 'uses running statistics in evaluation',
      run: (device) =>
        batchNorm(tensor([[5]], { device }), {
          runningMean: tensor([1], { device }),
          runningVar: tensor([4], { device }),
          eps: 0,
        }),
      expected: [2],
    },
    {
      name: 'moves the running mean and, unbiased, the running variance',
      run: (device) => {
        const runningMean = zeros([1], { device });
        const runningVar = ones([1], { device });
        batchNorm(tensor([[1], [3]], { device }), { runningMean, runningVar, training: true, momentum: 0.5 });
        return runningMean.mul(10).add(runningVar);
      },
      expected: [10 + 1.5],
    },
  ],
  errors: [
    { name: 'a vector', run: () => batchNorm(zeros([3]), { training: true }), code: 'E_SHAPE' },
    { name: 'one value a channel', run: () => batchNorm(zeros([1, 3]), { training: true }), code: 'E_SHAPE' },
    {
      name: 'a weight of another width',
      run: () => batchNorm(zeros([2, 3]), { weight: ones([2]), training: true }),
      code: 'E_SHAPE',
    },
    {
      name: 'statistics of another width',
      run: () => batchNorm(zeros([2, 3]), { runningMean: zeros([2]), runningVar: ones([2]) }),
      code: 'E_SHAPE',
    },
    {
      name: 'half the statistics',
      run: () => batchNorm(zeros([2, 3]), { runningMean: zeros([3]) }),
      code: 'E_FORMAT',
    },
    {
      name: 'integers',
      run: () => batchNorm(zeros([2, 3], { dtype: 'i32' }), { training: true }),
      code: 'E_DTYPE',
    },
  ],
});

it('batchNorm passes an empty batch and leaves running statistics alone', () =>
  scope(() => {
    const runningMean = ones([2], { device: 'ref' });
    const runningVar = ones([2], { device: 'ref' });
    const y = batchNorm(zeros([0, 2, 3], { device: 'ref' }), { runningMean, runningVar, training: true });
    expect(y.shape).toEqual([0, 2, 3]);
    expect(runningMean.toArray()).toEqual([1, 1]);
  }));
