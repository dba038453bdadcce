import { DTYPES, requireFloat, statisticsDType } from '../dtype.js';
import { TensorError } from '../errors.js';
import { broadcastView, toDense, toRows } from '../layout.js';
import { apply, describe, type OpDefinition, operation, type RefArray, releaseTemporaries } from '../op.js';
import { type MatmulPrecision, matmulPrecision } from '../precision.js';
import { Kernel, launchInto, type OutputSpec, type View } from '../runtime.js';
import { broadcastStrides, denseStrides, sameShape } from '../shape.js';
import { empty, Tensor } from '../tensor.js';
import { cast } from './cast.js';
import { sumTo } from './elementwise.js';

interface AttentionAttrs {
  causal: boolean;
  /** 0 for none. */
  window: number;
  documents: boolean;
  bias: boolean;
  precision: MatmulPrecision;
  scale: number;
}

const forwardKernel = new Kernel('sdpa', 'i:causal;i:window;i:documents;i:bias;i:bf16;d:scale;');
const gradKernel = new Kernel('sdpa_grad', 'i:causal;i:window;i:documents;i:bias;i:bf16;d:scale;');
const kernelAttrs = ({ causal, window, documents, bias, precision, scale }: AttentionAttrs) => [
  causal ? 1 : 0,
  window,
  documents ? 1 : 0,
  bias ? 1 : 0,
  precision === 'bf16' ? 1 : 0,
  scale,
];

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

// A key that a query sees: the offset of its row, its position in the query's row of scores, and its bias's offset.
interface SeenKey {
  row: number;
  score: number;
  bias: number;
}

// Documents and bias follow the other inputs, each if it is there.
function masksOf<X>(inputs: readonly X[], from: number, attrs: AttentionAttrs) {
  const documents = attrs.documents ? inputs[from] : undefined;
  const bias = attrs.bias ? inputs[from + (attrs.documents ? 1 : 0)] : undefined;
  return { documents, bias };
}

// The start of each position's document: where the id changes, the next one begins.
function documentStarts(ids: ArrayLike<number>, S: number): number[] {
  let start = 0;
  return Array.from({ length: S }, (_, s) => {
    if (s > 0 && ids[s] !== ids[s - 1]) start = s;
    return start;
  });
}

// Calls f with every query (offset of its first element, of its row in lse) and the keys it sees.
function eachQuery(
  { B, T, S, H, G, D }: Sizes,
  attrs: AttentionAttrs,
  masks: { documents?: RefArray; bias?: RefArray },
  f: (q: number, lse: number, keys: SeenKey[]) => void,
): void {
  const { causal, window } = attrs;
  const biasStrides = masks.bias
    ? broadcastStrides(masks.bias.shape, denseStrides(masks.bias.shape), [B, H, T, S])
    : [0, 0, 0, 0];
  for (let b = 0; b < B; b++) {
    const starts = masks.documents
      ? documentStarts(masks.documents.data.subarray(b * S, (b + 1) * S), S)
      : null;
    for (let h = 0; h < H; h++)
      for (let t = 0; t < T; t++) {
        const group = Math.floor(h / (H / G));
        const at = t + S - T;
        const keys: SeenKey[] = [];
        for (let s = 0; s < S; s++) {
          if (causal && s > at) continue;
          if (window > 0 && Math.abs(at - s) >= window) continue;
          if (starts && (at < 0 || starts[s] !== starts[at])) continue;
          keys.push({
            row: ((b * S + s) * G + group) * D,
            score: ((b * H + h) * T + t) * S + s,
            bias: [b, h, t, s].reduce((n, i, a) => n + i * biasStrides[a]!, 0),
          });
        }
        f(((b * T + t) * H + h) * D, (b * H + h) * T + t, keys);
      }
  }
}

const dot = (a: RefArray, i: number, b: RefArray, j: number, n: number): number => {
  let total = 0;
  for (let c = 0; c < n; c++) total += a.data[i + c]! * b.data[j + c]!;
  return total;
};

// The bias as the kernel reads it: [B, H, T, S] by strides of 0, its last axis in memory.
function biasView(bias: View, { B, H, T, S }: Sizes): View {
  const wide = broadcastView(bias, [...bias.shape.slice(0, -1), S]);
  const rows = toRows(wide.strides.at(-1) === 0 && S > 1 ? toDense(wide) : wide);
  return broadcastView(rows, [B, H, T, S]);
}

const maskViews = ({ documents, bias }: { documents?: Tensor; bias?: Tensor }, s: Sizes): readonly View[] => [
  ...(documents ? [toDense(documents)] : []),
  ...(bias ? [biasView(bias, s)] : []),
];

