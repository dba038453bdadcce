import fc from 'fast-check';
import { tensor } from '../index.js';
import { permute, transpose } from './index.js';
import { input, laws, shapes } from './testing/laws.js';

const dtypes = ['f32', 'f64', 'bf16', 'f16', 'i32', 'u8', 'bool'] as const;
const matrix = [
  [1, 2, 3],
  [4, 5, 6],
];

laws(permute, {
  cases: shapes(4, 5).chain((shape) =>
    fc.record({
      inputs: input(shape).map((x) => [x]),
      args: fc.shuffledSubarray(
        shape.map((_, a) => a),
        { minLength: shape.length },
      ),
    }),
  ),
  run: ([x], order) => x!.permute(order),
  dtypes,
  values: [
    {
      name: 'transposes a matrix',
      run: (device) => tensor(matrix, { device }).permute([1, 0]),
      expected: [1, 4, 2, 5, 3, 6],
    },
  ],
  errors: [
    { name: 'an axis left out', run: () => tensor([[1]], { device: 'ref' }).permute([0]), code: 'E_SHAPE' },
    { name: 'an axis twice', run: () => tensor([[1]], { device: 'ref' }).permute([0, -2]), code: 'E_INDEX' },
  ],
});

laws(transpose, {
  cases: shapes(4, 5, 1).chain((shape) =>
    fc.record({
      inputs: input(shape).map((x) => [x]),
      args: fc.tuple(fc.nat(shape.length - 1), fc.nat(shape.length - 1)),
    }),
  ),
  run: ([x], [a, b]) => x!.transpose(a, b),
  dtypes,
  values: [
    {
      name: 'counts axes from the end',
      run: (device) => tensor(matrix, { device }).transpose(-1, -2),
      expected: [1, 4, 2, 5, 3, 6],
    },
  ],
  errors: [
    { name: 'an axis outside', run: () => tensor([[1]], { device: 'ref' }).transpose(0, 2), code: 'E_INDEX' },
  ],
});
