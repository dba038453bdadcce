import fc from 'fast-check';
import { tensor, zeros } from '../index.js';
import { embedding } from './index.js';
import { input, laws, shapes } from './testing/laws.js';

const cases = fc
  .record({
    rows: fc.integer({ min: 1, max: 9 }),
    columns: fc.integer({ min: 1, max: 40 }),
    ids: shapes(2, 4),
  })
  .chain(({ rows, columns, ids }) =>
    fc.record({
      inputs: fc.tuple(input([rows, columns]), input(ids, fc.nat({ max: rows - 1 }), 'i32')),
      args: fc.constant(undefined),
    }),
  );

laws(embedding, {
  cases,
  run: ([table, ids]) => embedding(table!, ids!),
  values: [
    {
      name: 'picks rows',
      run: (device) =>
        embedding(tensor([[1], [2], [3]], { device }), tensor([2, 0], { dtype: 'i32', device })),
      expected: [3, 1],
    },
  ],
  errors: [
    {
      name: 'an id past the table',
      run: () => embedding(zeros([2, 1]), tensor([2], { dtype: 'i32' })),
      code: 'E_INDEX',
    },
    {
      name: 'a negative id',
      run: () => embedding(zeros([2, 1]), tensor([-1], { dtype: 'i32' })),
      code: 'E_INDEX',
    },
    { name: 'float ids', run: () => embedding(zeros([2, 1]), zeros([1])), code: 'E_DTYPE' },
    {
      name: 'a table that is no matrix',
      run: () => embedding(zeros([2]), tensor([0], { dtype: 'i32' })),
      code: 'E_SHAPE',
    },
  ],
});
