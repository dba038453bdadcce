import { DTYPES, requireFloat, statisticsDType } from '../dtype.js';
import { TensorError } from '../errors.js';
import { toDense, toMatrix } from '../layout.js';
import { apply, apply1, describe, type OpDefinition, operation, type RefArray } from '../op.js';
import { Kernel, launchInto } from '../runtime.js';
import { sameShape } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { cast } from './cast.js';
import { reshape } from './reshape.js';
import { exponentials } from './softmax.js';
import { sum } from './sum.js';

interface CrossEntropyAttrs {
  ignoreIndex: number;
  labelSmoothing: number;
}

const forwardKernel = new Kernel('cross_entropy', 'i:ignore_index;d:label_smoothing;');
const gradKernel = new Kernel('cross_entropy_grad', 'i:ignore_index;d:label_smoothing;');

// Calls f for every row that counts; a target outside the classes is refused before anything is computed.
function eachRow(
  logits: RefArray,
  target: RefArray,
  ignoreIndex: number,
  f: (row: Float64Array, t: number, r: number) => void,
): void {
  const classes = logits.shape[1]!;
  for (const t of target.data)
    if (t !== ignoreIndex && !(t >= 0 && t < classes))
      throw new TensorError(
        'E_INDEX',
        'crossEntropy',
        `targets must lie in [0, ${classes - 1}] or be ${ignoreIndex}`,
        `${t}`,
      );
  target.data.forEach((t, r) => {
    if (t !== ignoreIndex) f(logits.data.subarray(r * classes, (r + 1) * classes), t, r);
  });
}

const gradient: OpDefinition<CrossEntropyAttrs> = {
  name: 'crossEntropyGrad',
  infer: ([logits]) => [logits!],
  reference([logits, target, lse, dloss], { ignoreIndex, labelSmoothing: s }) {
    const classes = logits!.shape[1]!;
    const out = new Float64Array(logits!.data.length);
    eachRow(logits!, target!, ignoreIndex, (row, t, r) => {
      row.forEach((v, c) => {
        const p = Math.exp(v - lse!.data[r]!);
        out[r * classes + c] = dloss!.data[r]! * (p - (c === t ? 1 - s : 0) - s / classes);
      });
    });
    return [out];
  },
  native: ([logits, target, lse, dloss], { ignoreIndex, labelSmoothing }) => ({
    kernel: gradKernel,
    inputs: [toMatrix(logits!), toDense(target!), toDense(lse!), toDense(dloss!)],
    attrs: [ignoreIndex, labelSmoothing],
  }),
};

/**
 * Overwrites logits [n, V], dense, with their gradients. Not recorded.
 * @internal
 */
export function crossEntropyGrad(
  logits: Tensor,
  target: Tensor,
  lse: Tensor,
  dloss: Tensor,
  { ignoreIndex, labelSmoothing }: CrossEntropyAttrs,
): void {
  launchInto(gradKernel, [logits, target, lse, dloss], [logits], [ignoreIndex, labelSmoothing]);
}

const definition: OpDefinition<CrossEntropyAttrs> = {
  name: 'crossEntropy',
  infer: ([logits, target]) => {
    const dtype = statisticsDType(logits!.dtype);
    return [
      { shape: target!.shape, dtype },
      { shape: target!.shape, dtype },
    ];
  },
  reference([logits, target], { ignoreIndex, labelSmoothing: s }) {
    const loss = new Float64Array(target!.data.length);
    const lse = new Float64Array(target!.data.length);
    eachRow(logits!, target!, ignoreIndex, (row, t, r) => {
      const { total, max } = exponentials(row);
      const z = max + Math.log(total);
      const mean = row.reduce((a, b) => a + b, 0) / row.length;
      lse[r] = z;
      loss[r] = (1 - s) * (z - row[t]!) + (s === 0 ? 0 : s * (z - mean));
    });
    return [loss, lse];
  },
  native: ([logits, target], { ignoreIndex, labelSmoothing }) => ({
    kernel: forwardKernel,
    inputs: [toMatrix(logits!), toDense(target!)],
    attrs: [ignoreIndex, labelSmoothing],
  }),
  saves: { inputs: [0, 1], outputs: [1] },
  grad: (ctx, [dloss]) => [
    apply1(gradient, [ctx.input(0), ctx.input(1), ctx.output(1), dloss], ctx.attrs),
    null,
  ],
  cost: ([logits]) => ({ flops: 4 * logits!.size, bytes: logits!.size * DTYPES[logits!.dtype].bytes }),
};

/** Options of {@link crossEntropy}. */
export interface CrossEntropyOptions {
  /** Rows with this target count for nothing. Default -100. */
  ignoreIndex?: number;
  /** Probability spread evenly over all classes, in [0, 1]. Default 0. */
  labelSmoothing?: number;
  /** 'mean' over the rows that count (NaN when there are none), 'sum', or 'none'. Default 'mean'. */
  reduction?: 'mean' | 'sum' | 'none';
}

/**
 * The negative log-likelihood of targets under softmax(logits), in nats, without storing probabilities:
 * (1 - s) * (lse - logits[t]) + s * (lse - mean of logits), lse = log sum exp(logits), s = label smoothing.
 *
 * Szegedy et al., Rethinking the Inception Architecture, 2016, section 7 (label smoothing).
 *
 * @param logits float, [.., V]
 * @param target i32, [..]: the class of each row
 * @returns f32 (f64 for f64 logits): a scalar, or [..] with reduction 'none'
 * @throws TensorError E_SHAPE, E_DTYPE, E_INDEX for a target that is no class
 * @example
 * crossEntropy(logits, targets, { ignoreIndex: -100 }).backward();
 */
export const crossEntropy = operation(
  definition,
  (
    logits: Tensor,
    target: Tensor,
    { ignoreIndex = -100, labelSmoothing = 0, reduction = 'mean' }: CrossEntropyOptions = {},
  ): Tensor => {
    logits.assertAlive('crossEntropy');
    target.assertAlive('crossEntropy');
    requireFloat('crossEntropy', logits.dtype, 'logits');
    if (target.dtype !== 'i32')
      throw new TensorError(
        'E_DTYPE',
        'crossEntropy',
        'target must be i32',
        target.dtype,
        "cast it: target.cast('i32')",
      );
    if (logits.rank < 1 || !sameShape(logits.shape.slice(0, -1), target.shape))
      throw new TensorError(
        'E_SHAPE',
        'crossEntropy',
        'logits must be [.., V] and target [..]',
        describe(logits, target),
      );
    if (!(labelSmoothing >= 0 && labelSmoothing <= 1))
      throw new TensorError(
        'E_FORMAT',
        'crossEntropy',
        'labelSmoothing must lie in [0, 1]',
        `${labelSmoothing}`,
      );
    const rows = reshape(logits, [target.size, logits.shape.at(-1)!]);
    const [loss] = apply(definition, [rows, reshape(target, [target.size])], { ignoreIndex, labelSmoothing });
    if (reduction === 'none') return reshape(loss!, target.shape);
    const total = sum(loss!);
    if (reduction === 'sum') return total;
    return total.div(sum(cast(target.ne(ignoreIndex), loss!.dtype)));
  },
);
