import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  broadcastShapes,
  broadcastStrides,
  checkShape,
  denseStrides,
  isDense,
  normalizeAxes,
  normalizeAxis,
  sizeOf,
} from './shape.js';

const shape = fc.array(fc.nat(5), { maxLength: 5 });

describe('shapes', () => {
  it('dense strides reach each of the elements once, in order', () => {
    fc.assert(
      fc.property(shape, (s) => {
        const strides = denseStrides(s);
        expect(isDense(s, strides)).toBe(true);
        let offsets = [0];
        s.forEach((n, a) => {
          offsets = offsets.flatMap((o) => Array.from({ length: n }, (_, i) => o + i * strides[a]!));
        });
        expect(offsets).toEqual(Array.from({ length: sizeOf(s) }, (_, i) => i));
      }),
    );
  });

  it('a permuted matrix is not dense, unless an axis has size 1', () => {
    expect(isDense([2, 3], [1, 2])).toBe(false);
    expect(isDense([1, 3], [99, 1])).toBe(true);
    expect(isDense([0, 3], [7, 7])).toBe(true);
  });

  it('broadcasting follows its definition, axis by axis from the end', () => {
    fc.assert(
      fc.property(shape, shape, (a, b) => {
        const rank = Math.max(a.length, b.length);
        const padded = [a, b].map((s) => [...new Array<number>(rank - s.length).fill(1), ...s]);
        const fits = padded[0]!.every((n, i) => n === padded[1]![i] || n === 1 || padded[1]![i] === 1);
        if (!fits) {
          expect(() => broadcastShapes('op', a, b)).toThrow(expect.objectContaining({ code: 'E_SHAPE' }));
          return;
        }
        const expected = padded[0]!.map((n, i) => (n === 1 ? padded[1]![i]! : n));
        expect(broadcastShapes('op', a, b)).toEqual(expected);
        const strides = broadcastStrides(a, denseStrides(a), expected);
        expected.forEach((n, i) => {
          if (padded[0]![i] === 1 && n !== 1) expect(strides[i]).toBe(0);
        });
      }),
    );
  });

  it('axes count from both ends', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 8 }), fc.integer({ min: -10, max: 10 }), (rank, axis) => {
        if (axis >= -rank && axis < rank) expect(normalizeAxis('op', axis, rank)).toBe((axis + rank) % rank);
        else
          expect(() => normalizeAxis('op', axis, rank)).toThrow(expect.objectContaining({ code: 'E_INDEX' }));
      }),
    );
    expect(() => normalizeAxis('op', 0.5, 2)).toThrow(/axis must be an integer/);
    expect(normalizeAxes('op', undefined, 3)).toEqual([0, 1, 2]);
    expect(normalizeAxes('op', [-1, 0], 3)).toEqual([0, 2]);
    expect(() => normalizeAxes('op', [0, -3], 3)).toThrow(/once/);
  });

  it('refuses sizes no tensor can have', () => {
    for (const s of [[-1], [1.5], [Number.NaN], new Array<number>(9).fill(1), [2 ** 30, 2 ** 30]])
      expect(() => checkShape('op', s)).toThrow(expect.objectContaining({ code: 'E_SHAPE' }));
    checkShape('op', [0, 3]);
    checkShape('op', []);
  });
});
