import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { deviceStatus, Generator, scope, tensor, zeros } from '../index.js';
import { sampleLogits } from './index.js';
import { digits, input, laws, reals } from './testing/laws.js';

const cases = fc
  .record({
    rows: fc.integer({ min: 0, max: 3 }),
    classes: fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 500, max: 1100 })),
    equals: fc.boolean(),
  })
  .chain(({ rows, classes, equals }) =>
    fc.record({
      inputs: fc.tuple(input([rows, classes], equals ? digits : reals(-9, 9))),
      args: fc.record({
        seed: fc.nat(),
        temperature: fc.constantFrom(0, 0.1, 0.7, 1, 3),
        topK: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: classes + 1 })),
        // Not a fraction that equal weights could meet exactly, where rounding decides.
        topP: fc.oneof(
          fc.constant(1),
          fc.integer({ min: 1, max: 1008 }).map((i) => i / 1009),
        ),
        minP: fc.oneof(
          fc.constant(0),
          fc.integer({ min: 0, max: 1008 }).map((i) => i / 1009),
        ),
      }),
    }),
  );

const inf = Number.NEGATIVE_INFINITY;

laws(sampleLogits, {
  cases,
  run: ([x], { seed, ...options }) => sampleLogits(x!, { ...options, generator: new Generator(seed) }),
  differentiable: false,
  specials: false,
  values: [
    {
      name: 'never draws what is removed, nor -Infinity',
      run: (device) => sampleLogits(tensor([inf, 1, inf, -40], { device }).expand([64, 4]), { minP: 0.01 }),
      expected: new Array(64).fill(1),
    },
    {
      name: 'takes the first of the largest at temperature 0',
      run: (device) => sampleLogits(tensor([1, 3, 3, 2], { device }), { temperature: 0 }),
      expected: [1],
    },
    {
      name: 'takes the largest at a temperature too small for f32',
      run: (device) => sampleLogits(tensor([1, 2, 3, 2], { device }), { temperature: 1e-300, topP: 0.9 }),
      expected: [2],
    },
  ],
  errors: [
    { name: 'a NaN', run: () => sampleLogits(tensor([1, Number.NaN])), code: 'E_INDEX' },
    { name: 'only -Infinity', run: () => sampleLogits(tensor([inf, inf])), code: 'E_INDEX' },
    { name: 'an infinity', run: () => sampleLogits(tensor([0, -inf])), code: 'E_INDEX' },
    { name: 'no classes', run: () => sampleLogits(zeros([2, 0])), code: 'E_SHAPE' },
    { name: 'a scalar', run: () => sampleLogits(tensor(1)), code: 'E_SHAPE' },
    { name: 'integers', run: () => sampleLogits(tensor([1], { dtype: 'i32' })), code: 'E_DTYPE' },
    {
      name: 'a negative temperature',
      run: () => sampleLogits(tensor([1]), { temperature: -1 }),
      code: 'E_FORMAT',
    },
    { name: 'half a class', run: () => sampleLogits(tensor([1]), { topK: 0.5 }), code: 'E_FORMAT' },
    { name: 'topP 0', run: () => sampleLogits(tensor([1]), { topP: 0 }), code: 'E_FORMAT' },
    { name: 'minP above 1', run: () => sampleLogits(tensor([1]), { minP: 1.5 }), code: 'E_FORMAT' },
  ],
});

describe.skipIf(!deviceStatus().cpu.present)('sampleLogits', () => {
  it('draws in proportion to the softmax of what is left', () =>
    scope(() => {
      const rows = 20_000;
      const logits = tensor([0, Math.log(2), Math.log(5), -3]).expand([rows, 4]);
      const drawn = sampleLogits(logits, { topK: 3, generator: new Generator(4) }).numbers();
      [1, 2, 5, 0].forEach((weight, c) => {
        const p = weight / 8;
        const share = drawn.filter((d) => d === c).length / rows;
        expect(Math.abs(share - p)).toBeLessThanOrEqual(4 * Math.sqrt((p * (1 - p)) / rows));
      });
    }));

  it('agrees with the reference over a large vocabulary', () =>
    scope(() => {
      const values = Float32Array.from({ length: 2 * 20_000 }, (_, i) => Math.fround(9 * Math.sin(i * i)));
      for (const options of [
        { topK: 50 },
        { topP: 0.9 },
        { topK: 500, topP: 0.8, temperature: 2 },
        { minP: 0.1 },
      ]) {
        const [cpu, ref] = (['cpu', 'ref'] as const).map((device) =>
          sampleLogits(tensor(values, { shape: [2, 20_000], device }), {
            ...options,
            generator: new Generator(11),
          }).numbers(),
        );
        expect(cpu).toEqual(ref);
      }
    }));
});
