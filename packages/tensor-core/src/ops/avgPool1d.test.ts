import fc from 'fast-check';
import { tensor, zeros } from '../index.js';
import { avgPool1d } from './index.js';
import { input, laws } from './testing/laws.js';

const cases = fc
  .record({
    n: fc.nat(2),
    extra: fc.nat(20),
    kernel: fc.integer({ min: 1, max: 4 }),
    stride: fc.integer({ min: 1, max: 3 }),
  })
  .chain(({ n, extra, kernel, stride }) =>
    input([n, 2, kernel + extra]).map((x) => ({ inputs: [x], args: { kernel, stride } })),
  );

laws(avgPool1d, {
  sums: true,
  cases,
  run: ([x], { kernel, stride }) =>
    avgPool1d(x!, kernel, {
      stride,
      padding: Math.floor(kernel / 2),
      ceilMode: true,
      countIncludePad: false,
    }),
  values: [
    {
      name: 'pairs',
      run: (device) => avgPool1d(tensor([[[1, 3, 2, 4]]], { device }), 2),
      expected: [2, 3],
    },
  ],
  errors: [
    { name: 'images', run: () => avgPool1d(zeros([1, 1, 4, 4]), 2), code: 'E_SHAPE' },
    { name: 'a window beyond the end', run: () => avgPool1d(zeros([1, 1, 2]), 3), code: 'E_SHAPE' },
  ],
});
