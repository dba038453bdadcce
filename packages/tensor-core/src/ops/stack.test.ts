import fc from 'fast-check';
import { tensor } from '../index.js';
import { stack } from './index.js';
import { input, laws, shapes } from './testing/laws.js';

const cases = fc
  .tuple(shapes(3, 5), fc.nat(), fc.integer({ min: 1, max: 4 }))
  .chain(([shape, which, count]) =>
    fc.record({
      inputs: fc.array(input(shape), { minLength: count, maxLength: count }),
      args: fc.constant({ axis: which % (shape.length + 1) }),
    }),
  );

laws(stack, {
  cases,
  run: (inputs, { axis }) => stack(inputs, axis),
  dtypes: ['f32', 'f64', 'bf16', 'f16', 'i32', 'u8', 'bool'],
  values: [
    {
      name: 'makes columns',
      run: (device) => stack([tensor([1, 2], { device }), tensor([3, 4], { device })], -1),
      expected: [1, 3, 2, 4],
    },
  ],
  errors: [
    { name: 'no tensors', run: () => stack([]), code: 'E_SHAPE' },
    {
      name: 'other shapes',
      run: () => stack([tensor([1], { device: 'ref' }), tensor([1, 2], { device: 'ref' })]),
      code: 'E_SHAPE',
    },
    {
      name: 'an axis outside the result',
      run: () => stack([tensor([1], { device: 'ref' })], 2),
      code: 'E_INDEX',
    },
  ],
});
