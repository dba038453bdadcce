import fc from 'fast-check';
import { tensor } from '../index.js';
import { oneHot } from './index.js';
import { input, laws, shapes } from './testing/laws.js';

laws(oneHot, {
  cases: shapes(3, 4).chain((shape) =>
    fc.record({
      inputs: input(shape, fc.integer({ min: -1, max: 6 }), 'i32').map((x) => [x]),
      args: fc.record({ classes: fc.nat(6), dtype: fc.constantFrom('f32', 'bf16', 'i32', 'bool') }),
    }),
  ),
  run: ([ids], { classes, dtype }) => ids!.oneHot(classes, { dtype }),
  dtypes: ['i32'],
  differentiable: false,
  values: [
    {
      name: 'marks the id',
      run: (device) => tensor([2, 0], { dtype: 'i32', device }).oneHot(3),
      expected: [0, 0, 1, 1, 0, 0],
    },
  ],
  errors: [
    { name: 'ids that are not i32', run: () => tensor([1], { device: 'ref' }).oneHot(3), code: 'E_DTYPE' },
    {
      name: 'a fraction of a class',
      run: () => tensor([1], { dtype: 'i32', device: 'ref' }).oneHot(1.5),
      code: 'E_SHAPE',
    },
  ],
});
