import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Device, scope, tensor, zeros } from '../index.js';
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

describe('a table with a gradient already', () => {
  const ids = [3, 0, 3, 1];
  const twice = (device: Device, dtype: 'f32' | 'bf16') =>
    scope(() => {
      const table = tensor([1, 2, 3, 4, 5, 6, 7, 8], { shape: [4, 2], device, dtype, requiresGrad: true });
      const index = tensor(ids, { dtype: 'i32', device });
      // Every row has a gradient from the product before the rows that were looked up add theirs; the weights reach the
      // rule as a transposed view.
      const weights = tensor([1, 2, 3, 4, 5, 6, 7, 8], { shape: [2, 4], device, dtype }).transpose(0, 1);
      const loss = table.mul(table).sum().add(embedding(table, index).mul(weights).sum());
      loss.backward();
      const read = () => table.grad!.reshape([8]).toArray() as number[];
      const first = read();
      embedding(table, index).sum().backward();
      const storages = table.grad!.storage.references;
      return { first, second: read(), storages };
    });

  it.each(['f32', 'bf16'] as const)('adds the rows that were used, and leaves the others (%s)', (dtype) => {
    const { first, second, storages } = twice('cpu', dtype);
    expect(first).toEqual(twice('ref', dtype).first);
    expect(second).toEqual(twice('ref', dtype).second);
    expect(second.map((x, i) => x - first[i]!)).toEqual([1, 1, 1, 1, 0, 0, 2, 2]);
    expect(storages).toBe(1);
  });
});
