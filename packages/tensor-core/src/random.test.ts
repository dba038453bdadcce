import { describe, expect, it } from 'vitest';
import { deviceStatus, Generator, randn, scope, TensorError, uniform } from './index.js';
import { philox4x32 } from './philox.js';

describe('philox4x32', () => {
  // The known-answer vectors that Salmon et al. publish with Random123 (kat_vectors, philox 4x32 10).
  it.each([
    [
      [0, 0],
      [0, 0, 0, 0],
      [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8],
    ],
    [
      [0xffffffff, 0xffffffff],
      [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
      [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
    ],
    [
      [0xa4093822, 0x299f31d0],
      [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
      [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
    ],
  ] as const)('key %j, counter %j', (key, counter, expected) => {
    expect(philox4x32(key, counter)).toEqual([...expected]);
  });
});

describe('Generator', () => {
  it('continues exactly from a saved state', () =>
    scope(() => {
      const generator = new Generator(7);
      uniform([5], 0, 1, { generator, device: 'ref' });
      const state = generator.state();
      const expected = randn([9], { generator, device: 'ref' }).toArray();
      const again = new Generator(0);
      again.setState(state);
      expect(randn([9], { generator: again, device: 'ref' }).toArray()).toEqual(expected);
    }));

  it.each([-1, 0.5, Number.NaN, 2 ** 53])('refuses the seed %s', (seed) => {
    expect(() => new Generator(seed)).toThrow(TensorError);
  });
});

const cpu = deviceStatus().cpu.present;

describe('random tensors', () => {
  it.skipIf(!cpu).each(['f32', 'f64', 'bf16', 'f16'] as const)(
    'uniform %s draws the same numbers on cpu as the reference',
    (dtype) =>
      scope(() => {
        const draw = (device: 'cpu' | 'ref') =>
          uniform([1027], -2, 3, { dtype, device, generator: new Generator(2 ** 40 + 5) }).numbers();
        // A fused multiply-add may round low + u * (high - low) once instead of twice.
        const [a, b] = [draw('cpu'), draw('ref')];
        a.forEach((v, i) => {
          expect(Math.abs(v - b[i]!)).toBeLessThanOrEqual(dtype === 'f64' ? 2 ** -50 : 0);
        });
      }),
  );

  it.skipIf(!cpu).each(['f32', 'f64'] as const)(
    'randn %s draws the reference numbers up to rounding',
    (dtype) =>
      scope(() => {
        const draw = (device: 'cpu' | 'ref') =>
          randn([1027], { dtype, device, generator: new Generator(99) }).numbers();
        const [a, b] = [draw('cpu'), draw('ref')];
        a.forEach((v, i) => {
          expect(Math.abs(v - b[i]!)).toBeLessThan(dtype === 'f64' ? 1e-12 : 2e-5);
        });
      }),
  );

  it('have the mean and variance they should', () =>
    scope(() => {
      const n = 40_000;
      const x = randn([n], { mean: 3, std: 2, device: 'ref', generator: new Generator(1) }).numbers();
      const mean = x.reduce((a, b) => a + b, 0) / n;
      const variance = x.reduce((a, b) => a + (b - mean) ** 2, 0) / n;
      // Four standard errors of a mean, 2 / sqrt(n), and of a variance, 4 sqrt(2 / n).
      expect(Math.abs(mean - 3)).toBeLessThan((4 * 2) / Math.sqrt(n));
      expect(Math.abs(variance - 4)).toBeLessThan(4 * 4 * Math.sqrt(2 / n));
    }));

  it('refuse integer dtypes', () => {
    expect(() => uniform([1], 0, 1, { dtype: 'i32' })).toThrow(/float dtype/);
  });
});
