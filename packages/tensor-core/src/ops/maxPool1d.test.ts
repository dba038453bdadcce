import fc from 'fast-check';
import { tensor, zeros } from '../index.js';
import { maxPool1d } from './index.js';
import { distinct, laws } from './testing/laws.js';

const cases = fc
  .record({
    n: fc.nat(2),
    extra: fc.nat(20),
    kernel: fc.integer({ min: 1, max: 4 }),
    stride: fc.integer({ min: 1, max: 3 }),
  })
  .chain(({ n, extra, kernel, stride }) =>
    distinct([n, 2, kernel + extra]).map((x) => ({ inputs: [x], args: { kernel, stride } })),
  );

laws(maxPool1d, {
  cases,
  run: ([x], { kernel, stride }) =>
    maxPool1d(x!, kernel, { stride, padding: Math.floor(kernel / 2), ceilMode: true }),
  values: [
    {
      name: 'pairs',
      run: (device) => maxPool1d(tensor([[[1, 3, 2, 4]]], { device }), 2),
      expected: [3, 4],
    },
  ],
  errors: [
    { name: 'images', run: () => maxPool1d(zeros([1, 1, 4, 4]), 2), code: 'E_SHAPE' },
    { name: 'a window beyond the end', run: () => maxPool1d(zeros([1, 1, 2]), 3), code: 'E_SHAPE' },
    { name: 'half a window', run: () => maxPool1d(zeros([1, 1, 2]), 0.5), code: 'E_FORMAT' },
  ],
});