const gradient: OpDefinition<AttentionAttrs & { scores: boolean }> = {
  name: 'sdpaGrad',
  infer([q, k, v], { scores }) {
    const { B, T, S, H } = sizes(q!, k!);
    return [q!, k!, v!, ...(scores ? [{ shape: [B, H, T, S], dtype: statisticsDType(q!.dtype) }] : [])];
  },
  reference(inputs, attrs) {
    const [q, k, v, y, lse, dy] = inputs;
    const s = sizes(q!, k!);
    const masks = masksOf(inputs, 6, attrs);
    const [dq, dk, dv] = [q!, k!, v!].map((x) => new Float64Array(x.data.length)) as [
      Float64Array,
      Float64Array,
      Float64Array,
    ];
    const scores = new Float64Array(attrs.scores ? s.B * s.H * s.T * s.S : 0);
    eachQuery(s, attrs, masks, (i, row, keys) => {
      if (lse!.data[row] === Number.NEGATIVE_INFINITY) return;
      const delta = dot(y!, i, dy!, i, s.D);
      for (const { row: j, score, bias } of keys) {
        const z = attrs.scale * dot(q!, i, k!, j, s.D) + (masks.bias?.data[bias] ?? 0);
        const p = Math.exp(z - lse!.data[row]!);
        const dz = p * (dot(dy!, i, v!, j, s.D) - delta);
        if (attrs.scores) scores[score] = dz;
        const ds = dz * attrs.scale;
        for (let c = 0; c < s.D; c++) {
          dq[i + c]! += ds * k!.data[j + c]!;
          dk[j + c]! += ds * q!.data[i + c]!;
          dv[j + c]! += p * dy!.data[i + c]!;
        }
      }
    });
    return [dq, dk, dv, ...(attrs.scores ? [scores] : [])];
  },
  run(inputs, attrs, specs) {
    const [q, k, v, y, lse, dy] = inputs;
    const views = [
      ...[toRows(q!), toRows(k!), toRows(v!), toDense(y!), toDense(lse!), toRows(dy!)],
      ...maskViews(masksOf(inputs, 6, attrs), sizes(q!, k!)),
    ];
    try {
      const make = ({ shape, dtype }: OutputSpec) => empty('sdpa', shape, dtype, q!.device);
      const joined = emptyParts(q!, k!, v!);
      const outputs = [...(joined ?? specs.slice(0, 3).map(make)), ...specs.slice(3).map(make)];
      launchInto(gradKernel, views, outputs, kernelAttrs(attrs));
      return outputs;
    } finally {
      releaseTemporaries(views, inputs);
    }
  },
};

// Where q, k and v are parts of one product, so are their gradients: then nothing has to put them together.
function emptyParts(q: Tensor, k: Tensor, v: Tensor): Tensor[] | null {
  const { B, T, S, H, G, D } = sizes(q, k);
  const row = (H + 2 * G) * D;
  const starts = [0, H * D, (H + G) * D];
  const together = [q, k, v].every(
    ({ storage, offset, strides }, i) =>
      storage === q.storage && offset === q.offset + starts[i]! && sameShape(strides, [T * row, row, D, 1]),
  );
  if (!together || S !== T) return null;
  const whole = empty('sdpa', [B, T, row], q.dtype, q.device);
  return [q, k, v].map(
    ({ shape, strides, dtype }, i) => new Tensor(whole.storage.retain(), shape, strides, starts[i]!, dtype),
  );
}

function requireMasks({ B, T, S, H }: Sizes, dtype: string, documents?: Tensor, bias?: Tensor): void {
  if (documents && (documents.dtype !== 'i32' || !sameShape(documents.shape, [B, S])))
    throw new TensorError(
      documents.dtype === 'i32' ? 'E_SHAPE' : 'E_DTYPE',
      'sdpa',
      `documents must be i32 [B, S] = [${B}, ${S}]`,
      describe(documents),
    );
  if (!bias) return;
  if (bias.dtype !== dtype)
    throw new TensorError('E_DTYPE', 'sdpa', "bias must have q's dtype", describe(bias), 'cast it');
  const fits = bias.rank === 4 && [B, H, T, S].every((n, a) => bias.shape[a] === n || bias.shape[a] === 1);
  if (!fits)
    throw new TensorError(
      'E_SHAPE',
      'sdpa',
      `bias must broadcast to [B, H, T, S] = [${B}, ${H}, ${T}, ${S}]`,
      describe(bias),
    );
}

