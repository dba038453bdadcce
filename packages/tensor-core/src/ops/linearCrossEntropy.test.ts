import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { crossEntropy, memory, resetPeakMemory, scope, tensor, zeros } from '../index.js';
import { linear, linearCrossEntropy } from './index.js';
import { status } from './testing/law.js';
import { input, laws, reals } from './testing/laws.js';

const cases = fc
  .record({
    rows: fc.oneof(
      fc.integer({ min: 1, max: 20 }).map((n) => [n]),
      fc.tuple(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 1, max: 5 })),
    ),
    classes: fc.integer({ min: 2, max: 40 }),
    width: fc.integer({ min: 1, max: 20 }),
  })
  .chain(({ rows, classes, width }) =>
    fc.record({
      inputs: fc.tuple(
        input([...rows, width], reals(-1, 1)),
        input([classes, width], reals(-1, 1)),
        input(
          rows,
          fc.oneof(
            { weight: 4, arbitrary: fc.nat({ max: classes - 1 }) },
            { weight: 1, arbitrary: fc.constant(-100) },
          ),
          'i32',
        ),
      ),
      args: fc.record({
        labelSmoothing: fc.constantFrom(0, 0, 0.1),
        reduction: fc.constantFrom('sum' as const, 'mean' as const),
        // One row at a time, a few, or all.
        chunkBytes: fc.constantFrom(1, 500, 1e6),
      }),
    }),
  )
  .filter(({ inputs: [, , target], args }) => args.reduction !== 'mean' || target.values.some((t) => t >= 0));

laws(linearCrossEntropy, {
  cases,
  sums: true,
  run: ([x, weight, target], options) => linearCrossEntropy(x!, weight!, target!, options),
  // A sum over twenty rows of logits that are rounded to the dtype.
  tolerance: { f32: 2e-5, f16: 4e-3, bf16: 3e-2 },
  // An infinity makes logits of infinity - infinity, where implementations differ in what they return first.
  specials: false,
  values: [
    {
      name: 'of even odds is log V',
      run: (device) =>
        linearCrossEntropy(
          zeros([1, 3], { device }),
          zeros([8, 3], { device }),
          tensor([3], { dtype: 'i32', device }),
        ),
      expected: [Math.log(8)],
    },
  ],
  errors: [
    {
      name: 'a target that is no class',
      run: () => linearCrossEntropy(zeros([1, 2]), zeros([3, 2]), tensor([3], { dtype: 'i32' })),
      code: 'E_INDEX',
    },
    {
      name: 'another width',
      run: () => linearCrossEntropy(zeros([1, 2]), zeros([3, 4]), tensor([0], { dtype: 'i32' })),
      code: 'E_SHAPE',
    },
    {
      name: 'another number of rows',
      run: () => linearCrossEntropy(zeros([2, 2]), zeros([3, 2]), tensor([0], { dtype: 'i32' })),
      code: 'E_SHAPE',
    },
    {
      name: 'float targets',
      run: () => linearCrossEntropy(zeros([1, 2]), zeros([3, 2]), zeros([1])),
      code: 'E_DTYPE',
    },
    {
      name: 'chunks of nothing',
      run: () =>
        linearCrossEntropy(zeros([1, 2]), zeros([3, 2]), tensor([0], { dtype: 'i32' }), { chunkBytes: 0 }),
      code: 'E_FORMAT',
    },
  ],
});

describe.skipIf(!status.cpu.present)('linearCrossEntropy on a wide vocabulary', () => {
  const [N, C, V] = [96, 32, 3000];
  const inputs = () => {
    const values = (size: number, step: number) =>
      Float32Array.from({ length: size }, (_, i) => ((i * step) % 61) / 61 - 0.5);
    const x = tensor(values(N * C, 7), { shape: [N, C], requiresGrad: true });
    const w = tensor(values(V * C, 11), { shape: [V, C], requiresGrad: true });
    const target = tensor(
      Int32Array.from({ length: N }, (_, i) => (i * 37) % V),
      { shape: [N], dtype: 'i32' },
    );
    return { x, w, target };
  };

  it('has the loss and gradients of its two parts', () =>
    scope(() => {
      const [a, b] = [inputs(), inputs()];
      const whole = crossEntropy(linear(a.x, a.w), a.target).mul(3);
      const chunked = linearCrossEntropy(b.x, b.w, b.target, { chunkBytes: 100_000 }).mul(3);
      expect(chunked.item()).toBeCloseTo(whole.item(), 5);
      whole.backward();
      chunked.backward();
      for (const name of ['x', 'w'] as const) {
        const [want, got] = [a[name].grad!.numbers(), b[name].grad!.numbers()];
        expect(Math.max(...want.map((v, i) => Math.abs(v - got[i]!)))).toBeLessThan(1e-7);
      }
    }));

  it('never holds all logits', () =>
    scope(() => {
      const { x, w, target } = inputs();
      const before = memory().live;
      resetPeakMemory();
      linearCrossEntropy(x, w, target, { chunkBytes: 100_000 }).backward();
      const logits = N * V * 4;
      const gradients = (N * C + V * C) * 4;
      expect(memory().peak - before).toBeLessThan(2.5 * gradients + logits / 4);
    }));
});
