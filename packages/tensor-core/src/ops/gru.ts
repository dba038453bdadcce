import { apply, type OpDefinition, operation } from '../op.js';
import { Kernel } from '../runtime.js';
import type { Tensor } from '../tensor.js';
import { cast } from './cast.js';
import { zeros, zerosLike } from './creation.js';
import { linear } from './linear.js';
import {
  denseInputs,
  dot,
  eachUnit,
  hiddenBefore,
  inferRecurrent,
  last,
  linearReference,
  type RecurrentAttrs,
  type RecurrentWeights,
  recurrentCost,
  recurrentDType,
  sigmoid,
  stepsOf,
  weightGradient,
} from './recurrent.js';
import { sum } from './sum.js';

const forwardKernel = new Kernel('gru', 'i:reverse;');
const gradKernel = new Kernel('gru_grad', 'i:reverse;');

// Outputs the gradients of the input's part of the gates and of the state's part, which differ in n alone.
const gradient: OpDefinition<RecurrentAttrs> = {
  name: 'gruGrad',
  infer([w, h0, y, , dy]) {
    const parts = { shape: [...y!.shape.slice(0, 2), w!.shape[0]!], dtype: dy!.dtype };
    return [parts, parts, h0!];
  },
  reference([w, h0, y, gates, dy], { reverse }) {
    const [T, B, H] = y!.shape as [number, number, number];
    const dx = new Float64Array(T * B * 3 * H);
    const dq = new Float64Array(dx.length);
    const dh = new Float64Array(B * H);
    for (const step of stepsOf({ T, B, H }, reverse)) {
      const carried = new Float64Array(B * H);
      for (const { at, state, row, before, u, first } of step) {
        const [r, z, n, q] = [0, 1, 2, 3].map((k) => gates!.data[(row * 4 + k) * H + u]!) as [
          number,
          number,
          number,
          number,
        ];
        const h = dh[state]! + dy!.data[at]!;
        const dn = h * (1 - z) * (1 - n * n);
        const to = row * 3 * H + u;
        dx[to] = dn * q * r * (1 - r);
        dx[to + H] = h * ((first ? h0!.data[state]! : y!.data[before]!) - n) * z * (1 - z);
        dx[to + 2 * H] = dn;
        dq[to] = dx[to]!;
        dq[to + H] = dx[to + H]!;
        dq[to + 2 * H] = dn * r;
        carried[state] = h * z;
      }
      for (const { state, row, u } of step) {
        dh[state] = carried[state]!;
        for (let k = 0; k < 3 * H; k++) dh[state]! += dq[row * 3 * H + k]! * w!.data[k * H + u]!;
      }
    }
    return [dx, dq, dh];
  },
  native: denseInputs(gradKernel),
};

// The recurrence alone: x is the input's part of the gates, [T, B, 3H]; gives y, and r, z, n, q.
const sequence: OpDefinition<RecurrentAttrs> = {
  name: 'gruSequence',
  infer([x, w, , h0]) {
    const T = x!.shape[0]!;
    const [B, H] = h0!.shape as [number, number];
    return [
      { shape: [T, B, H], dtype: w!.dtype },
      { shape: [T, B, 4 * H], dtype: w!.dtype },
    ];
  },
  reference([x, w, bias, h0], { reverse }) {
    const [B, H] = h0!.shape as [number, number];
    const T = x!.shape[0]!;
    const y = new Float64Array(T * B * H);
    const gates = new Float64Array(T * B * 4 * H);
    eachUnit({ T, B, H }, reverse, ({ at, state, row, before, u, first }) => {
      const fromState = (k: number) =>
        bias!.data[k * H + u]! +
        (first ? dot(w!, k * H + u, h0!.data, state, H) : dot(w!, k * H + u, y, before, H));
      const fromInput = (k: number) => x!.data[(row * 3 + k) * H + u]!;
      const r = sigmoid(fromInput(0) + fromState(0));
      const z = sigmoid(fromInput(1) + fromState(1));
      const q = fromState(2);
      const n = Math.tanh(fromInput(2) + r * q);
      y[at] = (1 - z) * n + z * (first ? h0!.data[state]! : y[before]!);
      [r, z, n, q].forEach((v, k) => {
        gates[(row * 4 + k) * H + u] = v;
      });
    });
    return [y, gates];
  },
  native: denseInputs(forwardKernel),
  saves: { inputs: [1, 3], outputs: [0, 1] },
  grad(ctx, [dy]) {
    const y = ctx.output(0);
    const h0 = ctx.input(3);
    const [dx, dq, dh0] = apply(
      gradient,
      [ctx.input(1), h0, y, ctx.output(1), dy ?? zerosLike(y)],
      ctx.attrs,
    ) as [Tensor, Tensor, Tensor];
    return [
      dx,
      ctx.needs(1) ? weightGradient(dq, hiddenBefore(y, h0, ctx.attrs)) : null,
      ctx.needs(2) ? sum(dq, [0, 1]) : null,
      dh0,
    ];
  },
};

