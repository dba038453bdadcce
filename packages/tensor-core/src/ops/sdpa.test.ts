import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { scope, type Tensor, tensor, withMatmulPrecision, zeros } from '../index.js';
import { sdpa } from './index.js';
import type { AttentionOptions } from './sdpa.js';
import { status } from './testing/law.js';
import { input, laws, reals } from './testing/laws.js';

const cases = fc
  .record({
    B: fc.integer({ min: 1, max: 2 }),
    T: fc.integer({ min: 1, max: 9 }),
    S: fc.integer({ min: 1, max: 9 }),
    G: fc.integer({ min: 1, max: 2 }),
    repeat: fc.integer({ min: 1, max: 3 }),
    D: fc.constantFrom(1, 3, 8, 16, 33),
  })
  .chain(({ B, T, S, G, repeat, D }) => {
    const one = reals(-1, 1);
    return fc
      .record({
        causal: fc.boolean(),
        window: fc.option(fc.integer({ min: 1, max: 5 }), { nil: undefined }),
        documents: fc.boolean(),
        // Which axes of the bias are broadcast; null for no bias.
        bias: fc.option(fc.array(fc.boolean(), { minLength: 4, maxLength: 4 }), { nil: null }),
      })
      .chain(({ documents, bias, ...args }) =>
        fc.record({
          inputs: fc.tuple(
            input([B, T, G * repeat, D], one),
            input([B, S, G, D], one),
            input([B, S, G, D], one),
            ...(documents ? [input([B, S], fc.integer({ min: 0, max: 1 }), 'i32')] : []),
            ...(bias
              ? [
                  input(
                    [B, G * repeat, T, S].map((n, a) => (bias[a] ? 1 : n)),
                    one,
                  ),
                ]
              : []),
          ),
          args: fc.constant({ ...args, documents, bias: bias !== null }),
        }),
      );
  });

laws(sdpa, {
  cases,
  run: ([q, k, v, ...masks], { documents, bias, ...options }) =>
    sdpa(q!, k!, v!, {
      ...options,
      documents: documents ? masks[0] : undefined,
      bias: bias ? masks.at(-1) : undefined,
    }),
  tolerance: { f32: 2e-5, f16: 4e-3, bf16: 3e-2 },
  // With several queries an infinity in one key makes weights of infinity - infinity: implementations may differ in
  // which of NaN and infinity they return first.
  specials: false,
  values: [
    {
      name: 'equal scores average the values',
      run: (device) =>
        sdpa(
          zeros([1, 1, 1, 2], { device }),
          zeros([1, 2, 1, 2], { device }),
          tensor([[[[1, 2]], [[3, 6]]]], { device }),
        ),
      expected: [2, 4],
    },
    {
      name: 'a causal query that sees no key gives zeros',
      run: (device) =>
        sdpa(
          zeros([1, 2, 1, 1], { device }),
          zeros([1, 1, 1, 1], { device }),
          tensor([[[[5]]]], { device }),
          { causal: true },
        ),
      expected: [0, 5],
    },
    {
      name: 'a document sees nothing of the one before it',
      run: (device) =>
        sdpa(
          zeros([1, 3, 1, 1], { device }),
          zeros([1, 3, 1, 1], { device }),
          tensor([[[[1]], [[3]], [[5]]]], { device }),
          { documents: tensor([[4, 9, 9]], { dtype: 'i32', device }) },
        ),
      expected: [1, 4, 4],
    },
    {
      name: 'a bias of -Infinity hides a key, and a query with no other gets zeros',
      run: (device) =>
        sdpa(
          zeros([1, 2, 1, 1], { device }),
          zeros([1, 2, 1, 1], { device }),
          tensor([[[[1]], [[3]]]], { device }),
          {
            bias: tensor(
              [
                [
                  [
                    [Number.NEGATIVE_INFINITY, 0],
                    [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY],
                  ],
                ],
              ],
              { device },
            ),
          },
        ),
      expected: [3, 0],
    },
  ],
  errors: [
    {
      name: 'a window of no keys',
      run: () => sdpa(zeros([1, 1, 1, 4]), zeros([1, 1, 1, 4]), zeros([1, 1, 1, 4]), { window: 0 }),
      code: 'E_FORMAT',
    },
    {
      name: 'documents of another length',
      run: () =>
        sdpa(zeros([1, 2, 1, 4]), zeros([1, 2, 1, 4]), zeros([1, 2, 1, 4]), {
          documents: zeros([1, 3], { dtype: 'i32' }),
        }),
      code: 'E_SHAPE',
    },
    {
      name: 'documents that are no integers',
      run: () =>
        sdpa(zeros([1, 2, 1, 4]), zeros([1, 2, 1, 4]), zeros([1, 2, 1, 4]), { documents: zeros([1, 2]) }),
      code: 'E_DTYPE',
    },
    {
      name: 'a bias that does not broadcast',
      run: () =>
        sdpa(zeros([1, 2, 1, 4]), zeros([1, 2, 1, 4]), zeros([1, 2, 1, 4]), { bias: zeros([1, 1, 3, 2]) }),
      code: 'E_SHAPE',
    },
    {
      name: 'three axes',
      run: () => sdpa(zeros([1, 1, 1]), zeros([1, 1, 1]), zeros([1, 1, 1])),
      code: 'E_SHAPE',
    },
    {
      name: 'heads that no group count divides',
      run: () => sdpa(zeros([1, 1, 3, 4]), zeros([1, 1, 2, 4]), zeros([1, 1, 2, 4])),
      code: 'E_SHAPE',
    },
    {
      name: 'mixed dtypes',
      run: () => sdpa(zeros([1, 1, 1, 1]), zeros([1, 1, 1, 1], { dtype: 'f64' }), zeros([1, 1, 1, 1])),
      code: 'E_DTYPE',
    },
  ],
});

