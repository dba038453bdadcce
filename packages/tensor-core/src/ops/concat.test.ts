import fc from 'fast-check';
import { tensor } from '../index.js';
import { concat } from './index.js';
import { input, laws, shapes } from './testing/laws.js';

const cases = fc
  .tuple(shapes(3, 5, 1), fc.nat(), fc.array(fc.nat(5), { minLength: 1, maxLength: 4 }))
  .chain(([shape, which, sizes]) => {
    const axis = which % shape.length;
    return fc.record({
      inputs: fc.tuple(...sizes.map((size) => input(shape.map((n, a) => (a === axis ? size : n))))),
      args: fc.constant({ axis }),
    });
  });

laws(concat, {
  cases,
  run: (inputs, { axis }) => concat(inputs, axis),
  dtypes: ['f32', 'f64', 'bf16', 'f16', 'i32', 'u8', 'bool'],
  values: [
    {
      name: 'puts rows side by side',
      run: (device) =>
        concat(
          [
            tensor([[1], [2]], { device }),
            tensor(
              [
                [3, 4],
                [5, 6],
              ],
              { device },
            ),
          ],
          1,
        ),
      expected: [1, 3, 4, 2, 5, 6],
    },
    {
      name: 'promotes dtypes',
      run: (device) => concat([tensor([1], { dtype: 'i32', device }), tensor([0.5], { device })]),
      expected: [1, 0.5],
    },
  ],
  errors: [
    { name: 'no tensors', run: () => concat([]), code: 'E_SHAPE' },
    {
      name: 'other sizes',
      run: () => concat([tensor([[1]], { device: 'ref' }), tensor([[1, 2]], { device: 'ref' })]),
      code: 'E_SHAPE',
    },
    {
      name: 'other ranks',
      run: () => concat([tensor([[1]], { device: 'ref' }), tensor([1], { device: 'ref' })]),
      code: 'E_SHAPE',
    },
    {
      name: 'an axis outside the tensors',
      run: () => concat([tensor([1], { device: 'ref' })], 1),
      code: 'E_INDEX',
    },
    {
      name: 'two devices',
      run: () => concat([tensor([1], { device: 'ref' }), tensor([1], { device: 'cpu' })]),
      code: 'E_DEVICE',
    },
  ],
});
