import fc from 'fast-check';
import { tensor } from '../index.js';
import { gather, scatterAdd } from './index.js';
import { input, laws, shapes } from './testing/laws.js';

// A tensor's shape and an index no larger than it but along one axis.
const indexed = fc
  .tuple(shapes(3, 5, 1), fc.nat(), fc.nat(6), fc.array(fc.nat(2), { minLength: 3, maxLength: 3 }))
  .map(([shape, which, length, less]) => {
    const axis = which % shape.length;
    const along = shape[axis] === 0 ? 0 : length;
    return { axis, shape, index: shape.map((n, a) => (a === axis ? along : Math.max(0, n - less[a]!))) };
  });
const ids = (shape: readonly number[], size: number) =>
  input(shape, fc.integer({ min: 0, max: Math.max(0, size - 1) }), 'i32');

laws(gather, {
  cases: indexed.chain(({ axis, shape, index }) =>
    fc.record({ inputs: fc.tuple(input(shape), ids(index, shape[axis]!)), args: fc.constant({ axis }) }),
  ),
  run: ([x, index], { axis }) => x!.gather(axis, index!),
  dtypes: ['f32', 'f64', 'bf16', 'f16', 'i32', 'u8', 'bool'],
  values: [
    {
      name: 'picks one per row',
      run: (device) =>
        tensor(
          [
            [1, 2, 3],
            [4, 5, 6],
          ],
          { device },
        ).gather(1, tensor([[2], [0]], { dtype: 'i32', device })),
      expected: [3, 4],
    },
  ],
  errors: [
    ...(['ref', 'cpu'] as const).flatMap((device) =>
      [2, -1].map((id) => ({
        name: `index ${id} of two elements on ${device}`,
        run: () => tensor([1, 2], { device }).gather(0, tensor([id], { dtype: 'i32', device })),
        code: 'E_INDEX' as const,
      })),
    ),
    {
      name: 'an index that is not i32',
      run: () => tensor([1], { device: 'ref' }).gather(0, tensor([0], { device: 'ref' })),
      code: 'E_DTYPE',
    },
    {
      name: 'an index of another rank',
      run: () => tensor([1], { device: 'ref' }).gather(0, tensor([[0]], { dtype: 'i32', device: 'ref' })),
      code: 'E_SHAPE',
    },
    {
      name: 'an index larger along another axis',
      run: () =>
        tensor([[1]], { device: 'ref' }).gather(0, tensor([[0, 0]], { dtype: 'i32', device: 'ref' })),
      code: 'E_SHAPE',
    },
  ],
});

laws(scatterAdd, {
  cases: indexed.chain(({ axis, shape, index }) =>
    fc.record({
      inputs: fc.tuple(input(index), ids(index, shape[axis]!)),
      args: fc.constant({ axis, shape }),
    }),
  ),
  run: ([x, index], { axis, shape }) => x!.scatterAdd(axis, index!, shape),
  dtypes: ['f32', 'f64', 'bf16', 'f16', 'i32'],
  values: [
    {
      name: 'counts labels',
      run: (device) =>
        scatterAdd(tensor([1, 1, 1, 1], { device }), 0, tensor([2, 0, 2, 2], { dtype: 'i32', device }), [4]),
      expected: [1, 0, 3, 0],
    },
  ],
  errors: [
    ...(['ref', 'cpu'] as const).map((device) => ({
      name: `an index outside the axis on ${device}`,
      run: () => tensor([1], { device }).scatterAdd(0, tensor([4], { dtype: 'i32', device }), [4]),
      code: 'E_INDEX' as const,
    })),
    {
      name: 'an index of another shape',
      run: () =>
        tensor([1, 2], { device: 'ref' }).scatterAdd(0, tensor([0], { dtype: 'i32', device: 'ref' }), [4]),
      code: 'E_SHAPE',
    },
    {
      name: 'u8',
      run: () =>
        tensor([1], { dtype: 'u8', device: 'ref' }).scatterAdd(
          0,
          tensor([0], { dtype: 'i32', device: 'ref' }),
          [1],
        ),
      code: 'E_DTYPE',
    },
  ],
});
