import fc from 'fast-check';
import { tensor, zeros } from '../index.js';
import { maxPool2d } from './index.js';
import { distinct, laws } from './testing/laws.js';
import { poolCases } from './testing/pooling.js';

laws(maxPool2d, {
  // Distinct values: where two are largest the function has a kink.
  cases: poolCases((shape) => distinct(shape), fc.constant({})),
  run: ([x], { kernel, ...options }) => maxPool2d(x!, kernel, options),
  values: [
    {
      name: 'lets no padding win',
      run: (device) => maxPool2d(tensor([[[[-3]]]], { device }), 2, { padding: 1 }),
      expected: [-3],
    },
    {
      name: 'gives the gradient to the first of equals',
      run: (device) => {
        const x = tensor(
          [
            [
              [
                [1, 2],
                [2, 2],
              ],
            ],
          ],
          { device, requiresGrad: true },
        );
        maxPool2d(x, 2).sum().backward();
        return x.grad!;
      },
      expected: [0, 1, 0, 0],
    },
  ],
  errors: [
    { name: 'three axes', run: () => maxPool2d(zeros([1, 2, 3]), 2), code: 'E_SHAPE' },
    { name: 'a window beyond the image', run: () => maxPool2d(zeros([1, 1, 2, 2]), 3), code: 'E_SHAPE' },
    {
      name: 'too much padding',
      run: () => maxPool2d(zeros([1, 1, 4, 4]), 2, { padding: 2 }),
      code: 'E_FORMAT',
    },
    { name: 'a stride of 0', run: () => maxPool2d(zeros([1, 1, 4, 4]), 2, { stride: 0 }), code: 'E_FORMAT' },
    { name: 'integers', run: () => maxPool2d(zeros([1, 1, 4, 4], { dtype: 'i32' }), 2), code: 'E_DTYPE' },
  ],
});
