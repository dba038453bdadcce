import fc from 'fast-check';
import { tensor, zeros } from '../index.js';
import { conv1d } from './index.js';
import { input, laws, reals } from './testing/laws.js';

const cases = fc
  .record({
    N: fc.constantFrom(0, 1, 2),
    groups: fc.constantFrom(1, 2),
    inGroup: fc.integer({ min: 1, max: 3 }),
    outGroup: fc.constantFrom(1, 5, 16),
    kernel: fc.integer({ min: 1, max: 4 }),
    extra: fc.constantFrom(0, 2, 7, 20),
    stride: fc.integer({ min: 1, max: 3 }),
    dilation: fc.integer({ min: 1, max: 2 }),
    padding: fc.oneof(fc.integer({ min: 0, max: 2 }), fc.constant('same' as const)),
  })
  .chain(({ N, groups, inGroup, outGroup, kernel, extra, stride, dilation, padding }) => {
    const one = reals(-1, 1);
    return fc.record({
      inputs: fc.tuple(
        input([N, groups * inGroup, dilation * (kernel - 1) + 1 + extra], one),
        input([groups * outGroup, inGroup, kernel], one),
        input([groups * outGroup], one),
      ),
      args: fc.constant({ stride: padding === 'same' ? 1 : stride, padding, dilation, groups }),
    });
  });

laws(conv1d, {
  sums: true,
  cases,
  run: ([x, w, b], options) => conv1d(x!, w!, b, options),
  tolerance: { f32: 2e-5, f16: 4e-3 },
  values: [
    {
      name: 'differences',
      run: (device) => conv1d(tensor([[[1, 2, 4, 8]]], { device }), tensor([[[1, -1]]], { device })),
      expected: [-1, -2, -4],
    },
  ],
  errors: [
    { name: 'images', run: () => conv1d(zeros([1, 1, 2, 2]), zeros([1, 1, 1, 1])), code: 'E_SHAPE' },
    {
      name: 'a kernel beyond the end',
      run: () => conv1d(zeros([1, 1, 2]), zeros([1, 1, 3])),
      code: 'E_SHAPE',
    },
    {
      name: "'same' with a stride",
      run: () => conv1d(zeros([1, 1, 2]), zeros([1, 1, 1]), null, { stride: 2, padding: 'same' }),
      code: 'E_FORMAT',
    },
  ],
});
