import fc from 'fast-check';
import { tensor } from '../index.js';
import { variance } from './index.js';
import { input, laws, type OpCase, type ReduceArgs, reals, reduceCases } from './testing/laws.js';

type Args = ReduceArgs & { correction: number };

// One axis at least, of two elements at least: over fewer the variance is NaN, which has no gradient to compare.
const cases: fc.Arbitrary<OpCase<Args>> = fc
  .tuple(
    reduceCases((shape) => input(shape, reals()), 2),
    fc.constantFrom(0, 1),
  )
  .filter(([c]) => c.args.axes.length > 0)
  .map(([c, correction]) => ({ ...c, args: { ...c.args, correction } }));

laws(variance, {
  sums: true,
  cases,
  run: ([x], { axes, ...options }) => x!.variance(axes, options),
  values: [
    {
      name: 'of a sample and of a population',
      run: (device) => {
        const x = tensor([1, 2, 3, 6], { device });
        return x.variance().sub(x.variance(0, { correction: 0 }));
      },
      expected: [14 / 3 - 14 / 4],
    },
    { name: 'of one element', run: (device) => tensor([2], { device }).variance(), expected: [Number.NaN] },
    {
      name: 'does not lose small differences of large numbers',
      run: (device) => tensor([1e4 + 1, 1e4 + 2, 1e4 + 3], { device }).variance(),
      expected: [1],
    },
  ],
  errors: [
    { name: 'integers', run: () => tensor([1], { dtype: 'i32', device: 'ref' }).variance(), code: 'E_DTYPE' },
    {
      name: 'an axis outside the tensor',
      run: () => tensor([1], { device: 'ref' }).variance(1),
      code: 'E_INDEX',
    },
  ],
});
