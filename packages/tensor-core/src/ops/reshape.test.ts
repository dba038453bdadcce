import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { scope, tensor } from '../index.js';
import { reshape } from './index.js';
import { input, laws, shapes } from './testing/laws.js';

// Another shape of the same size: neighbours merged, ones put in.
const cases = fc
  .tuple(
    shapes(4, 5),
    fc.array(fc.boolean(), { minLength: 4, maxLength: 4 }),
    fc.array(fc.nat(4), { maxLength: 2 }),
  )
  .chain(([shape, merge, ones]) => {
    const target: number[] = [];
    shape.forEach((n, i) => {
      if (merge[i] && target.length > 0) target[target.length - 1]! *= n;
      else target.push(n);
    });
    for (const at of ones) target.splice(at % (target.length + 1), 0, 1);
    return fc.record({ inputs: input(shape).map((x) => [x]), args: fc.constant(target) });
  });

laws(reshape, {
  cases,
  run: ([x], shape) => x!.reshape(shape),
  dtypes: ['f32', 'f64', 'bf16', 'f16', 'i32', 'u8', 'bool'],
  values: [
    {
      name: 'reads a transposed matrix row by row',
      run: (device) =>
        tensor(
          [
            [1, 2],
            [3, 4],
          ],
          { device },
        )
          .transpose(0, 1)
          .reshape([-1]),
      expected: [1, 3, 2, 4],
    },
  ],
  errors: [
    { name: 'another size', run: () => tensor([1, 2, 3], { device: 'ref' }).reshape([2]), code: 'E_SHAPE' },
    {
      name: 'two unknown sizes',
      run: () => tensor([1, 2], { device: 'ref' }).reshape([-1, -1]),
      code: 'E_SHAPE',
    },
    {
      name: 'no whole size',
      run: () => tensor([1, 2, 3], { device: 'ref' }).reshape([2, -1]),
      code: 'E_SHAPE',
    },
    {
      name: 'squeezing an axis of 2',
      run: () => tensor([1, 2], { device: 'ref' }).squeeze(0),
      code: 'E_SHAPE',
    },
    {
      name: 'flattening backwards',
      run: () => tensor([[1]], { device: 'ref' }).flatten(1, 0),
      code: 'E_INDEX',
    },
  ],
});

describe('flatten, squeeze and unsqueeze', () => {
  const shapeAfter = (f: (x: ReturnType<typeof tensor>) => ReturnType<typeof tensor>) =>
    scope(() => f(tensor(new Float32Array(24), { shape: [2, 3, 1, 4], device: 'ref' })).shape);

  it('flatten merges a range of axes', () => {
    expect(shapeAfter((x) => x.flatten())).toEqual([24]);
    expect(shapeAfter((x) => x.flatten(0, 1))).toEqual([6, 1, 4]);
    expect(shapeAfter((x) => x.flatten(-2))).toEqual([2, 3, 4]);
  });

  it('squeeze drops an axis, unsqueeze puts one in', () => {
    expect(shapeAfter((x) => x.squeeze(2))).toEqual([2, 3, 4]);
    expect(shapeAfter((x) => x.unsqueeze(0))).toEqual([1, 2, 3, 1, 4]);
    expect(shapeAfter((x) => x.unsqueeze(-1))).toEqual([2, 3, 1, 4, 1]);
  });

  it('views wherever strides allow: merging neighbours of a permuted tensor does not copy', () =>
    scope(() => {
      const x = tensor(new Float32Array(24), { shape: [2, 3, 4], device: 'ref' });
      expect(x.permute([2, 0, 1]).reshape([4, 6]).storage).toBe(x.storage);
      expect(x.permute([2, 0, 1]).reshape([24]).storage).not.toBe(x.storage);
    }));
});
