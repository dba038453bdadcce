import fc from 'fast-check';
import { tensor, zeros } from '../index.js';
import { adaptiveAvgPool2d } from './index.js';
import { input, laws } from './testing/laws.js';

const cases = fc
  .record({
    n: fc.nat(2),
    h: fc.integer({ min: 1, max: 7 }),
    w: fc.constantFrom(1, 2, 5, 19),
    size: fc.tuple(fc.integer({ min: 1, max: 8 }), fc.integer({ min: 1, max: 8 })),
  })
  .chain(({ n, h, w, size }) => input([n, 2, h, w]).map((x) => ({ inputs: [x], args: size })));

laws(adaptiveAvgPool2d, {
  sums: true,
  cases,
  run: ([x], size) => adaptiveAvgPool2d(x!, size),
  values: [
    {
      name: 'shares the middle element of three',
      run: (device) => adaptiveAvgPool2d(tensor([[[[1, 5, 3]]]], { device }), [1, 2]),
      expected: [3, 4],
    },
  ],
  errors: [
    { name: 'three axes', run: () => adaptiveAvgPool2d(zeros([1, 2, 3]), 1), code: 'E_SHAPE' },
    { name: 'an empty image', run: () => adaptiveAvgPool2d(zeros([1, 1, 0, 2]), 1), code: 'E_SHAPE' },
    { name: 'a size of 0', run: () => adaptiveAvgPool2d(zeros([1, 1, 2, 2]), 0), code: 'E_FORMAT' },
  ],
});
