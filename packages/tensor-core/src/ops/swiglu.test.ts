import fc from 'fast-check';
import { tensor } from '../index.js';
import { swiglu } from './index.js';
import { input, laws, shapes } from './testing/laws.js';

const cases = fc
  .oneof(
    shapes(),
    fc.integer({ min: 1, max: 200 }).map((n) => [n]),
  )
  .chain((shape) => fc.tuple(input(shape), input(shape)))
  .map((inputs) => ({ inputs, args: undefined }));

laws(swiglu, {
  cases,
  run: ([gate, up]) => swiglu(gate!, up!),
  values: [
    {
      name: 'is 0 where the gate is, and gate * up far to the right',
      run: (device) => swiglu(tensor([0, 30], { device }), tensor([5, 2], { device })),
      expected: [0, 60],
    },
  ],
  errors: [
    {
      name: 'integers',
      run: () => swiglu(tensor([1], { dtype: 'i32' }), tensor([1], { dtype: 'i32' })),
      code: 'E_DTYPE',
    },
    { name: 'two shapes', run: () => swiglu(tensor([1]), tensor([1, 2])), code: 'E_SHAPE' },
    { name: 'two dtypes', run: () => swiglu(tensor([1]), tensor([1], { dtype: 'f64' })), code: 'E_SHAPE' },
  ],
});
