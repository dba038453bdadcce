import { describe, expect, it } from 'vitest';
import { scope, tensor, zeros } from '../index.js';
import { ACTIVATIONS } from './activation.js';
import { gelu, linear } from './index.js';
import { status } from './testing/law.js';
import { laws, reals } from './testing/laws.js';
import { awayFromZero, linearCases } from './testing/products.js';

const cases = linearCases(
  1,
  // Central differences must not step over relu's kink.
  reals(-1, 1).map((v) => (Math.abs(v) < 0.01 ? v + 0.05 : v)),
).filter(({ inputs: [x, w, ...rest], args }) => {
  if (args.activation !== 'relu') return true;
  // Nor over that of the result's: what it activates must not be close to zero, and the less so where what is multiplied
  // was activated and rounded to a narrow dtype, which moves the sum.
  const near = args.inputActivation ? 0.02 : 1e-4;
  const g = args.inputActivation && ACTIVATIONS[args.inputActivation].value;
  return awayFromZero([x!, w!, args.bias ? rest[0]! : undefined], near, g);
});

laws(linear, {
  sums: true,
  cases,
  run: ([x, w, ...rest], { bias, residual, ...activations }) =>
    linear(x!, w!, bias ? rest[0]! : null, {
      ...activations,
      ...(residual ? { residual: rest.at(-1)! } : {}),
    }),
  // Up to forty products a sum.
  tolerance: { f32: 3e-5, f16: 4e-3 },
  errors: [
    { name: 'a weight of another width', run: () => linear(zeros([2, 3]), zeros([4, 2])), code: 'E_SHAPE' },
    {
      name: 'a bias of another size',
      run: () => linear(zeros([2, 3]), zeros([4, 3]), zeros([3])),
      code: 'E_SHAPE',
    },
    {
      name: 'a residual of another shape',
      run: () => linear(zeros([2, 3]), zeros([4, 3]), null, { residual: zeros([4]) }),
      code: 'E_SHAPE',
    },
    {
      name: 'mixed dtypes',
      run: () => linear(zeros([2, 3]), zeros([4, 3], { dtype: 'f64' })),
      code: 'E_DTYPE',
    },
    {
      name: 'an unknown activation',
      run: () => linear(zeros([2, 3]), zeros([4, 3]), null, { activation: 'swish' as 'silu' }),
      code: 'E_UNSUPPORTED',
    },
  ],
});

describe.skipIf(!status.cpu.present)('linear over many blocks', () => {
  // Several passes over k, both ways of sharing the packed operands, and edges of tiles on every side.
  it.each([
    [150, 1100, 70],
    [70, 1100, 150],
    [3, 1100, 150],
  ])('%i x %i x %i fused is what its parts are', (m, k, n) =>
    scope(() => {
      const values = (size: number, step: number) =>
        Float64Array.from({ length: size }, (_, i) => ((i * step) % 41) / 20 - 1);
      const x = tensor(values(m * k, 7), { shape: [m, k], requiresGrad: true });
      const w = tensor(values(n * k, 11), { shape: [n, k], requiresGrad: true });
      const b = tensor(values(n, 3), { shape: [n], requiresGrad: true });
      const r = tensor(values(m * n, 5), { shape: [m, n], requiresGrad: true });
      const all = [x, w, b, r];
      const run = (f: () => ReturnType<typeof linear>) => {
        const y = f();
        y.backward(tensor(values(m * n, 13), { shape: [m, n] }));
        const results = [y.numbers(), ...all.map((t) => t.grad!.numbers())];
        for (const t of all) {
          t.grad!.dispose();
          t.grad = null;
        }
        return results;
      };
      const fused = run(() => linear(x, w, b, { inputActivation: 'silu', activation: 'gelu', residual: r }));
      const parts = run(() => gelu(linear(x.silu(), w, b)).add(r));
      fused.forEach((f, i) => {
        const error = f.reduce((worst, v, j) => Math.max(worst, Math.abs(v - parts[i]![j]!)), 0);
        const scale = parts[i]!.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
        expect(error / scale, `result ${i}`).toBeLessThan(2e-6);
      });
    }),
  );
});
