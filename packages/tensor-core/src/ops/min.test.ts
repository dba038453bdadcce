import { tensor } from '../index.js';
import { min } from './index.js';
import { distinct, laws, reduceCases } from './testing/laws.js';

laws(min, {
  cases: reduceCases(distinct, 1),
  run: ([x], { axes, keepDims }) => x!.min(axes, { keepDims }),
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
        ).min(1),
      expected: [1, 4],
    },
    {
      name: 'shares the gradient among equals',
      run: (device) => {
        const x = tensor([1, 2, 2, 1], { device, requiresGrad: true });
        x.min().backward();
        return x.grad!;
      },
      expected: [0.5, 0, 0, 0.5],
    },
  ],
  errors: [
    { name: 'an empty axis', run: () => tensor([], { device: 'ref' }).min(), code: 'E_SHAPE' },
    { name: 'an axis outside the tensor', run: () => tensor([1], { device: 'ref' }).min(1), code: 'E_INDEX' },
  ],
});