const definition: OpDefinition<RecurrentAttrs> = {
  name: 'gru',
  infer(inputs) {
    const { y, state } = inferRecurrent('gru', 3, inputs, 1);
    return [y, state];
  },
  reference([x, wIh, wHh, bIh, bHh, h0], attrs, [y]) {
    const gates = linearReference(x!, wIh!, bIh!);
    const [h] = sequence.reference([gates, wHh!, bHh!, h0!], attrs, [y!, y!]) as Float64Array[];
    return [h!, last(h!, h0!, x!.shape[0]!, attrs)];
  },
  compute([x, wIh, wHh, bIh, bHh, h0], attrs) {
    const dtype = recurrentDType(x!);
    const wide = (t: Tensor | undefined) => cast(t!, dtype);
    const gates = linear(wide(x), wide(wIh), wide(bIh));
    const y = apply(sequence, [gates, wide(wHh), wide(bHh), wide(h0)], attrs)[0]!;
    const h = x!.shape[0] === 0 ? wide(h0) : y.select(0, attrs.reverse ? 0 : -1);
    return [cast(y, x!.dtype), cast(h, x!.dtype)];
  },
  cost: recurrentCost,
};

/**
 * One layer of gated recurrent units over a whole sequence, with PyTorch's gates in the order r, z, n:
 * r and z = sigmoid(W_i x_t + b_i + W_h h + b_h), n = tanh(W_in x_t + b_in + r (W_hn h + b_hn)), h' = (1 - z) n + z h.
 * The input's part is one product over all steps.
 *
 * Cho et al., Learning Phrase Representations using RNN Encoder-Decoder, 2014, with r applied after the product.
 *
 * @param x float, [T, B, I]; 16-bit floats are computed in f32
 * @param weights of x's dtype
 * @param options.h0 [B, H], zeros when left out
 * @param options.reverse from the last step to the first; results stay at their steps
 * @returns y [T, B, H], and h [B, H] after the last step taken
 * @throws TensorError E_SHAPE, E_DTYPE
 * @example
 * const { y } = gru(x, { weightIh: zeros([3 * H, C]), weightHh: zeros([3 * H, H]) });
 */
export const gru = operation(
  definition,
  (
    x: Tensor,
    { weightIh, weightHh, biasIh, biasHh }: RecurrentWeights,
    { h0, reverse = false }: { h0?: Tensor | null; reverse?: boolean } = {},
  ): { y: Tensor; h: Tensor } => {
    const { dtype, device } = x;
    const nothing = () => zeros([weightIh.shape[0] ?? 0], { dtype, device });
    const state = h0 ?? zeros([x.shape[1] ?? 0, weightHh.shape[1] ?? 0], { dtype, device });
    const inputs = [x, weightIh, weightHh, biasIh ?? nothing(), biasHh ?? nothing(), state];
    const [y, h] = apply(definition, inputs, { reverse }) as [Tensor, Tensor];
    return { y, h };
  },
);
