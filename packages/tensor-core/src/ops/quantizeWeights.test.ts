import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type QuantFormat, type QuantizedWeights, scope, tensor, zeros } from '../index.js';
import { dequantizeWeights, quantizeWeights } from './index.js';
import { input, laws } from './testing/laws.js';

const format = fc.constantFrom<(QuantFormat | 'int8 zeros' | 'int4 zeros')[]>(
  'q8_0',
  'q4_0',
  'int8',
  'int4',
  'int8 zeros',
  'int4 zeros',
);

/** Draws weights with what quantizeWeights is told. */
export const weightCases = fc
  .record({
    rows: fc.oneof(
      { weight: 9, arbitrary: fc.integer({ min: 1, max: 5 }) },
      { weight: 1, arbitrary: fc.constant(0) },
    ),
    blocks: fc.integer({ min: 0, max: 5 }),
    group: fc.integer({ min: 1, max: 3 }),
    magnitude: fc.constantFrom(0, 1e-42, 0.02, 1, 1e3),
    format,
  })
  .chain(({ rows, blocks, group, magnitude, format }) => {
    const [name, zeroPoints] = format.split(' ') as [QuantFormat, string?];
    const options = name.startsWith('q')
      ? { format: name }
      : { format: name, groupSize: 32 * group, zeroPoints: zeroPoints !== undefined };
    return fc.record({
      inputs: fc.tuple(
        input(
          [rows, 32 * blocks],
          fc.integer({ min: -254, max: 200 }).map((i) => (i / 254) * magnitude),
        ),
      ),
      args: fc.constant(options),
    });
  });

const tensorsOf = (q: QuantizedWeights) => [
  q.data,
  ...(q.scales ? [q.scales] : []),
  ...(q.zeros ? [q.zeros] : []),
];

laws(quantizeWeights, {
  cases: weightCases,
  dtypes: ['f32', 'f64', 'bf16'],
  differentiable: false,
  run: ([w], options) => tensorsOf(quantizeWeights(w!, options)),
  errors: [
    { name: 'a vector', run: () => quantizeWeights(zeros([32])), code: 'E_SHAPE' },
    { name: 'rows that are not whole blocks', run: () => quantizeWeights(zeros([2, 33])), code: 'E_SHAPE' },
    { name: 'integers', run: () => quantizeWeights(zeros([2, 32], { dtype: 'i32' })), code: 'E_DTYPE' },
    {
      name: 'an unknown format',
      run: () => quantizeWeights(zeros([2, 32]), { format: 'q5_0' as 'q4_0' }),
      code: 'E_UNSUPPORTED',
    },
    {
      name: 'a group of 48',
      run: () => quantizeWeights(zeros([2, 96]), { format: 'int8', groupSize: 48 }),
      code: 'E_SHAPE',
    },
    {
      name: 'zero points in a format that has none',
      run: () => quantizeWeights(zeros([2, 32]), { format: 'q8_0', zeroPoints: true }),
      code: 'E_UNSUPPORTED',
    },
  ],
});

laws(dequantizeWeights, {
  cases: weightCases,
  dtypes: ['f32', 'bf16'],
  differentiable: false,
  tolerance: { bf16: 3e-6 },
  run: ([w], options) => dequantizeWeights(quantizeWeights(w!, options)),
  errors: [
    {
      name: 'bytes of another format',
      run: () => dequantizeWeights({ ...quantizeWeights(zeros([2, 32])), format: 'q4_0' }),
      code: 'E_SHAPE',
    },
    {
      name: 'scales of another group size',
      run: () =>
        dequantizeWeights({
          ...quantizeWeights(zeros([2, 64]), { format: 'int8', groupSize: 32 }),
          groupSize: 64,
        }),
      code: 'E_SHAPE',
    },
  ],
});

describe('layouts by hand', () => {
  const ramp = Array.from({ length: 32 }, (_, i) => i - 8);
  const bytes = (format: QuantFormat, values: number[], options = {}) =>
    scope(() => [...quantizeWeights(tensor([values]), { format, ...options }).data.dataSync()]);

  it('q8_0: a little-endian half, then the bytes', () => {
    // 127 / 127 is 1, whose half is 0x3c00.
    const values = [127, ...ramp.slice(1)];
    expect(bytes('q8_0', values)).toEqual([0x00, 0x3c, ...values.map((v) => v & 0xff)]);
  });
  it('q4_0: weight j in the low nibble of byte j, weight j + 16 in the high one', () => {
    // The largest magnitude is -8, so d = 1.
    const values = Array.from({ length: 32 }, (_, i) => (i % 16) - 8);
    const expected = values.slice(0, 16).map((v, i) => (v + 8) | ((values[i + 16]! + 8) << 4));
    expect(bytes('q4_0', values)).toEqual([0x00, 0x3c, ...expected]);
  });
  it('int4: neighbours share a byte, the first in the low nibble', () => {
    const values = Array.from({ length: 32 }, (_, i) => (i % 15) - 7);
    const expected = Array.from(
      { length: 16 },
      (_, i) => (values[2 * i]! + 8) | ((values[2 * i + 1]! + 8) << 4),
    );
    expect(bytes('int4', values, { groupSize: 32 })).toEqual(expected);
  });
  it('zero is exact with zero points, and the error is at most half a step', () => {
    scope(() => {
      const values = Array.from({ length: 64 }, (_, i) => (i % 9 === 0 ? 0 : Math.sin(i) + 0.7));
      for (const format of ['int8', 'int4'] as const) {
        const q = quantizeWeights(tensor([values]), { format, groupSize: 64, zeroPoints: true });
        const step = q.scales!.item();
        dequantizeWeights(q)
          .numbers()
          .forEach((v, i) => {
            if (values[i] === 0) expect(v).toBe(0);
            // The ends of the range may fall half a step outside the grid.
            expect(Math.abs(v - values[i]!)).toBeLessThanOrEqual(step * 1.001);
          });
      }
    });
  });
});
