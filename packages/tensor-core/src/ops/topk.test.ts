import fc from 'fast-check';
import { tensor } from '../index.js';
import { topk } from './index.js';
import { distinct, laws, shapes } from './testing/laws.js';

const cases = fc
  .tuple(shapes(2, 4), fc.integer({ min: 1, max: 200 }), fc.nat())
  .chain(([outer, n, drawn]) =>
    distinct([...outer, n]).map((x) => ({ inputs: [x], args: { k: 1 + (drawn % Math.min(n, 8)) } })),
  );

laws(topk, {
  cases,
  run: ([x], { k }) => x!.topk(k),
  dtypes: ['f32', 'f64', 'bf16', 'f16', 'i32', 'u8'],
  values: [
    { name: 'descends', run: (device) => tensor([3, 9, 1, 4], { device }).topk(3)[0], expected: [9, 4, 3] },
    {
      name: 'takes the first of equals, and NaN before all',
      run: (device) => tensor([5, 7, Number.NaN, 7, 5], { device }).topk(4)[1],
      expected: [2, 1, 3, 0],
    },
  ],
  errors: [
    { name: 'k beyond the axis', run: () => tensor([1, 2], { device: 'ref' }).topk(3), code: 'E_SHAPE' },
    { name: 'k of 0', run: () => tensor([1, 2], { device: 'ref' }).topk(0), code: 'E_SHAPE' },
    { name: 'a scalar', run: () => tensor(1, { device: 'ref' }).topk(1), code: 'E_SHAPE' },
  ],
});
