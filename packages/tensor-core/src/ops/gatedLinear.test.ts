import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { noGrad, packWeight, scope, tensor, zeros } from '../index.js';
import { ACTIVATIONS, type Activation } from './activation.js';
import { gatedLinear, linear, swiglu } from './index.js';
import { status } from './testing/law.js';
import { input, laws, reals } from './testing/laws.js';
import { activation, awayFromZero, rowShapes } from './testing/products.js';

const cases = fc
  .record({
    rows: rowShapes,
    inputs: fc.integer({ min: 1, max: 40 }),
    out: fc.integer({ min: 1, max: 40 }),
    bias: fc.boolean(),
    activation,
  })
  .chain(({ rows, inputs, out, ...args }) => {
    const one = reals(-1, 1);
    const list = [
      input([...rows, inputs], one),
      input([out, inputs], one),
      input([...rows, out], one),
      ...(args.bias ? [input([out], one)] : []),
    ];
    return fc.record({ inputs: fc.tuple(...list), args: fc.constant(args) });
  })
  // Central differences must not step over relu's kink.
  .filter(({ inputs: [x, w, , b], args }) => args.activation !== 'relu' || awayFromZero([x!, w!, b], 1e-4));

laws(gatedLinear, {
  sums: true,
  cases,
  run: ([x, w, up, b], { activation }) => gatedLinear(x!, w!, up!, b, activation ? { activation } : {}),
  // Up to forty products a sum.
  tolerance: { f32: 3e-5, f16: 4e-3 },
  errors: [
    {
      name: 'a weight of another width',
      run: () => gatedLinear(zeros([2, 3]), zeros([4, 2]), zeros([2, 4])),
      code: 'E_SHAPE',
    },
    {
      name: 'another shape of up',
      run: () => gatedLinear(zeros([2, 3]), zeros([4, 3]), zeros([4])),
      code: 'E_SHAPE',
    },
    {
      name: 'a bias of another size',
      run: () => gatedLinear(zeros([2, 3]), zeros([4, 3]), zeros([2, 4]), zeros([3])),
      code: 'E_SHAPE',
    },
    {
      name: 'mixed dtypes',
      run: () => gatedLinear(zeros([2, 3]), zeros([4, 3]), zeros([2, 4], { dtype: 'f64' })),
      code: 'E_DTYPE',
    },
    {
      name: 'an unknown activation',
      run: () =>
        gatedLinear(zeros([2, 3]), zeros([4, 3]), zeros([2, 4]), null, { activation: 'swish' as 'silu' }),
      code: 'E_UNSUPPORTED',
    },
  ],
});

describe.skipIf(!status.cpu.present)('gatedLinear over many blocks', () => {
  const values = (size: number, step: number) =>
    Float64Array.from({ length: size }, (_, i) => ((i * step) % 41) / 20 - 1);
  const off = (a: ArrayLike<number>, b: ArrayLike<number>) => {
    let [error, scale] = [0, 0];
    for (let i = 0; i < a.length; i++) {
      error = Math.max(error, Math.abs(a[i]! - b[i]!));
      scale = Math.max(scale, Math.abs(b[i]!));
    }
    return error / scale;
  };

  // Several passes over k, few rows and many, edges of tiles on every side.
  it.each([
    [150, 1100, 70],
    [70, 1100, 150],
    [3, 1100, 150],
    [1, 64, 48],
  ])('%i x %i x %i is what its parts are, gradients included', (m, k, n) =>
    scope(() => {
      const x = tensor(values(m * k, 7), { shape: [m, k], requiresGrad: true });
      const w = tensor(values(n * k, 11), { shape: [n, k], requiresGrad: true });
      const up = tensor(values(m * n, 5), { shape: [m, n], requiresGrad: true });
      const b = tensor(values(n, 3), { shape: [n], requiresGrad: true });
      const run = (f: () => ReturnType<typeof linear>) => {
        const y = f();
        y.backward(tensor(values(m * n, 13), { shape: [m, n] }));
        const results = [y.numbers(), ...[x, w, up, b].map((t) => t.grad!.numbers())];
        for (const t of [x, w, up, b]) {
          t.grad!.dispose();
          t.grad = null;
        }
        return results;
      };
      const fused = run(() => gatedLinear(x, w, up, b));
      const parts = run(() => swiglu(linear(x, w, b), up));
      fused.forEach((f, i) => {
        expect(off(f, parts[i]!), `result ${i}`).toBeLessThan(2e-6);
      });
    }),
  );

  it.each(Object.keys(ACTIVATIONS) as Activation[])('takes a packed weight (%s)', (activation) =>
    scope(() =>
      noGrad(() => {
        const x = tensor(values(20 * 70, 7), { shape: [20, 70] });
        const w = tensor(values(50 * 70, 11), { shape: [50, 70] });
        const up = tensor(values(20 * 50, 5), { shape: [20, 50] });
        using packed = packWeight(w);
        const y = gatedLinear(x, packed, up, null, { activation }).numbers();
        expect([...y]).toEqual([...gatedLinear(x, w, up, null, { activation }).numbers()]);
      }),
    ),
  );
});
