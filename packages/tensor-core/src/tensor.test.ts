import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  arange,
  type Device,
  type DType,
  deviceStatus,
  full,
  memory,
  type NestedNumbers,
  ones,
  resetPeakMemory,
  scope,
  setMemoryLimit,
  tensor,
  trimMemory,
  zeros,
} from './index.js';
import { refCount } from './storage.js';

const error = (code: string) => expect.objectContaining({ code });
const alive = () => refCount.storages + memory().storages;
let before = 0;
beforeEach(() => {
  before = alive();
});
afterEach(() => {
  expect(alive()).toBe(before);
});

describe.each(['ref', 'cpu'] as const)('a tensor on %s', (device: Device) => {
  it('holds what it was made of', () => {
    const nested = fc
      .array(fc.integer({ min: 0, max: 3 }), { maxLength: 3 })
      .chain((shape) =>
        shape.reduceRight<fc.Arbitrary<NestedNumbers>>(
          (inner, n) => fc.array(inner, { minLength: n, maxLength: n }),
          fc.integer({ min: -100, max: 100 }),
        ),
      );
    fc.assert(
      fc.property(nested, fc.constantFrom<DType>('f32', 'f64', 'bf16', 'f16', 'i32'), (values, dtype) =>
        scope(() => {
          expect(tensor(values, { dtype, device }).toArray()).toEqual(values);
        }),
      ),
    );
  });

  it('is made from typed arrays of any kind, by shape', () =>
    scope(() => {
      expect(tensor(Int32Array.of(1, 2, 3, 4), { shape: [2, 2], device }).toArray()).toEqual([
        [1, 2],
        [3, 4],
      ]);
      expect(tensor(Float64Array.of(0.1), { dtype: 'f64', device }).item()).toBe(0.1);
      expect([...tensor([1, -2], { dtype: 'bf16', device }).dataSync()]).toEqual([0x3f80, 0xc000]);
    }));

  it('has the usual constructors', () =>
    scope(() => {
      expect(zeros([2], { device }).toArray()).toEqual([0, 0]);
      expect(ones([2], { device, dtype: 'bf16' }).toArray()).toEqual([1, 1]);
      expect(full([1, 2], -3, { device, dtype: 'i32' }).toArray()).toEqual([[-3, -3]]);
      expect(arange(0, 10, 3, { device }).toArray()).toEqual([0, 3, 6, 9]);
      expect(arange(1, 0, -0.5, { device }).toArray()).toEqual([1, 0.5]);
      expect(() => arange(0, 1, 0, { device })).toThrow(error('E_SHAPE'));
    }));

  it.each<[string, () => unknown, string]>([
    ['ragged rows', () => tensor([[1, 2], [3]], { device }), 'E_SHAPE'],
    ['uneven depth', () => tensor([[1], 2] as never, { device }), 'E_SHAPE'],
    ['text', () => tensor(['a'] as never, { device }), 'E_DTYPE'],
    ['a shape of another size', () => tensor(new Float32Array(3), { shape: [2], device }), 'E_SHAPE'],
    ['a negative size', () => zeros([-1], { device }), 'E_SHAPE'],
    ['an unknown dtype', () => zeros([1], { dtype: 'f8' as DType, device }), 'E_DTYPE'],
  ])('refuses %s', (_, make, code) => {
    expect(make).toThrow(error(code));
  });

  it('reads one number, or all of them', async () => {
    const x = tensor([[1, 2]], { device });
    expect(() => x.item()).toThrow(error('E_SHAPE'));
    expect(await x.data()).toEqual(Float32Array.of(1, 2));
    expect(scope(() => tensor(7, { device }).item())).toBe(7);
    x.dispose();
  });

  it('views share its memory, and keep it alive', () =>
    scope(() => {
      const x = tensor([1, 2, 3, 4], { device });
      const view = x.reshape([2, 2]).transpose(0, 1);
      x.fill_(5);
      expect(view.toArray()).toEqual([
        [5, 5],
        [5, 5],
      ]);
      const row = view.select(0, 1);
      x.dispose();
      view.dispose();
      expect(row.toArray()).toEqual([5, 5]);
    }));

  it('copy_ converts dtypes, strides and devices', () =>
    scope(() => {
      const x = zeros([2, 2], { device });
      const source = tensor(
        [
          [1, 2],
          [3, 4],
        ],
        { dtype: 'i32', device: device === 'ref' ? 'cpu' : 'ref' },
      );
      x.transpose(0, 1).copy_(source);
      expect(x.toArray()).toEqual([
        [1, 3],
        [2, 4],
      ]);
      expect(() => x.copy_(zeros([4], { device }))).toThrow(error('E_SHAPE'));
    }));

  it('write_ takes raw elements of its dtype', () =>
    scope(() => {
      const x = zeros([2], { dtype: 'f16', device });
      x.write_(Uint16Array.of(0x3c00, 0xbc00));
      expect(x.toArray()).toEqual([1, -1]);
      expect(() => x.write_(Float32Array.of(1, 2))).toThrow(error('E_SHAPE'));
      expect(() => x.write_(Uint16Array.of(1))).toThrow(error('E_SHAPE'));
      const strided = zeros([2, 2], { device }).transpose(0, 1);
      expect(() => strided.write_(new Float32Array(4))).toThrow(error('E_UNSUPPORTED'));
    }));

  it('refuses every use after dispose, which may be repeated', () => {
    const x = tensor([1, 2], { device });
    x.dispose();
    x.dispose();
    x[Symbol.dispose]();
    const uses = [
      () => x.dataSync(),
      () => x.item(),
      () => x.toArray(),
      () => x.add(1),
      () => x.sum(),
      () => x.reshape([2]),
      () => x.detach(),
      () => x.fill_(0),
      () => x.write_(new Float32Array(2)),
      () => x.copy_(x),
      () => x.backward(),
    ];
    for (const use of uses) expect(use, String(use)).toThrow(error('E_DISPOSED'));
    expect(String(x)).toContain('disposed');
  });

  it('frees its memory with `using`', () => {
    const storages = alive();
    {
      using x = zeros([8], { device });
      expect(x.size).toBe(8);
      expect(alive()).toBe(storages + 1);
    }
    expect(alive()).toBe(storages);
  });
});

