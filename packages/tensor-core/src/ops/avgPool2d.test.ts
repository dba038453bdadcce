import fc from 'fast-check';
import { tensor, zeros } from '../index.js';
import { avgPool2d } from './index.js';
import { input, laws } from './testing/laws.js';
import { poolCases } from './testing/pooling.js';

laws(avgPool2d, {
  sums: true,
  cases: poolCases((shape) => input(shape), fc.record({ countIncludePad: fc.boolean() })),
  run: ([x], { kernel, ...options }) => avgPool2d(x!, kernel, options),
  values: [
    {
      name: 'counts the padding, or not',
      run: (device) =>
        avgPool2d(tensor([[[[4]]]], { device }), 2, { padding: 1, stride: 2 }).add(
          avgPool2d(tensor([[[[4]]]], { device }), 2, { padding: 1, stride: 2, countIncludePad: false }),
        ),
      expected: [1 + 4],
    },
  ],
  errors: [
    { name: 'three axes', run: () => avgPool2d(zeros([1, 2, 3]), 2), code: 'E_SHAPE' },
    { name: 'a window beyond the image', run: () => avgPool2d(zeros([1, 1, 2, 2]), 3), code: 'E_SHAPE' },
    {
      name: 'too much padding',
      run: () => avgPool2d(zeros([1, 1, 4, 4]), 2, { padding: 2 }),
      code: 'E_FORMAT',
    },
  ],
});
