import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type QuantFormat, scope, tensor, withMatmulPrecision, zeros } from '../index.js';
import { dequantizeWeights, linear, linearQuantized, quantizeWeights } from './index.js';
import { status } from './testing/law.js';
import { input, laws, reals, shapes } from './testing/laws.js';

const formats: readonly QuantFormat[] = ['q8_0', 'q4_0', 'int8', 'int4'];

const cases = fc
  .record({
    rows: fc.oneof(shapes(2, 4), fc.constantFrom([17], [30])),
    out: fc.integer({ min: 0, max: 40 }),
    blocks: fc.integer({ min: 0, max: 5 }),
    group: fc.integer({ min: 1, max: 3 }),
    format: fc.constantFrom(...formats),
    zeroPoints: fc.boolean(),
    bias: fc.boolean(),
  })
  .chain(({ rows, out, blocks, group, format, zeroPoints, bias }) => {
    const grouped = format.startsWith('int');
    const one = reals(-1, 1);
    const list = [
      input([...rows, 32 * blocks], one),
      input([out, 32 * blocks], one, 'f32'),
      ...(bias ? [input([out], one)] : []),
    ];
    const options = { format, ...(grouped ? { groupSize: 32 * group, zeroPoints } : {}) };
    return fc.record({ inputs: fc.tuple(...list), args: fc.constant(options) });
  });

laws(linearQuantized, {
  sums: true,
  cases,
  dtypes: ['f32', 'bf16', 'f16'],
  differentiable: false,
  run: ([x, w, b], options) => linearQuantized(x!, quantizeWeights(w!, options), b),
  // Up to 160 products of numbers below one, all in f32.
  tolerance: { f32: 2e-5, bf16: 2e-5, f16: 2e-5 },
  errors: [
    {
      name: 'x of another width',
      run: () => linearQuantized(zeros([1, 64]), quantizeWeights(zeros([2, 32]))),
      code: 'E_SHAPE',
    },
    {
      name: 'a bias of another size',
      run: () => linearQuantized(zeros([1, 32]), quantizeWeights(zeros([2, 32])), zeros([3])),
      code: 'E_SHAPE',
    },
  ],
});

const values = (size: number, step: number) =>
  Float64Array.from({ length: size }, (_, i) => ((i * step) % 41) / 20 - 1);

describe.skipIf(!status.cpu.present)('linearQuantized', () => {
  it.each(formats)('gives x and the bias the gradients of the dequantised product: %s', (format) =>
    scope(() => {
      const q = quantizeWeights(tensor(values(5 * 64, 7), { shape: [5, 64] }), { format });
      const make = () => ({
        x: tensor(values(3 * 64, 11), { shape: [3, 64], requiresGrad: true }),
        b: tensor(values(5, 3), { shape: [5], requiresGrad: true }),
      });
      const [one, two] = [make(), make()];
      const seed = tensor(values(15, 13), { shape: [3, 5] });
      linearQuantized(one.x, q, one.b).backward(seed);
      linear(two.x, dequantizeWeights(q), two.b).backward(seed);
      expect(one.x.grad!.numbers()).toEqual(two.x.grad!.numbers());
      expect(one.b.grad!.numbers()).toEqual(two.b.grad!.numbers());
    }),
  );

  // Several passes over k and edges on every side.
  it.each(formats.flatMap((format) => [8, 40].map((m) => ({ format, m }))))(
    'is the dequantised product over many blocks: $format, $m rows',
    ({ format, m }) =>
      scope(() => {
        const [n, k] = [70, 2144];
        const q = quantizeWeights(tensor(values(n * k, 7), { shape: [n, k] }), { format });
        const x = tensor(values(m * k, 11), { shape: [m, k] });
        const wanted = linear(x.cast('f64'), dequantizeWeights(q).cast('f64')).numbers();
        const scale = wanted.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
        for (const precision of ['f32', 'bf16'] as const) {
          const got = withMatmulPrecision(precision, () => linearQuantized(x, q)).numbers();
          const error = got.reduce((worst, v, i) => Math.max(worst, Math.abs(v - wanted[i]!)), 0);
          expect(error / scale, precision).toBeLessThan(precision === 'f32' ? 5e-6 : 2e-2);
        }
      }),
  );

  describe.each(formats)('one row of x: %s', (format) => {
    const [n, k] = [9, 32 * 21];
    const product = (x: Float64Array) => {
      const q = quantizeWeights(tensor(values(n * k, 7), { shape: [n, k] }), { format });
      const row = tensor(x, { shape: [1, k] });
      const sizes = linear(row.cast('f64').abs(), dequantizeWeights(q).cast('f64').abs()).numbers();
      const wanted = linear(row.cast('f64'), dequantizeWeights(q).cast('f64')).numbers();
      return { got: linearQuantized(row, q).numbers(), wanted, sizes };
    };

    it.each([
      { name: 'sizes far apart', factor: (i: number) => 2 ** ((((i >> 3) * 37) % 120) - 60) },
      { name: 'the largest numbers', factor: () => 2 ** 118 },
      { name: 'denormal numbers', factor: () => 2 ** -130 },
    ])('$name keep the precision of f32', ({ factor }) =>
      scope(() => {
        const { got, wanted, sizes } = product(values(k, 11).map((v, i) => v * factor(i)));
        got.forEach((v, i) => {
          // Denormal sums are whole multiples of the least number.
          expect(Math.abs(v - wanted[i]!)).toBeLessThanOrEqual(2e-6 * sizes[i]! + k * 2 ** -149);
        });
      }),
    );

    it.each([Number.NaN, Number.POSITIVE_INFINITY])('%s in x is one in every sum', (special) =>
      scope(() => {
        const { got } = product(values(k, 11).map((v, i) => (i === 77 ? special : v)));
        expect(got.every((v) => !Number.isFinite(v))).toBe(true);
      }),
    );
  });
});
