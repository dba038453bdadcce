import { describe, expect, it } from 'vitest';
import {
  adamw,
  type Device,
  type DType,
  linear,
  matmulInt8,
  memory,
  noGrad,
  type PackedWeight,
  packWeight,
  scale_,
  scope,
  type Tensor,
  TensorError,
  tensor,
  withMatmulPrecision,
  zeros,
} from './index.js';
import { status } from './ops/testing/law.js';
import { laws, reals } from './ops/testing/laws.js';
import { linearCases } from './ops/testing/products.js';

const values = (size: number, step: number) =>
  Float64Array.from({ length: size }, (_, i) => ((i * step) % 41) / 20 - 1);
const draw = (shape: number[], step: number, device: Device, dtype: DType = 'f32') =>
  tensor(
    values(
      shape.reduce((a, b) => a * b, 1),
      step,
    ),
    { shape, device, dtype },
  );
const bits = (t: Tensor) => Buffer.from(t.dataSync().buffer).toString('hex');

// linear under its own laws, with a weight that was packed.
laws(linear, {
  sums: true,
  differentiable: false,
  cases: linearCases(0, reals(-1, 1)),
  run: ([x, w, ...rest], { bias, residual, ...activations }) => {
    using packed = packWeight(w!);
    return linear(x!, packed, bias ? rest[0]! : null, {
      ...activations,
      ...(residual ? { residual: rest.at(-1)! } : {}),
    });
  },
  tolerance: { f32: 3e-5, f16: 4e-3 },
  errors: [
    { name: 'to pack a vector', run: () => packWeight(zeros([4])), code: 'E_SHAPE' },
    { name: 'to pack integers', run: () => packWeight(zeros([2, 2], { dtype: 'i32' })), code: 'E_DTYPE' },
    {
      name: 'a packed weight of another width',
      run: () => {
        using packed = packWeight(zeros([4, 2]));
        return linear(zeros([2, 3]), packed);
      },
      code: 'E_SHAPE',
    },
    {
      name: 'a packed weight of another dtype',
      run: () => {
        using packed = packWeight(zeros([4, 3], { dtype: 'f64' }));
        return linear(zeros([2, 3]), packed);
      },
      code: 'E_DTYPE',
    },
  ],
});

describe.skipIf(!status.cpu.present)('a packed weight', () => {
  const dtypes: readonly DType[] = ['f32', 'f64', 'bf16', 'f16'];
  // Rows that share the second operand and rows that are shared, several passes over k, edges on every side.
  const sizes = [
    [9, 70, 150],
    [16, 1100, 70],
    [64, 2500, 33],
    [150, 1100, 70],
    [70, 1, 70],
    [20, 31, 1],
  ] as const;
  it.each(dtypes.flatMap((dtype) => sizes.map(([m, k, n]) => ({ dtype, m, k, n }))))(
    'gives the bits of the weight itself: $dtype $m x $k x $n',
    ({ dtype, m, k, n }) =>
      scope(() => {
        const [x, b, r] = [
          draw([m, k], 7, 'cpu', dtype),
          draw([n], 3, 'cpu', dtype),
          draw([m, n], 5, 'cpu', dtype),
        ];
        const across = draw([k, n], 11, 'cpu', dtype).transpose(0, 1);
        for (const w of [across, across.contiguous()])
          for (const precision of ['f32', 'bf16'] as const)
            withMatmulPrecision(precision, () => {
              using packed = packWeight(w);
              const options = { inputActivation: 'silu', activation: 'gelu', residual: r } as const;
              expect(bits(linear(x, packed, b, options))).toBe(bits(linear(x, w, b, options)));
              expect(bits(linear(x, packed))).toBe(bits(linear(x, w)));
            });
      }),
  );

  it.each(sizes)('gives the sums of bytes that the weight itself gives: %i x %i x %i', (m, k, n) =>
    scope(() => {
      const bytes = (shape: number[], step: number) => draw(shape, step, 'cpu').mul(127).cast('i8');
      const x = bytes([m, k], 7);
      const scales = [draw([m], 3, 'cpu'), draw([n], 5, 'cpu')] as const;
      const across = bytes([k, n], 11).transpose(0, 1);
      for (const w of [across, across.contiguous()]) {
        using packed = packWeight(w);
        const b = w.transpose(0, 1);
        for (const rows of [1, 8, m].map((r) => x.slice(0, 0, r)))
          expect(bits(matmulInt8(rows, packed))).toBe(bits(matmulInt8(rows, b)));
        expect(bits(matmulInt8(x, packed, ...scales))).toBe(bits(matmulInt8(x, b, ...scales)));
      }
    }),
  );

  it.each(['f32', 'bf16'] as const)(
    'gives a row the same bits whatever other rows there are: %s',
    (precision) =>
      scope(() =>
        withMatmulPrecision(precision, () => {
          const [x, w] = [draw([70, 300], 7, 'cpu'), draw([50, 300], 11, 'cpu')];
          using packed = packWeight(w);
          const all = linear(x, packed);
          for (const m of [1, 2, 3, 8, 9, 14, 15, 64])
            expect(bits(linear(x.slice(0, 0, m), packed))).toBe(bits(all.slice(0, 0, m)));
        }),
      ),
  );

  it('counts in memory until it is disposed of, once', () =>
    scope(() => {
      const w = zeros([512, 640]);
      const before = memory();
      const packed = packWeight(w);
      expect(packed.bytes).toBe(512 * 640 * 4);
      expect(memory().live - before.live).toBeGreaterThanOrEqual(packed.bytes);
      expect(memory().storages).toBe(before.storages + 1);
      packed.dispose();
      packed.dispose();
      expect([packed.disposed, packed.bytes]).toEqual([true, 0]);
      expect(memory().live).toBe(before.live);
      expect(w.disposed).toBe(false);
    }));
});

