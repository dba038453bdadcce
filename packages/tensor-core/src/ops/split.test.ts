import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { scope, tensor } from '../index.js';
import { chunk, split } from './index.js';
import { input, laws, shapes } from './testing/laws.js';

const dtypes = ['f32', 'f64', 'bf16', 'f16', 'i32', 'u8', 'bool'] as const;

// Some parts are left out, as when nobody uses them: they have no gradient.
const cases = fc
  .tuple(shapes(3, 5, 1), fc.nat(), fc.array(fc.nat(4), { minLength: 1, maxLength: 4 }), fc.nat())
  .chain(([drawn, which, sizes, used]) => {
    const axis = which % drawn.length;
    const total = sizes.reduce((s, n) => s + n, 0);
    return fc.record({
      inputs: input(drawn.map((n, a) => (a === axis ? total : n))).map((x) => [x]),
      args: fc.constant({ axis, sizes, used: used % sizes.length }),
    });
  });

laws(split, {
  cases,
  run: ([x], { axis, sizes, used }) => x!.split(sizes, axis).slice(used),
  dtypes,
  values: [
    {
      name: 'the last of equal parts may be smaller',
      run: (device) => tensor([1, 2, 3, 4, 5], { device }).split(2)[2]!,
      expected: [5],
    },
    {
      name: 'a part nobody used has gradient 0',
      run: (device) => {
        const x = tensor([1, 2, 3, 4], { device, requiresGrad: true });
        x.split([1, 2, 1])[1]!.mul(3).sum().backward();
        return x.grad!;
      },
      expected: [0, 3, 3, 0],
    },
  ],
  errors: [
    {
      name: 'sizes with another sum',
      run: () => tensor([1, 2], { device: 'ref' }).split([1, 2]),
      code: 'E_SHAPE',
    },
    { name: 'no sizes', run: () => tensor([], { device: 'ref' }).split([]), code: 'E_SHAPE' },
    { name: 'negative sizes', run: () => tensor([1], { device: 'ref' }).split([2, -1]), code: 'E_SHAPE' },
    { name: 'parts of nothing', run: () => tensor([1], { device: 'ref' }).split(0), code: 'E_SHAPE' },
    {
      name: 'an axis outside the tensor',
      run: () => tensor([1], { device: 'ref' }).split(1, 1),
      code: 'E_INDEX',
    },
  ],
});

describe('chunk', () => {
  const sizes = (n: number, parts: number) =>
    scope(() => chunk(tensor(new Float32Array(n), { device: 'ref' }), parts).map((t) => t.size));

  it('makes parts as PyTorch does', () => {
    expect(sizes(6, 3)).toEqual([2, 2, 2]);
    expect(sizes(7, 3)).toEqual([3, 3, 1]);
    expect(sizes(5, 4)).toEqual([2, 2, 1]);
    expect(sizes(0, 2)).toEqual([0]);
  });

  it('refuses less than one part', () => {
    expect(() => sizes(4, 0)).toThrow(/positive integer; received 0/);
  });
});
