import { tensor } from '../index.js';
import { max } from './index.js';
import { distinct, laws, reduceCases } from './testing/laws.js';

laws(max, {
  cases: reduceCases(distinct, 1),
  run: ([x], { axes, keepDims }) => x!.max(axes, { keepDims }),
  dtypes: ['f32', 'f64', 'bf16', 'f16', 'i32', 'u8', 'bool'],
  values: [
    {
      name: 'of each row',
      run: (device) =>
        tensor(
          [
            [1, 3],
            [9, 4],
          ],
          { device },
        ).max(1),
      expected: [3, 9],
    },
    {
      name: 'shares the gradient among equals',
      run: (device) => {
        const x = tensor([1, 2, 2, 1], { device, requiresGrad: true });
        x.max().backward();
        return x.grad!;
      },
      expected: [0, 0.5, 0.5, 0],
    },
  ],
  errors: [
    { name: 'an empty axis', run: () => tensor([], { device: 'ref' }).max(), code: 'E_SHAPE' },
    { name: 'an axis outside the tensor', run: () => tensor([1], { device: 'ref' }).max(1), code: 'E_INDEX' },
  ],
});