describe('devices', () => {
  it('refuses an unknown one', () => {
    expect(() => zeros([1], { device: 'tpu' as Device })).toThrow(error('E_DEVICE'));
  });

  it.runIf(!deviceStatus().cuda.present)('says why cuda is not there', () => {
    expect(() => zeros([1], { device: 'cuda' })).toThrow(error('E_DEVICE'));
    expect(() => zeros([1], { device: 'cuda' })).toThrow(deviceStatus().cuda.reason);
  });

  it('does not mix them', () =>
    scope(() => {
      expect(() => tensor([1], { device: 'ref' }).add(tensor([1]))).toThrow(error('E_DEVICE'));
    }));
});

describe('memory', () => {
  it('counts live bytes, and remembers their peak', () => {
    resetPeakMemory();
    const { live, storages } = memory();
    const x = zeros([1 << 18]);
    expect(memory().live - live).toBeGreaterThanOrEqual(1 << 20);
    expect(memory().storages).toBe(storages + 1);
    x.dispose();
    expect(memory().live).toBe(live);
    expect(memory().peak - live).toBeGreaterThanOrEqual(1 << 20);
    trimMemory();
    expect(memory().pooled).toBe(0);
  });

  it('a cap gives E_OOM where memory is taken, and the process lives', () => {
    trimMemory();
    const x = zeros([1 << 18]);
    setMemoryLimit(memory().live + (1 << 19));
    try {
      expect(() => zeros([1 << 18])).toThrow(error('E_OOM'));
      expect(() => x.neg()).toThrow(error('E_OOM'));
      expect(() => scope(() => x.to({ device: 'ref' }).to({ device: 'cpu' }))).toThrow(error('E_OOM'));
      expect(scope(() => x.sum().item())).toBe(0);
    } finally {
      setMemoryLimit(2 ** 34);
    }
    expect(scope(() => x.neg().shape)).toEqual([1 << 18]);
    x.dispose();
  });
});
