import { DTYPES, requireFloat, statisticsDType } from '../dtype.js';
import { TensorError } from '../errors.js';
import { toDense, toRows } from '../layout.js';
import { apply, describe, type OpDefinition, operation, type RefArray } from '../op.js';
import { Kernel } from '../runtime.js';
import type { Tensor } from '../tensor.js';

interface AttentionAttrs {
  causal: boolean;
  scale: number;
}

const forwardKernel = new Kernel('sdpa', 'i:causal;d:scale;');
const gradKernel = new Kernel('sdpa_grad', 'i:causal;d:scale;');

interface Sizes {
  B: number;
  T: number;
  S: number;
  H: number;
  G: number;
  D: number;
}

const sizes = (q: { shape: readonly number[] }, k: { shape: readonly number[] }): Sizes => {
  const [B, T, H, D] = q.shape as [number, number, number, number];
  return { B, T, H, D, S: k.shape[1]!, G: k.shape[2]! };
};

// Calls f with every query (offset of its first element, of its row in lse) and the offsets of the keys it sees.
function eachQuery(
  { B, T, S, H, G, D }: Sizes,
  causal: boolean,
  f: (q: number, lse: number, keys: number[]) => void,
): void {
  for (let b = 0; b < B; b++)
    for (let h = 0; h < H; h++)
      for (let t = 0; t < T; t++) {
        const group = Math.floor(h / (H / G));
        const visible = causal ? Math.max(0, Math.min(S, t + S - T + 1)) : S;
        const keys = Array.from({ length: visible }, (_, s) => ((b * S + s) * G + group) * D);
        f(((b * T + t) * H + h) * D, (b * H + h) * T + t, keys);
      }
}

const dot = (a: RefArray, i: number, b: RefArray, j: number, n: number): number => {
  let total = 0;
  for (let c = 0; c < n; c++) total += a.data[i + c]! * b.data[j + c]!;
  return total;
};

const gradient: OpDefinition<AttentionAttrs> = {
  name: 'sdpaGrad',
  infer: ([q, k, v]) => [q!, k!, v!],
  reference([q, k, v, y, lse, dy], { causal, scale }) {
    const s = sizes(q!, k!);
    const [dq, dk, dv] = [q!, k!, v!].map((x) => new Float64Array(x.data.length)) as [
      Float64Array,
      Float64Array,
      Float64Array,
    ];
    eachQuery(s, causal, (i, row, keys) => {
      const delta = dot(y!, i, dy!, i, s.D);
      for (const j of keys) {
        const p = Math.exp(scale * dot(q!, i, k!, j, s.D) - lse!.data[row]!);
        const ds = p * (dot(dy!, i, v!, j, s.D) - delta) * scale;
        for (let c = 0; c < s.D; c++) {
          dq[i + c]! += ds * k!.data[j + c]!;
          dk[j + c]! += ds * q!.data[i + c]!;
          dv[j + c]! += p * dy!.data[i + c]!;
        }
      }
    });
    return [dq, dk, dv];
  },
  native: ([q, k, v, y, lse, dy], { causal, scale }) => ({
    kernel: gradKernel,
    inputs: [toRows(q!), toRows(k!), toRows(v!), toDense(y!), toDense(lse!), toRows(dy!)],
    attrs: [causal ? 1 : 0, scale],
  }),
};

const definition: OpDefinition<AttentionAttrs> = {
  name: 'sdpa',
  infer([q, k, v]) {
    requireFloat('sdpa', q!.dtype, 'q');
    if (q!.dtype !== k!.dtype || q!.dtype !== v!.dtype)
      throw new TensorError(
        'E_DTYPE',
        'sdpa',
        'q, k and v must have one dtype',
        describe(q!, k!, v!),
        'cast them',
      );
    const fits =
      q!.rank === 4 &&
      k!.rank === 4 &&
      v!.rank === 4 &&
      k!.shape.every((n, a) => n === v!.shape[a]) &&
      q!.shape[0] === k!.shape[0] &&
      q!.shape[3] === k!.shape[3] &&
      k!.shape[2]! > 0 &&
      q!.shape[2]! % k!.shape[2]! === 0;
    if (!fits)
      throw new TensorError(
        'E_SHAPE',
        'sdpa',
        'q must be [B, T, H, D], k and v [B, S, G, D], H a multiple of G',
        describe(q!, k!, v!),
      );
    const [B, T, H] = q!.shape as [number, number, number];
    return [q!, { shape: [B, H, T], dtype: statisticsDType(q!.dtype) }];
  },
  reference([q, k, v], { causal, scale }) {
    const s = sizes(q!, k!);
    const y = new Float64Array(q!.data.length);
    const lse = new Float64Array(s.B * s.H * s.T).fill(Number.NEGATIVE_INFINITY);
    eachQuery(s, causal, (i, row, keys) => {
      if (keys.length === 0) return;
      const scores = keys.map((j) => scale * dot(q!, i, k!, j, s.D));
      const max = Math.max(...scores);
      const e = scores.map((x) => Math.exp(x - max));
      const total = e.reduce((a, b) => a + b, 0);
      lse[row] = max + Math.log(total);
      keys.forEach((j, n) => {
        for (let c = 0; c < s.D; c++) y[i + c]! += (e[n]! / total) * v!.data[j + c]!;
      });
    });
    return [y, lse];
  },
  native: ([q, k, v], { causal, scale }) => ({
    kernel: forwardKernel,
    inputs: [toRows(q!), toRows(k!), toRows(v!)],
    attrs: [causal ? 1 : 0, scale],
  }),
  saves: { inputs: [0, 1, 2], outputs: [0, 1] },
  grad: (ctx, [dy]) =>
    apply(gradient, [ctx.input(0), ctx.input(1), ctx.input(2), ctx.output(0), ctx.output(1), dy], ctx.attrs),
  cost([q, k], { causal }) {
    const { B, T, S, H, D } = sizes(q!, k!);
    return {
      flops: (4 * B * H * T * S * D) / (causal ? 2 : 1),
      bytes: (2 * q!.size + 2 * k!.size) * DTYPES[q!.dtype].bytes,
    };
  },
};

/** Options of {@link sdpa}. */
export interface AttentionOptions {
  /** Position t sees keys up to t + S - T only: the last query sees them all. Default false. */
  causal?: boolean;
  /** What scores are multiplied with. Default 1 / sqrt(D). */
  scale?: number;
}

/**
 * Scaled dot-product attention, y = softmax(scale * q k^T) v for each head, computed tile by tile so that no T x S
 * matrix exists in memory.
 *
 * Vaswani et al., Attention Is All You Need, 2017, equation 1; Dao, FlashAttention-2, 2023, algorithms 1 and 2.
 *
 * @param q float, [B, T, H, D]; any strides
 * @param k [B, S, G, D], H a multiple of G: heads share keys in groups
 * @param v [B, S, G, D]
 * @returns [B, T, H, D]; zeros for a query that sees no key
 * @throws TensorError E_SHAPE, E_DTYPE
 * @example
 * sdpa(q, k, v, { causal: true });
 */
export const sdpa = operation(
  definition,
  (q: Tensor, k: Tensor, v: Tensor, options: AttentionOptions = {}): Tensor => {
    q.assertAlive('sdpa');
    const { causal = false, scale = 1 / Math.sqrt(q.shape.at(-1) ?? 1) } = options;
    return apply(definition, [q, k, v], { causal, scale })[0]!;
  },
);
