import fc from 'fast-check';
import { tensor, zeros } from '../index.js';
import { crossEntropy } from './index.js';
import { input, laws, reals } from './testing/laws.js';

const cases = fc
  .record({
    rows: fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 2 }),
    classes: fc.integer({ min: 2, max: 70 }),
  })
  .chain(({ rows, classes }) =>
    fc.record({
      inputs: fc.tuple(
        input([...rows, classes], reals(-6, 6)),
        input(
          rows,
          fc.oneof(
            { weight: 4, arbitrary: fc.nat({ max: classes - 1 }) },
            { weight: 1, arbitrary: fc.constant(-100) },
          ),
          'i32',
        ),
      ),
      args: fc.record({
        labelSmoothing: fc.constantFrom(0, 0, 0.1),
        reduction: fc.constantFrom('sum' as const, 'none' as const, 'mean' as const),
      }),
    }),
  );

// A mean over no rows is NaN, which has no gradient to compare.
const countable = cases.filter(
  ({ inputs: [, target], args }) => args.reduction !== 'mean' || target.values.some((t) => t >= 0),
);

laws(crossEntropy, {
  cases: countable,
  run: ([logits, target], options) => crossEntropy(logits!, target!, options),
  values: [
    {
      name: 'of even odds is log V',
      run: (device) => crossEntropy(zeros([1, 8], { device }), tensor([3], { dtype: 'i32', device })),
      expected: [Math.log(8)],
    },
    {
      name: 'averages over the rows that count',
      run: (device) => crossEntropy(zeros([2, 4], { device }), tensor([0, -100], { dtype: 'i32', device })),
      expected: [Math.log(4)],
    },
  ],
  errors: [
    {
      name: 'a target that is no class',
      run: () => crossEntropy(zeros([1, 3]), tensor([3], { dtype: 'i32' })),
      code: 'E_INDEX',
    },
    {
      name: 'a negative target',
      run: () => crossEntropy(zeros([1, 3]), tensor([-1], { dtype: 'i32' })),
      code: 'E_INDEX',
    },
    { name: 'float targets', run: () => crossEntropy(zeros([1, 3]), zeros([1])), code: 'E_DTYPE' },
    {
      name: 'another number of rows',
      run: () => crossEntropy(zeros([2, 3]), tensor([0], { dtype: 'i32' })),
      code: 'E_SHAPE',
    },
    {
      name: 'label smoothing above one',
      run: () => crossEntropy(zeros([1, 3]), tensor([0], { dtype: 'i32' }), { labelSmoothing: 2 }),
      code: 'E_FORMAT',
    },
  ],
});
