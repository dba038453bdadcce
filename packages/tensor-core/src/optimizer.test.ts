import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  adamw,
  clipFactor,
  clipGradNorm,
  type Device,
  deviceStatus,
  globalNorm,
  scale_,
  scope,
  type Tensor,
  TensorError,
  tensor,
  zeros,
} from './index.js';

const status = deviceStatus();

// Algorithm 2 of Loshchilov and Hutter, one scalar at a time.
function reference(p: number, gradients: readonly number[], lr: number, decay: number): number {
  let [m, v] = [0, 0];
  gradients.forEach((g, i) => {
    m = 0.9 * m + 0.1 * g;
    v = 0.999 * v + 0.001 * g * g;
    p =
      p * (1 - lr * decay) -
      (lr * (m / (1 - 0.9 ** (i + 1)))) / (Math.sqrt(v / (1 - 0.999 ** (i + 1))) + 1e-8);
  });
  return p;
}

describe.each(['ref', 'cpu'] as Device[])('optimizer steps on %s', (device) => {
  if (!status[device].present) {
    it.skip(`skipped: no device ${device} (${status[device].reason})`, () => undefined);
    return;
  }

  it('adamw equals the algorithm, element by element, over lists of any sizes', () => {
    const number = fc.double({ min: -2, max: 2, noNaN: true });
    fc.assert(
      fc.property(
        fc.array(fc.array(number, { maxLength: 40 }), { minLength: 1, maxLength: 4 }),
        number,
        fc.constantFrom(0, 0.1),
        (lists, g0, decay) =>
          scope(() => {
            const make = (values: readonly number[]) =>
              tensor(Float64Array.from(values), { dtype: 'f64', device });
            const p = lists.map(make);
            const [m, v] = [p.map((t) => t.zerosLike()), p.map((t) => t.zerosLike())];
            const gradient = (step: number, i: number) => g0 * Math.cos(step + i) + 0.1;
            for (let step = 1; step <= 3; step++)
              adamw(
                p,
                lists.map((l) => make(l.map((_, i) => gradient(step, i)))),
                m,
                v,
                { lr: 0.01, weightDecay: decay, step },
              );
            lists.forEach((l, k) => {
              const actual = p[k]!.numbers();
              l.forEach((x, i) => {
                expect(actual[i]).toBeCloseTo(
                  reference(
                    x,
                    [1, 2, 3].map((s) => gradient(s, i)),
                    0.01,
                    decay,
                  ),
                  10,
                );
              });
            });
          }),
      ),
      { numRuns: 30 },
    );
  });

  it.each(['f32', 'f64'] as const)(
    'one call with rates for each parameter gives the bits of a call for each group: %s',
    (dtype) =>
      scope(() => {
        const sizes = [3, 20000, 0, 5, 17];
        const [lr, weightDecay] = [
          [0.1, 0.1, 0.2, 0.05, 0.1],
          [0.1, 0, 0.1, 0, 0.3],
        ];
        const make = () =>
          [1, 2, 3, 4].map((part) =>
            sizes.map((n) =>
              tensor(
                Float64Array.from({ length: n }, (_, i) => Math.sin(i * part) ** (part === 4 ? 2 : 1)),
                { dtype, device },
              ),
            ),
          ) as [Tensor[], Tensor[], Tensor[], Tensor[]];
        const [one, many] = [make(), make()];
        for (let step = 1; step <= 2; step++) {
          adamw(...one, { lr, weightDecay, step });
          sizes.forEach((_, k) => {
            const [p, g, m, v] = many.map((list) => [list[k]!]) as [Tensor[], Tensor[], Tensor[], Tensor[]];
            adamw(p, g, m, v, { lr: lr[k]!, weightDecay: weightDecay[k]!, step });
          });
        }
        expect(one.map((list) => list.map((t) => t.toArray()))).toEqual(
          many.map((list) => list.map((t) => t.toArray())),
        );
      }),
  );

  it('gradientScale is a clip without a pass over the gradients, which stay', () =>
    scope(() => {
      const make = (values: number[]) => tensor(values, { dtype: 'f64', device });
      const [p, q, g] = [make([1, 2]), make([1, 2]), make([3, 4])];
      const moments = () => [[make([0.5, 0.5])], [make([0.5, 0.25])]] as const;
      const scale = clipFactor(globalNorm([g]), 1);
      expect(scale).toBeCloseTo(0.2, 6);
      expect([clipFactor(0.5, 1), clipFactor(Number.NaN, 1)]).toEqual([1, 1]);
      adamw([p], [g], ...moments(), { lr: 0.1, step: 3, gradientScale: scale });
      expect(g.toArray()).toEqual([3, 4]);
      scale_([g], scale);
      adamw([q], [g], ...moments(), { lr: 0.1, step: 3 });
      p.numbers().forEach((x, i) => {
        expect(x).toBeCloseTo(q.numbers()[i]!, 14);
      });
    }));

  it('globalNorm and clipGradNorm span all tensors', () =>
    scope(() => {
      const a = tensor([3], { device, requiresGrad: true });
      const b = tensor([[4]], { device, requiresGrad: true });
      a.mul(a).mul(0.5).sum().backward();
      b.mul(b).mul(0.5).sum().backward();
      expect(globalNorm([a.grad!, b.grad!])).toBeCloseTo(5, 6);
      expect(clipGradNorm([a, b], 1)).toBeCloseTo(5, 6);
      expect(globalNorm([a.grad!, b.grad!])).toBeCloseTo(1, 5);
      scale_([a.grad!], 0);
      expect(a.grad!.item()).toBe(0);
    }));

  it('refuses lists that do not match and steps below one', () =>
    scope(() => {
      const p = zeros([2], { device });
      expect(() => adamw([p], [zeros([3], { device })], [p], [p], { lr: 1, step: 1 })).toThrow(TensorError);
      expect(() => adamw([p], [], [], [], { lr: 1, step: 1 })).toThrow(TensorError);
      expect(() => adamw([p], [p], [p], [p], { lr: 1, step: 0 })).toThrow(/count from 1/);
      expect(() => adamw([p], [p], [p], [p], { lr: [1, 1], step: 1 })).toThrow(/lr must be one number/);
      expect(() => adamw([p], [p], [p], [p], { lr: 1, weightDecay: [], step: 1 })).toThrow(
        /weightDecay must/,
      );
    }));
});
