import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Device, isRecording, memory, noGrad, ones, scope, type Tensor, tensor } from './index.js';
import { apply1, like, type OpDefinition } from './op.js';
import { refCount } from './storage.js';

const error = (code: string) => expect.objectContaining({ code });

describe.each(['ref', 'cpu'] as const)('backward on %s', (device: Device) => {
  const leaf = (values: number | number[]) => tensor(values, { device, requiresGrad: true });
  const alive = () => refCount.storages + memory().storages;
  let before = 0;
  beforeEach(() => {
    before = alive();
  });
  afterEach(() => {
    expect(alive()).toBe(before);
  });

  it('sums over every path of a diamond', () =>
    scope(() => {
      const x = leaf([2, 3]);
      const y = x.mul(x);
      const z = y.mul(2).add(y.mul(y));
      z.sum().backward();
      // z = 2 x^2 + x^4
      expect(x.grad!.toArray()).toEqual([4 * 2 + 4 * 8, 4 * 3 + 4 * 27]);
    }));

  it('visits each operation once: 2^40 paths take 40 steps', () =>
    scope(() => {
      const x = leaf(1);
      let y: Tensor = x.mul(1);
      for (let i = 0; i < 40; i++) y = y.add(y);
      y.backward();
      expect(x.grad!.item()).toBe(2 ** 40);
    }));

  it('adds to the gradient that is there', () =>
    scope(() => {
      const x = leaf([1, 2]);
      x.mul(3).sum().backward();
      x.mul(x).sum().backward();
      expect(x.grad!.toArray()).toEqual([5, 7]);
    }));

  it('refuses a second backward unless the graph was retained', () =>
    scope(() => {
      const x = leaf([1, 2]);
      const y = x.mul(x).sum();
      y.backward(undefined, { retainGraph: true });
      y.backward();
      expect(x.grad!.toArray()).toEqual([4, 8]);
      expect(() => y.backward()).toThrow(error('E_UNSUPPORTED'));
      expect(() => y.backward()).toThrow(/retainGraph/);
    }));

  it('takes a seed, and needs one for what is not a scalar', () =>
    scope(() => {
      const x = leaf([1, 2]);
      const y = x.mul(x);
      expect(() => y.backward()).toThrow(error('E_SHAPE'));
      expect(() => y.backward(ones([3], { device }))).toThrow(error('E_SHAPE'));
      y.backward(tensor([10, 100], { device }));
      expect(x.grad!.toArray()).toEqual([20, 400]);
    }));

  it('works when intermediate tensors were disposed of', () =>
    scope(() => {
      const x = leaf([1, 2]);
      const y = x.exp();
      const z = y.mul(y).log();
      const s = z.sum();
      y.dispose();
      z.dispose();
      s.backward();
      expect(x.grad!.numbers()[0]).toBeCloseTo(2, 5);
      expect(x.grad!.numbers()[1]).toBeCloseTo(2, 5);
    }));

  it('drops the gradient of a leaf that is gone', () =>
    scope(() => {
      const [x, y] = [leaf([1]), leaf([2])];
      const z = x.mul(y).sum();
      x.dispose();
      z.backward();
      expect(y.grad!.toArray()).toEqual([1]);
      expect(x.grad).toBe(null);
    }));

  it('gives each leaf a gradient of its own, dense, that may be changed in place', () =>
    scope(() => {
      const [a, b] = [leaf([1, 2]), leaf([3, 4])];
      const seed = tensor([5, 6], { device });
      a.add(b).backward(seed);
      a.grad!.fill_(0);
      expect(b.grad!.toArray()).toEqual([5, 6]);
      expect(seed.toArray()).toEqual([5, 6]);
      const c = leaf([1, 2, 3]);
      c.sum().backward();
      expect(c.grad!.isContiguous).toBe(true);
      const d = leaf([1, 2]);
      d.backward(seed);
      d.grad!.fill_(0);
      expect(seed.toArray()).toEqual([5, 6]);
    }));

  it('records nothing inside noGrad, not even after an error', () =>
    scope(() => {
      const x = leaf([1]);
      expect(noGrad(() => x.mul(2)).requiresGrad).toBe(false);
      expect(noGrad(() => noGrad(isRecording))).toBe(false);
      expect(() =>
        noGrad(() => {
          throw new Error('inside');
        }),
      ).toThrow('inside');
      expect(isRecording()).toBe(true);
      expect(() => noGrad(async () => 1)).toThrow(TypeError);
      expect(isRecording()).toBe(true);
      expect(() => x.detach().sum().backward()).toThrow(error('E_UNSUPPORTED'));
    }));

  it('refuses gradients of integers and of computed tensors', () =>
    scope(() => {
      expect(() => tensor([1], { dtype: 'i32', device, requiresGrad: true })).toThrow(error('E_DTYPE'));
      expect(() => leaf([1]).mul(2).setRequiresGrad()).toThrow(error('E_UNSUPPORTED'));
    }));

  it('goes through 50 000 operations in a row', () =>
    scope(() => {
      const x = leaf(0);
      const y = scope(() => {
        let t: Tensor = x;
        for (let i = 0; i < 50_000; i++) {
          const next = t.neg();
          if (t !== x) t.dispose();
          t = next;
        }
        return t;
      });
      y.backward();
      expect(x.grad!.item()).toBe(1);
    }));

  it('frees a deep graph whose backward is never called', () => {
    const storages = alive();
    scope(() => {
      const x = leaf([1, 2]);
      let y: Tensor = x;
      for (let i = 0; i < 20_000; i++) {
        const next = y.exp();
        if (y !== x) y.dispose();
        y = next;
      }
    });
    expect(alive()).toBe(storages);
  });

  it('frees what was saved as it goes', () =>
    scope(() => {
      const x = leaf([1, 2]);
      const y = scope(() => x.exp().exp().exp().sum());
      const during = alive();
      y.backward();
      // Three saved outputs went, one gradient came.
      expect(alive()).toBe(during - 3 + 1);
    }));

  it.each([
    ['layerNorm', (x: Tensor) => x.layerNorm(tensor([2, 3], { device }), tensor([1, -1], { device }))],
    ['rmsNorm', (x: Tensor) => x.rmsNorm(tensor([2, 3], { device }))],
  ])('does not keep what %s makes, but makes it anew', (_, norm) =>
    scope(() => {
      const weight = leaf([1, 2]).reshape([1, 2]);
      const x = leaf([3, 5, 1, -2]);
      const gradients = (pass: (y: Tensor) => Tensor, kept: boolean) => {
        const loss = scope(() => {
          const y = pass(norm(x.reshape([2, 2])));
          const z = y.linear(weight);
          const held = alive();
          y.dispose();
          expect(alive()).toBe(held - (kept ? 0 : 1));
          return z.mul(z).sum();
        });
        loss.backward(undefined, { retainGraph: true });
        loss.backward();
        const sum = x.grad!.numbers();
        x.grad!.dispose();
        x.grad = null;
        return sum;
      };
      expect(gradients((y) => y, false)).toEqual(gradients((y) => y.clone(), true));
    }),
  );

  it('makes nothing anew that no gradient reads: what a frozen weight multiplied', () =>
    scope(() => {
      let anew = 0;
      const same: OpDefinition = {
        name: 'same',
        infer: like,
        reference: ([x]) => [x!.data],
        run: ([x]) => [x!.mul(1)],
        saves: { inputs: [0] },
        recompute: (ctx) => {
          anew++;
          return ctx.input(0).mul(1);
        },
        grad: (_, [dy]) => [dy],
      };
      const x = leaf([3, 5, 1, -2]);
      const run = (weight: Tensor) => {
        anew = 0;
        apply1(same, [x.reshape([2, 2])], undefined)
          .linear(weight.reshape([1, 2]))
          .sum()
          .backward();
        return anew;
      };
      expect(run(tensor([1, 2], { device }))).toBe(0);
      expect(run(leaf([1, 2]))).toBe(1);
    }));
});