describe.each(['ref', 'cpu'] as Device[])('a packed weight on %s', (device) => {
  if (!status[device].present) {
    it.skip(`skipped: no device ${device} (${status[device].reason})`, () => undefined);
    return;
  }
  const refused = (f: () => unknown, code: string, message: RegExp) => {
    let thrown: unknown;
    try {
      f();
    } catch (e) {
      thrown = e;
    }
    expect(thrown).toBeInstanceOf(TensorError);
    expect((thrown as TensorError).code).toBe(code);
    expect((thrown as TensorError).message).toMatch(message);
  };

  const writes: [string, (w: Tensor) => unknown][] = [
    ['copy_', (w) => w.copy_(draw([5, 6], 3, device))],
    ['copy_ from another device', (w) => w.copy_(draw([5, 6], 3, device === 'ref' ? 'cpu' : 'ref'))],
    ['copy_ into a view', (w) => w.slice(0, 1, 2).copy_(draw([1, 6], 3, device))],
    ['write_', (w) => w.write_(new Float32Array(30))],
    ['fill_', (w) => w.fill_(2)],
    ['scale_', (w) => scale_([w], 2)],
    [
      'adamw',
      (w) => {
        const like = () => zeros([5, 6], { device });
        adamw([w], [like()], [like()], [like()], { lr: 1, step: 1 });
      },
    ],
  ];
  it.each(writes.filter(([name]) => name !== 'copy_ from another device' || status.cpu.present))(
    'is refused once %s has changed the weight, until it is refreshed',
    (_, write) =>
      scope(() => {
        const [x, w] = [draw([9, 6], 7, device), draw([5, 6], 11, device)];
        using packed = packWeight(w);
        expect(packed.stale).toBe(false);
        const before = bits(linear(x, packed));
        expect(bits(linear(x, packed))).toBe(before);
        write(w);
        expect(packed.stale).toBe(true);
        refused(() => linear(x, packed), 'E_UNSUPPORTED', /must not have changed.*refresh/);
        packed.refresh();
        const after = bits(linear(x, packed));
        expect(after).toBe(bits(linear(x, w)));
        expect(after).not.toBe(before);
      }),
  );

  it('of bytes is for products of bytes, and refused once it is stale', () =>
    scope(() => {
      const x = draw([9, 6], 7, device).mul(9).cast('i8');
      const w = draw([5, 6], 11, device).mul(9).cast('i8');
      using packed = packWeight(w);
      const product = () => matmulInt8(x, packed).toArray();
      expect(product()).toEqual(matmulInt8(x, w.transpose(0, 1)).toArray());
      refused(() => linear(x.cast('f32'), packed), 'E_DTYPE', /one dtype/);
      refused(() => matmulInt8(x.slice(1, 0, 5), packed), 'E_SHAPE', /\[K, N\]/);
      using floats = packWeight(w.cast('f32'));
      refused(() => matmulInt8(x, floats), 'E_DTYPE', /must be i8/);
      w.fill_(1);
      refused(product, 'E_UNSUPPORTED', /must not have changed/);
    }));

  it('is refused in another precision than it was packed for', () =>
    scope(() => {
      const [x, w] = [draw([9, 6], 7, device), draw([5, 6], 11, device)];
      using packed = packWeight(w);
      withMatmulPrecision('bf16', () => {
        refused(() => linear(x, packed), 'E_UNSUPPORTED', /packed for products in bf16/);
        packed.refresh();
        expect(packed.precision).toBe('bf16');
        expect(bits(linear(x, packed))).toBe(bits(linear(x, w)));
      });
      refused(() => linear(x, packed), 'E_UNSUPPORTED', /packed for products in f32/);
      // Weights of 16 bits multiply in one way alone.
      const [half, narrow] = [draw([9, 6], 7, device, 'bf16'), draw([5, 6], 11, device, 'bf16')];
      using other = packWeight(narrow);
      withMatmulPrecision('bf16', () => expect(linear(half, other).shape).toEqual([9, 5]));
    }));

  it('is refused after it, or its weight, was disposed of', () =>
    scope(() => {
      const x = draw([9, 6], 7, device);
      const packed: PackedWeight = packWeight(draw([5, 6], 11, device));
      packed.dispose();
      refused(() => linear(x, packed), 'E_DISPOSED', /pack the weight again/);
      refused(() => packed.refresh(), 'E_DISPOSED', /disposed pack/);
      const w = draw([5, 6], 11, device);
      using orphan = packWeight(w);
      w.dispose();
      expect(orphan.stale).toBe(true);
      refused(() => linear(x, orphan), 'E_DISPOSED', /must be alive/);
      refused(() => orphan.refresh(), 'E_DISPOSED', /must be alive/);
    }));

  it('is refused where a gradient would be recorded', () =>
    scope(() => {
      const [x, w] = [draw([9, 6], 7, device), draw([5, 6], 11, device).setRequiresGrad()];
      using packed = packWeight(w);
      refused(() => linear(x, packed), 'E_UNSUPPORTED', /no gradient.*noGrad/);
      const y = noGrad(() => linear(x, packed));
      expect(y.requiresGrad).toBe(false);
      w.setRequiresGrad(false);
      refused(() => linear(x.setRequiresGrad(), packed), 'E_UNSUPPORTED', /no gradient/);
    }));
});
