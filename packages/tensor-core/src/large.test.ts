// Results beyond the size at which kernels write past the caches (16 MB) equal those of their pieces, bit for bit.
import { describe, expect, it } from 'vitest';
import { concat, deviceStatus, Generator, randn, scope, type Tensor } from './index.js';

const rows = 1100;
const columns = 4097; // 18 MB, every row at another distance from a cache line
const cut = 401;

const pieces = (t: Tensor) => [t.slice(0, 0, cut), t.slice(0, cut, rows)];

function gradient(f: (x: Tensor) => Tensor, x: Tensor, dy: Tensor): Tensor {
  const leaf = x.clone().setRequiresGrad();
  f(leaf).backward(dy.contiguous());
  return leaf.grad!;
}

const cases: Record<string, (x: Tensor, y: Tensor) => Tensor> = {
  add: (x, y) => x.add(y),
  'add of a column': (x, y) => x.add(y.slice(1, 0, 1)),
  'the gradient of silu': (x, y) => gradient((t) => t.silu(), x, y),
  'the gradient of softmax': (x, y) => gradient((t) => t.softmax(), x, y),
};

describe.skipIf(!deviceStatus().cpu.present)('large results', () => {
  it.each(Object.entries(cases))('%s', (_, f) => {
    scope(() => {
      const generator = new Generator(3);
      const [x, y] = [randn([rows, columns], { generator }), randn([rows, columns], { generator })];
      const whole = f(x, y);
      const [xs, ys] = [pieces(x), pieces(y)];
      const joined = concat([f(xs[0]!, ys[0]!), f(xs[1]!, ys[1]!)], 0);
      expect(whole.shape).toEqual([rows, columns]);
      expect(whole.ne(joined).cast('i32').sum().item()).toBe(0);
    });
  });
});