describe.skipIf(!status.cpu.present)('sdpa over many blocks of keys', () => {
  // Longer than a block of keys and of rows, and no multiple of either.
  const [B, T, H, G, D] = [2, 601, 2, 1, 40];
  const values = (n: number, step: number) =>
    Float32Array.from({ length: n }, (_, i) => ((i * step) % 59) / 29.5 - 1);
  const ids = Int32Array.from({ length: B * T }, (_, i) =>
    Math.floor(((i % T) * (1 + Math.floor(i / T))) / 170),
  );
  const run = (options: AttentionOptions) => {
    const q = tensor(values(B * T * H * D, 7), { shape: [B, T, H, D], requiresGrad: true });
    const k = tensor(values(B * T * G * D, 11), { shape: [B, T, G, D], requiresGrad: true });
    const v = tensor(values(B * T * G * D, 13), { shape: [B, T, G, D], requiresGrad: true });
    const y = sdpa(q, k, v, options);
    y.backward(tensor(values(y.size, 17), { shape: y.shape }));
    return [y, q.grad!, k.grad!, v.grad!].map((t) => t.numbers());
  };
  // The same masks as a bias of 0 and -Infinity, which skips nothing.
  const asBias = (sees: (b: number, t: number, s: number) => boolean) =>
    tensor(
      Float32Array.from({ length: B * T * T }, (_, i) =>
        sees(Math.floor(i / (T * T)), Math.floor(i / T) % T, i % T) ? 0 : Number.NEGATIVE_INFINITY,
      ),
      { shape: [B, 1, T, T] },
    );

  it.each([
    { name: 'a window', window: 100, documents: false, causal: true },
    { name: 'a window both ways', window: 130, documents: false, causal: false },
    { name: 'documents', window: undefined, documents: true, causal: true },
    { name: 'documents both ways, in windows', window: 90, documents: true, causal: false },
  ])('$name skips what a bias would hide', ({ window, documents, causal }) =>
    scope(() => {
      const skipped = run({
        causal,
        window,
        documents: documents ? tensor(ids, { shape: [B, T], dtype: 'i32' }) : undefined,
      });
      const hidden = run({
        bias: asBias(
          (b, t, s) =>
            (!causal || s <= t) &&
            (window === undefined || Math.abs(s - t) < window) &&
            (!documents || ids[b * T + t] === ids[b * T + s]),
        ),
      });
      skipped.forEach((x, i) => {
        let worst = 0;
        x.forEach((n, j) => {
          worst = Math.max(worst, Math.abs(n - hidden[i]![j]!));
        });
        expect(worst).toBeLessThan(2e-5);
      });
    }),
  );

  it.each([
    { name: 'all keys', options: {} },
    { name: 'causal', options: { causal: true } },
    { name: 'a window', options: { causal: true, window: 75 } },
  ])('$name in bf16 products is near what f32 gives', ({ options }) =>
    scope(() => {
      const exact = run(options);
      const rounded = withMatmulPrecision('bf16', () => run(options));
      exact.forEach((x, i) => {
        const scale = Math.max(...x.map(Math.abs));
        let worst = 0;
        x.forEach((n, j) => {
          worst = Math.max(worst, Math.abs(n - rounded[i]![j]!));
        });
        // Some products of 8 bits each, of a sum whose largest element is `scale`.
        expect(worst / scale).toBeLessThan(0.02);
      });
    }),
  );

  it('in bf16 products passes a hidden infinity by', () =>
    scope(() => {
      const v = tensor(new Float32Array(2 * 33), { shape: [1, 33, 1, 2] });
      v.slice(1, 32, 33).fill_(Number.POSITIVE_INFINITY);
      const [q, k] = [zeros([1, 33, 1, 2]), zeros([1, 33, 1, 2])];
      const y = withMatmulPrecision('bf16', () => sdpa(q, k, v, { causal: true })).numbers();
      expect([...y.slice(0, 64)]).toEqual(new Array(64).fill(0));
      expect(y[64]).toBe(Number.POSITIVE_INFINITY);
    }));
});

