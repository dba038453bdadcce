import fc from 'fast-check';
import { tensor } from '../index.js';
import { where } from './index.js';
import { broadcastPair, input, laws } from './testing/laws.js';

const cases = fc
  .tuple(broadcastPair, fc.boolean())
  .chain(([[a, b], scalar]) =>
    fc.tuple(input(scalar ? [] : a, fc.integer({ min: 0, max: 1 }), 'bool'), input(a), input(b)),
  )
  .map((inputs) => ({ inputs, args: undefined }));

laws(where, {
  cases,
  run: ([condition, a, b]) => condition!.where(a!, b!),
  dtypes: ['f32', 'f64', 'bf16', 'f16', 'i32', 'u8', 'bool'],
  values: [
    {
      name: 'takes numbers on either side',
      run: (device) => where(tensor([1, 0], { dtype: 'bool', device }), 5, tensor([1, 2], { device })),
      expected: [5, 2],
    },
    {
      name: 'takes two numbers',
      run: (device) => tensor([1, 0], { dtype: 'bool', device }).where(0.5, -1),
      expected: [0.5, -1],
    },
  ],
  errors: [
    {
      name: 'a condition that is not bool',
      run: () => where(tensor([1], { device: 'ref' }), 1, 0),
      code: 'E_DTYPE',
    },
    {
      name: 'shapes that do not broadcast',
      run: () =>
        where(tensor([1, 0], { dtype: 'bool', device: 'ref' }), tensor([1, 2, 3], { device: 'ref' }), 0),
      code: 'E_SHAPE',
    },
    {
      name: 'another device',
      run: () => where(tensor([1], { dtype: 'bool', device: 'ref' }), tensor([1]), 0),
      code: 'E_DEVICE',
    },
  ],
});
