import fc from 'fast-check';
import { tensor } from '../index.js';
import { select, slice } from './index.js';
import { axisCases, input, laws } from './testing/laws.js';

const dtypes = ['f32', 'f64', 'bf16', 'f16', 'i32', 'u8', 'bool'] as const;

laws(slice, {
  cases: fc.tuple(axisCases(), fc.nat(), fc.nat()).map(([c, a, b]) => {
    const size = c.inputs[0]!.shape[c.args.axis]!;
    const [start, end] = [a % (size + 1), b % (size + 1)].sort((x, y) => x - y) as [number, number];
    return { ...c, args: { ...c.args, start, end } };
  }),
  run: ([x], { axis, start, end }) => x!.slice(axis, start, end),
  dtypes,
  values: [
    {
      name: 'counts from the end',
      run: (device) => tensor([1, 2, 3, 4], { device }).slice(0, -3, -1),
      expected: [2, 3],
    },
    {
      name: 'goes to the end',
      run: (device) => tensor([1, 2, 3, 4], { device }).slice(0, 2),
      expected: [3, 4],
    },
  ],
  errors: [
    {
      name: 'an end before the start',
      run: () => tensor([1, 2], { device: 'ref' }).slice(0, 2, 1),
      code: 'E_INDEX',
    },
    { name: 'an end outside', run: () => tensor([1, 2], { device: 'ref' }).slice(0, 0, 3), code: 'E_INDEX' },
    { name: 'half a position', run: () => tensor([1, 2], { device: 'ref' }).slice(0, 0.5), code: 'E_INDEX' },
    { name: 'an axis outside', run: () => tensor([1, 2], { device: 'ref' }).slice(1, 0), code: 'E_INDEX' },
  ],
});

laws(select, {
  cases: fc
    .tuple(
      axisCases((shape) => input(shape), 1),
      fc.nat(),
      fc.boolean(),
    )
    .map(([c, drawn, fromEnd]) => {
      const size = c.inputs[0]!.shape[c.args.axis]!;
      return { ...c, args: { ...c.args, index: (drawn % size) - (fromEnd ? size : 0) } };
    }),
  run: ([x], { axis, index }) => x!.select(axis, index),
  dtypes,
  values: [
    {
      name: 'takes the last row',
      run: (device) =>
        tensor(
          [
            [1, 2],
            [3, 4],
          ],
          { device },
        ).select(0, -1),
      expected: [3, 4],
    },
  ],
  errors: [
    {
      name: 'a position outside',
      run: () => tensor([1, 2], { device: 'ref' }).select(0, 2),
      code: 'E_INDEX',
    },
    { name: 'an empty axis', run: () => tensor([], { device: 'ref' }).select(0, 0), code: 'E_INDEX' },
  ],
});
