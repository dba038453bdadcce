import fc from 'fast-check';
import { tensor } from '../index.js';
import { expand } from './index.js';
import { broadcastPair, input, laws } from './testing/laws.js';

const cases = broadcastPair
  .filter(([a, b]) => a.length <= b.length)
  .chain(([a, b]) => {
    const target = b.map((n, i) => {
      const own = a[i - (b.length - a.length)] ?? 1;
      return own === 1 ? n : own;
    });
    return fc.record({ inputs: input(a).map((x) => [x]), args: fc.constant({ shape: target }) });
  });

laws(expand, {
  cases,
  run: ([x], { shape }) => x!.expand(shape),
  dtypes: ['f32', 'f64', 'bf16', 'f16', 'i32', 'u8', 'bool'],
  values: [
    {
      name: 'repeats rows and columns',
      run: (device) => tensor([[1], [2]], { device }).expand([2, 2, 2]),
      expected: [1, 1, 2, 2, 1, 1, 2, 2],
    },
  ],
  errors: [
    {
      name: 'an axis that is not 1',
      run: () => tensor([1, 2], { device: 'ref' }).expand([3]),
      code: 'E_SHAPE',
    },
    { name: 'fewer axes', run: () => tensor([[1]], { device: 'ref' }).expand([1]), code: 'E_SHAPE' },
    { name: 'a negative size', run: () => tensor([1], { device: 'ref' }).expand([-1]), code: 'E_SHAPE' },
  ],
});