const definition: OpDefinition<AttentionAttrs> = {
  name: 'sdpa',
  infer(inputs, attrs) {
    const [q, k, v] = inputs;
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
    const { documents, bias } = masksOf(inputs, 3, attrs);
    requireMasks(sizes(q!, k!), q!.dtype, documents, bias);
    const [B, T, H] = q!.shape as [number, number, number];
    return [q!, { shape: [B, H, T], dtype: statisticsDType(q!.dtype) }];
  },
  reference(inputs, attrs) {
    const [q, k, v] = inputs;
    const s = sizes(q!, k!);
    const masks = masksOf(inputs, 3, attrs);
    const y = new Float64Array(q!.data.length);
    const lse = new Float64Array(s.B * s.H * s.T).fill(Number.NEGATIVE_INFINITY);
    eachQuery(s, attrs, masks, (i, row, keys) => {
      const scores = keys.map(
        (j) => attrs.scale * dot(q!, i, k!, j.row, s.D) + (masks.bias?.data[j.bias] ?? 0),
      );
      const max = Math.max(...scores);
      if (max === Number.NEGATIVE_INFINITY) return;
      const e = scores.map((x) => Math.exp(x - max));
      const total = e.reduce((a, b) => a + b, 0);
      lse[row] = max + Math.log(total);
      keys.forEach((j, n) => {
        for (let c = 0; c < s.D; c++) y[i + c]! += (e[n]! / total) * v!.data[j.row + c]!;
      });
    });
    return [y, lse];
  },
  native(inputs, attrs) {
    const [q, k, v] = inputs;
    return {
      kernel: forwardKernel,
      inputs: [
        ...[toRows(q!), toRows(k!), toRows(v!)],
        ...maskViews(masksOf(inputs, 3, attrs), sizes(q!, k!)),
      ],
      attrs: kernelAttrs(attrs),
    };
  },
  saves: { inputs: [0, 1, 2, 3, 4], outputs: [0, 1] },
  grad(ctx, [dy]) {
    const extra = ctx.inputSpecs.slice(3).map((_, i) => ctx.input(3 + i));
    const last = ctx.inputSpecs.length - 1;
    const scores = ctx.attrs.bias && ctx.needs(last);
    const inputs = [ctx.input(0), ctx.input(1), ctx.input(2), ctx.output(0), ctx.output(1), dy, ...extra];
    const [dq, dk, dv, dscores] = apply(gradient, inputs, { ...ctx.attrs, scores });
    const { shape, dtype } = ctx.inputSpecs[last]!;
    return [
      ...[dq!, dk!, dv!],
      ...(ctx.attrs.documents ? [null] : []),
      ...(ctx.attrs.bias ? [dscores ? cast(sumTo(dscores, shape), dtype) : null] : []),
    ];
  },
  cost([q, k], { causal, window }) {
    const { B, T, S, H, D } = sizes(q!, k!);
    const seen = Math.min(causal ? S / 2 : S, window > 0 ? (causal ? window : 2 * window) : S);
    return {
      flops: 4 * B * H * T * seen * D,
      bytes: (2 * q!.size + 2 * k!.size) * DTYPES[q!.dtype].bytes,
    };
  },
};

/** Options of {@link sdpa}. */
export interface AttentionOptions {
  /** Position t sees keys up to t + S - T only: the last query sees them all. Default false. */
  causal?: boolean;
  /** A query sees only keys nearer than this, itself included: sliding-window attention. Default: no limit. */
  window?: number;
  /**
   * i32, [B, S]: which document each key belongs to, where several are packed into one sequence. A query sees only the
   * run of equal ids that it stands in; the work on all other keys is skipped, not masked away.
   */
  documents?: Tensor;
  /**
   * Added to the scaled scores, of q's dtype, each axis of [B, H, T, S] or 1: ALiBi, relative positions, or a mask of 0
   * and -Infinity. Its gradient takes the memory of all scores, [B, H, T, S].
   */
  bias?: Tensor;
  /** What scores are multiplied with. Default 1 / sqrt(D). */
  scale?: number;
}

/**
 * Scaled dot-product attention, y = softmax(scale * q k^T + bias) v for each head, computed tile by tile so that no
 * T x S matrix exists in memory. Its products follow the matmul precision: see {@link withMatmulPrecision}.
 *
 * Vaswani et al., Attention Is All You Need, 2017, equation 1; Dao, FlashAttention-2, 2023, algorithms 1 and 2; sliding
 * windows: Beltagy et al., Longformer, 2020, section 3.1.
 *
 * @param q float, [B, T, H, D]; any strides. Query t stands at key position t + S - T
 * @param k [B, S, G, D], H a multiple of G: heads share keys in groups
 * @param v [B, S, G, D]
 * @returns [B, T, H, D]; zeros for a query that sees no key
 * @throws TensorError E_SHAPE, E_DTYPE, E_FORMAT for a window that is no positive integer
 * @example
 * sdpa(q, k, v, { causal: true, window: 2 });
 */
export const sdpa = operation(
  definition,
  (q: Tensor, k: Tensor, v: Tensor, options: AttentionOptions = {}): Tensor => {
    q.assertAlive('sdpa');
    const { causal = false, window, documents, bias, scale = 1 / Math.sqrt(q.shape.at(-1) ?? 1) } = options;
    if (window !== undefined && !(Number.isSafeInteger(window) && window > 0))
      throw new TensorError('E_FORMAT', 'sdpa', 'window must be a positive integer', `${window}`);
    const inputs = [q, k, v, ...(documents ? [documents] : []), ...(bias ? [bias] : [])];
    const attrs = {
      causal,
      window: window ?? 0,
      documents: !!documents,
      bias: !!bias,
      precision: matmulPrecision(),
      scale,
    };
    return apply(definition, inputs, attrs)[0]!;
  },
);
