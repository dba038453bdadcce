import fc from 'fast-check';
import { tensor } from '../index.js';
import { norm } from './index.js';
import { input, laws, reals, reduceCases } from './testing/laws.js';

laws(norm, {
  sums: true,
  // Away from 0, where the norm has a kink.
  cases: reduceCases((shape) => input(shape, fc.oneof(reals(-3, -0.2), reals(0.2, 3)))),
  run: ([x], { axes, keepDims }) => x!.norm(axes, { keepDims }),
  values: [
    { name: 'of a 3-4-5 triangle', run: (device) => tensor([3, -4], { device }).norm(), expected: [5] },
    {
      name: 'stays in range where the squares do not',
      run: (device) => tensor([3000, 4000], { dtype: 'f16', device }).norm(),
      expected: [5000],
    },
    {
      name: 'has gradient 0 at 0',
      run: (device) => {
        const x = tensor(
          [
            [0, 0],
            [3, 4],
          ],
          { device, requiresGrad: true },
        );
        x.norm(-1).sum().backward();
        return x.grad!;
      },
      expected: [0, 0, 0.6, 0.8],
    },
  ],
  errors: [
    { name: 'integers', run: () => tensor([1], { dtype: 'i32', device: 'ref' }).norm(), code: 'E_DTYPE' },
    {
      name: 'an axis outside the tensor',
      run: () => tensor([1], { device: 'ref' }).norm(1),
      code: 'E_INDEX',
    },
  ],
});
