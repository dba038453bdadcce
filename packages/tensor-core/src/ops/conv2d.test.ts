import fc from 'fast-check';
import { ones, tensor, zeros } from '../index.js';
import type { ConvOptions, Padding, Pair } from './conv2d.js';
import { conv2d } from './index.js';
import { input, laws, reals } from './testing/laws.js';

const pair = (least: number, most: number): fc.Arbitrary<Pair> =>
  fc.oneof(
    fc.integer({ min: least, max: most }),
    fc.tuple(fc.integer({ min: least, max: most }), fc.integer({ min: least, max: most })),
  );
const of = (p: Pair, a: 0 | 1) => (typeof p === 'number' ? p : p[a]);

const cases = fc
  .record({
    N: fc.constantFrom(0, 1, 1, 2, 3),
    groups: fc.constantFrom(1, 1, 2, 3, 9),
    inGroup: fc.integer({ min: 1, max: 3 }),
    // Few outputs take lines as they are, many tiles of positions by outputs, what fills no vectors the product.
    outGroup: fc.constantFrom(1, 2, 3, 4, 5, 16, 17, 29),
    kernel: fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 4 })),
    extra: fc.tuple(fc.integer({ min: 0, max: 5 }), fc.constantFrom(0, 1, 3, 6, 17, 35)),
    stride: pair(1, 3),
    dilation: pair(1, 2),
    padding: fc.oneof(pair(0, 3), fc.constantFrom('same' as const, 'valid' as const)),
    bias: fc.boolean(),
  })
  .chain(({ N, groups, inGroup, outGroup, kernel, extra, stride, dilation, padding, bias }) => {
    const one = reals(-1, 1);
    // The image holds the dilated kernel even without padding.
    const [H, W] = ([0, 1] as const).map((a) => of(dilation, a) * (kernel[a] - 1) + 1 + extra[a]) as [
      number,
      number,
    ];
    // Cases stay small: the laws evaluate the function for every element.
    const O = W > 20 ? groups : groups * (groups > 2 ? Math.min(outGroup, 5) : outGroup);
    const options: ConvOptions = { stride: padding === 'same' ? 1 : stride, padding, dilation, groups };
    return fc.record({
      inputs: fc.tuple(
        input([N, groups * inGroup, H, W > 20 && inGroup * groups > 4 ? 6 + of(dilation, 1) * 3 : W], one),
        input([O, inGroup, ...kernel], one),
        ...(bias ? [input([O], one)] : []),
      ),
      args: fc.constant(options),
    });
  });

laws(conv2d, {
  sums: true,
  cases,
  run: ([x, w, b], options) => conv2d(x!, w!, b, options),
  tolerance: { f32: 2e-5, f16: 4e-3 },
  values: [
    {
      name: 'slides the kernel without turning it over',
      run: (device) =>
        conv2d(
          tensor(
            [
              [
                [
                  [1, 2, 3],
                  [4, 5, 6],
                  [7, 8, 9],
                ],
              ],
            ],
            { device },
          ),
          tensor(
            [
              [
                [
                  [1, 0],
                  [0, -2],
                ],
              ],
            ],
            { device },
          ),
        ),
      expected: [1 - 10, 2 - 12, 4 - 16, 5 - 18],
    },
    {
      name: "puts the odd zero of 'same' at the end",
      run: (device) =>
        conv2d(tensor([[[[1, 2, 3]]]], { device }), tensor([[[[1, 10]]]], { device }), null, {
          padding: 'same',
        }),
      expected: [21, 32, 3],
    },
    {
      name: 'leaves groups apart',
      run: (device) =>
        conv2d(tensor([[[[1]], [[2]]]], { device }), tensor([[[[3]]], [[[5]]]], { device }), null, {
          groups: 2,
        }),
      expected: [3, 10],
    },
  ],
  errors: [
    { name: 'three axes', run: () => conv2d(zeros([1, 2, 3]), zeros([1, 1, 1, 1])), code: 'E_SHAPE' },
    { name: 'other channels', run: () => conv2d(zeros([1, 2, 3, 3]), zeros([1, 1, 1, 1])), code: 'E_SHAPE' },
    {
      name: 'groups that do not divide the outputs',
      run: () => conv2d(zeros([1, 2, 3, 3]), zeros([3, 1, 1, 1]), null, { groups: 2 }),
      code: 'E_SHAPE',
    },
    {
      name: 'a kernel beyond the image',
      run: () => conv2d(zeros([1, 1, 2, 2]), zeros([1, 1, 3, 3])),
      code: 'E_SHAPE',
    },
    {
      name: 'a bias of another size',
      run: () => conv2d(zeros([1, 1, 2, 2]), zeros([2, 1, 1, 1]), zeros([1])),
      code: 'E_SHAPE',
    },
    {
      name: 'mixed dtypes',
      run: () => conv2d(zeros([1, 1, 2, 2]), zeros([1, 1, 1, 1], { dtype: 'f64' })),
      code: 'E_DTYPE',
    },
    {
      name: 'integers',
      run: () => conv2d(ones([1, 1, 2, 2], { dtype: 'i32' }), ones([1, 1, 1, 1], { dtype: 'i32' })),
      code: 'E_DTYPE',
    },
    {
      name: "'same' with a stride",
      run: () => conv2d(zeros([1, 1, 2, 2]), zeros([1, 1, 1, 1]), null, { stride: 2, padding: 'same' }),
      code: 'E_FORMAT',
    },
    {
      name: 'a stride of 0',
      run: () => conv2d(zeros([1, 1, 2, 2]), zeros([1, 1, 1, 1]), null, { stride: 0 }),
      code: 'E_FORMAT',
    },
    {
      name: 'negative padding',
      run: () => conv2d(zeros([1, 1, 2, 2]), zeros([1, 1, 1, 1]), null, { padding: [0, -1] }),
      code: 'E_FORMAT',
    },
    {
      name: 'padding by an unknown name',
      run: () => conv2d(zeros([1, 1, 2, 2]), zeros([1, 1, 1, 1]), null, { padding: 'full' as Padding }),
      code: 'E_FORMAT',
    },
    {
      name: 'more padding than memory can hold',
      run: () => conv2d(zeros([1, 1, 2, 2]), zeros([1, 1, 1, 1]), null, { padding: 2 ** 30 }),
      code: 'E_SHAPE',
    },
    {
      name: 'half a group',
      run: () => conv2d(zeros([1, 1, 2, 2]), zeros([1, 1, 1, 1]), null, { groups: 0.5 }),
      code: 'E_FORMAT',
    },
  ],
});