// A cache of keys longer than one part of it, with heads that share keys and widths that are not whole vectors.
describe.skipIf(!status.cpu.present)('sdpa of one query over a cache', () => {
  const [B, S] = [2, 1500];
  const values = (n: number, step: number) =>
    Float32Array.from({ length: n }, (_, i) => ((i * step) % 61) / 30.5 - 1);
  const shapes = [
    { H: 12, G: 3, D: 72 },
    { H: 3, G: 3, D: 37 },
    { H: 4, G: 2, D: 64 },
    { H: 17, G: 1, D: 8 },
  ];
  const dtypes = [
    { dtype: 'f64', tolerance: 1e-12 },
    { dtype: 'f32', tolerance: 2e-6 },
    { dtype: 'f16', tolerance: 1e-3 },
    { dtype: 'bf16', tolerance: 8e-3 },
  ] as const;

  it.each(shapes.flatMap((shape) => dtypes.map((d) => ({ ...shape, ...d }))))(
    '$H heads, $G key heads of $D, $dtype',
    ({ H, G, D, dtype, tolerance }) =>
      scope(() => {
        const q = tensor(values(B * H * D, 7), { shape: [B, 1, H, D] }).cast(dtype);
        // As a cache lies in memory, and with the heads outermost.
        const lying = tensor(values(B * S * G * D, 11), { shape: [B, S, G, D] }).cast(dtype);
        const heads = tensor(values(B * S * G * D, 11), { shape: [B, S, G, D] })
          .cast(dtype)
          .transpose(1, 2)
          .contiguous()
          .transpose(1, 2);
        const v = tensor(values(B * S * G * D, 13), { shape: [B, S, G, D] }).cast(dtype);
        const bias = tensor(values(H * S, 17), { shape: [1, H, 1, S] }).cast(dtype);
        const ids = Int32Array.from({ length: B * S }, (_, i) =>
          (i % S) * (1 + Math.floor(i / S)) > 400 ? 1 : 0,
        );
        const documents = tensor(ids, { shape: [B, S], dtype: 'i32' });
        const exact = (options: AttentionOptions) => {
          const [a, b, c] = [q, lying, v].map((t) => t.cast('f64').to({ device: 'ref' }));
          const masks = {
            ...options,
            bias: options.bias?.cast('f64').to({ device: 'ref' }),
            documents: options.documents?.to({ device: 'ref' }),
          };
          return sdpa(a!, b!, c!, masks).numbers();
        };
        for (const options of [
          {},
          { causal: true, window: 700 },
          { bias },
          { documents },
        ] as AttentionOptions[]) {
          const wanted = exact(options);
          for (const k of [lying, heads]) {
            const got = sdpa(q, k, v, options).numbers();
            const worst = got.reduce((most, x, i) => Math.max(most, Math.abs(x - wanted[i]!)), 0);
            expect(worst).toBeLessThan(tolerance);
          }
        }
      }),
  );
});

describe('the gradients of q, k and v', () => {
  const [B, T, H, G, D] = [2, 5, 4, 2, 8];
  const widths = [H * D, G * D, G * D];
  const row = (H + 2 * G) * D;
  const values = Float32Array.from({ length: B * T * row }, (_, i) => Math.sin(i * 1.7));
  const weight = Float32Array.from({ length: B * T * H * D }, (_, i) => Math.cos(i * 0.9));

  // The gradient of what q, k and v are parts of, after `part` of each.
  const gradient = (part: (t: Tensor) => Tensor, order: readonly [number, number, number]) =>
    scope(() => {
      const x = tensor(values, { shape: [B, T, row], requiresGrad: true });
      const parts = x.split(
        order.map((i) => widths[i]!),
        -1,
      );
      const [q, k, v] = [0, 1, 2].map((i) =>
        part(parts[order.indexOf(i)]!).reshape([B, T, i === 0 ? H : G, D]),
      ) as [Tensor, Tensor, Tensor];
      sdpa(q, k, v, { causal: true })
        .mul(tensor(weight, { shape: [B, T, H, D] }))
        .sum()
        .backward();
      return x.grad!.numbers();
    });

  it.skipIf(!status.cpu.present)('are the same together as apart', () => {
    expect(gradient((t) => t, [0, 1, 2])).toEqual(gradient((t) => t.clone(), [0, 1, 2]));
    // Parts in another order lie otherwise in memory than their gradients.
    expect(gradient((t) => t, [1, 0, 2])).toEqual(gradient((t) => t.clone(), [1, 0, 2]));
  });
});
