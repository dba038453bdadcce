import { DTYPES, type DType, requireFloat } from '../dtype.js';
import { TensorError } from '../errors.js';
import { toDense } from '../layout.js';
import { describe, type OpDefinition, type RefArray } from '../op.js';
import type { Kernel, OutputSpec } from '../runtime.js';
import { sameShape, sizeOf } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { concat } from './concat.js';
import { matmul } from './matmul.js';
import { transpose } from './permute.js';
import { reshape } from './reshape.js';
import { slice } from './slice.js';

// What LSTM and GRU share.

/** How a recurrent layer runs. */
export interface RecurrentAttrs {
  /** From the last step to the first. */
  reverse: boolean;
}

/** The parameters of one direction of one recurrent layer, gates one after the other. */
export interface RecurrentWeights {
  /** [gates H, I] */
  weightIh: Tensor;
  /** [gates H, H] */
  weightHh: Tensor;
  /** [gates H]; zeros when left out */
  biasIh?: Tensor | null;
  /** [gates H]; zeros when left out */
  biasHh?: Tensor | null;
}

/** What a recurrent kernel is given: all of its inputs, dense. */
export const denseInputs =
  (kernel: Kernel): NonNullable<OpDefinition<RecurrentAttrs>['native']> =>
  (inputs, { reverse }) => ({ kernel, inputs: inputs.map((t) => toDense(t)), attrs: [reverse ? 1 : 0] });

/** Two products with the weights for every step and example. */
export const recurrentCost: NonNullable<OpDefinition<RecurrentAttrs>['cost']> = ([x, wIh, wHh]) => ({
  flops: 2 * sizeOf(x!.shape.slice(0, 2)) * (wIh!.size + wHh!.size),
  bytes: (x!.size + wIh!.size + wHh!.size) * DTYPES[x!.dtype].bytes,
});

/** The dtype the recurrence runs in: sixteen bits would lose the state over many steps. */
export const recurrentDType = (x: Tensor): DType => (x.dtype === 'f64' ? 'f64' : 'f32');

/** Checks x, W_ih, W_hh, b_ih, b_hh and the states. @throws TensorError E_SHAPE, E_DTYPE */
export function inferRecurrent(
  op: string,
  gates: number,
  inputs: readonly Tensor[],
  states: number,
): { y: OutputSpec; state: OutputSpec } {
  const [x, wIh, wHh, ...rest] = inputs as [Tensor, Tensor, Tensor, ...Tensor[]];
  requireFloat(op, x.dtype);
  if (inputs.some((t) => t.dtype !== x.dtype))
    throw new TensorError(
      'E_DTYPE',
      op,
      'x, weights and states must have one dtype',
      describe(...inputs),
      'cast them',
    );
  const H = wHh.shape[1] ?? 0;
  if (
    x.rank !== 3 ||
    wIh.rank !== 2 ||
    wHh.rank !== 2 ||
    x.shape[2] !== wIh.shape[1] ||
    wIh.shape[0] !== gates * H ||
    wHh.shape[0] !== gates * H
  )
    throw new TensorError(
      'E_SHAPE',
      op,
      `x must be [T, B, I], weightIh [${gates}H, I] and weightHh [${gates}H, H]`,
      describe(x, wIh, wHh),
    );
  const biases = rest.slice(0, rest.length - states);
  if (biases.some((b) => !sameShape(b.shape, [gates * H])))
    throw new TensorError('E_SHAPE', op, `biases must be [${gates}H]`, describe(...biases));
  const state = [x.shape[1]!, H];
  if (rest.slice(-states).some((s) => !sameShape(s.shape, state)))
    throw new TensorError(
      'E_SHAPE',
      op,
      `states must be [B, H], here [${state}]`,
      describe(...rest.slice(-states)),
    );
  return { y: { shape: [x.shape[0]!, ...state], dtype: x.dtype }, state: { shape: state, dtype: x.dtype } };
}

/** What every step starts from: h0, then the outputs but the last. [T, B, H], in the order of positions. */
export function hiddenBefore(y: Tensor, h0: Tensor, { reverse }: RecurrentAttrs): Tensor {
  const T = y.shape[0]!;
  const first = reshape(h0, [1, ...h0.shape]);
  if (T < 2) return T === 1 ? first : y;
  return reverse ? concat([slice(y, 0, 1), first], 0) : concat([first, slice(y, 0, 0, T - 1)], 0);
}

/** The gradient of W_hh: over all steps at once, gates^T h. */
export function weightGradient(dgates: Tensor, before: Tensor): Tensor {
  const rows = (t: Tensor) => reshape(t, [sizeOf(t.shape.slice(0, 2)), t.shape[2]!]);
  return matmul(transpose(rows(dgates), 0, 1), rows(before));
}

/** x W^T + b in doubles, over the last axis. */
export function linearReference(x: RefArray, w: RefArray, b: RefArray): RefArray {
  const [out, inputs] = w.shape as [number, number];
  const shape = [...x.shape.slice(0, -1), out];
  const data = new Float64Array(sizeOf(shape)).map((_, i) => {
    let total = b.data[i % out]!;
    const row = Math.floor(i / out);
    for (let k = 0; k < inputs; k++) total += x.data[row * inputs + k]! * w.data[(i % out) * inputs + k]!;
    return total;
  });
  return { shape, data };
}

/** The state after the last step taken of [T, B, H]; the first state when there was none. */
export function last(y: Float64Array, start: RefArray, T: number, { reverse }: RecurrentAttrs): Float64Array {
  const n = start.data.length;
  if (T === 0) return start.data.slice();
  return reverse ? y.slice(0, n) : y.slice((T - 1) * n);
}

export const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

/** Steps, examples and units. */
export interface RecurrentSizes {
  T: number;
  B: number;
  H: number;
}

/** Where a unit of a step lies. */
export interface Unit {
  /** In [T, B, H]. */
  at: number;
  /** In [B, H]. */
  state: number;
  /** The step and example, in [T, B]. */
  row: number;
  /** In [T, B, H]: where the state before it lies, unless it is the first. */
  before: number;
  u: number;
  first: boolean;
}

/** Calls f with every unit, in the order of time. */
export function eachUnit({ T, B, H }: RecurrentSizes, reverse: boolean, f: (unit: Unit) => void): void {
  for (let s = 0; s < T; s++) {
    const t = reverse ? T - 1 - s : s;
    for (let b = 0; b < B; b++)
      for (let u = 0; u < H; u++) {
        const state = b * H + u;
        const before = (reverse ? t + 1 : t - 1) * B * H + state;
        f({ at: t * B * H + state, state, row: t * B + b, before, u, first: s === 0 });
      }
  }
}

/** The units step by step, the last step first: units of one step meet in the product with the weights alone. */
export function stepsOf(sizes: RecurrentSizes, reverse: boolean): Unit[][] {
  const steps = Array.from({ length: sizes.T }, (): Unit[] => []);
  const perStep = sizes.B * sizes.H;
  let i = 0;
  eachUnit(sizes, reverse, (unit) => steps[Math.floor(i++ / perStep)]!.push(unit));
  return steps.reverse();
}

/** w[row] . h[the example of `at`], h being [T, B, H] or [B, H]. */
export function dot(w: RefArray, row: number, h: ArrayLike<number>, at: number, H: number): number {
  let total = 0;
  const start = Math.floor(at / H) * H;
  for (let k = 0; k < H; k++) total += w.data[row * H + k]! * h[start + k]!;
  return total;
}
