import { apply, type OpDefinition, operation } from '../op.js';
import { Kernel } from '../runtime.js';
import type { Tensor } from '../tensor.js';
import { add } from './add.js';
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

const forwardKernel = new Kernel('lstm', 'i:reverse;');
const gradKernel = new Kernel('lstm_grad', 'i:reverse;');

const gradient: OpDefinition<RecurrentAttrs> = {
  name: 'lstmGrad',
  infer: ([, c0, , gates]) => [gates!, c0!, c0!],
  reference([w, c0, c, gates, dy, dcOut], { reverse }) {
    const [T, B, H] = c!.shape as [number, number, number];
    const dx = new Float64Array(gates!.data.length);
    const dh = new Float64Array(c0!.data.length);
    const dc = new Float64Array(c0!.data.length);
    for (const step of stepsOf({ T, B, H }, reverse)) {
      for (const { at, state, row, before, u, first } of step) {
        const gate = row * 4 * H;
        const [i, f, g, o] = [0, 1, 2, 3].map((n) => gates!.data[gate + n * H + u]!) as [
          number,
          number,
          number,
          number,
        ];
        const h = dh[state]! + dy!.data[at]!;
        const bent = Math.tanh(c!.data[at]!);
        const cell = dc[state]! + h * o * (1 - bent * bent) + (dcOut?.data[at] ?? 0);
        dx[gate + u] = cell * g * i * (1 - i);
        dx[gate + H + u] = cell * (first ? c0!.data[state]! : c!.data[before]!) * f * (1 - f);
        dx[gate + 2 * H + u] = cell * i * (1 - g * g);
        dx[gate + 3 * H + u] = h * bent * o * (1 - o);
        dc[state] = cell * f;
      }
      for (const { state, row, u } of step) {
        dh[state] = 0;
        for (let k = 0; k < 4 * H; k++) dh[state]! += dx[row * 4 * H + k]! * w!.data[k * H + u]!;
      }
    }
    return [dx, dh, dc];
  },
  native: denseInputs(gradKernel),
};

/** The recurrence alone: x is the input's part of the gates, [T, B, 4H]; gives y, the cells and the gates. */
const sequence: OpDefinition<RecurrentAttrs> = {
  name: 'lstmSequence',
  infer([x, w, h0]) {
    const shape = [x!.shape[0]!, ...h0!.shape];
    return [{ shape, dtype: w!.dtype }, { shape, dtype: w!.dtype }, x!];
  },
  reference([x, w, h0, c0], { reverse }) {
    const [B, H] = h0!.shape as [number, number];
    const T = x!.shape[0]!;
    const y = new Float64Array(T * h0!.data.length);
    const c = new Float64Array(y.length);
    const gates = new Float64Array(x!.data.length);
    eachUnit({ T, B, H }, reverse, ({ at, state, row, before, u, first }) => {
      const gate = row * 4 * H;
      const z = (n: number) =>
        x!.data[gate + n * H + u]! +
        (first ? dot(w!, n * H + u, h0!.data, state, H) : dot(w!, n * H + u, y, before, H));
      const [i, f, g, o] = [sigmoid(z(0)), sigmoid(z(1)), Math.tanh(z(2)), sigmoid(z(3))];
      c[at] = f * (first ? c0!.data[state]! : c[before]!) + i * g;
      y[at] = o * Math.tanh(c[at]!);
      [i, f, g, o].forEach((v, n) => {
        gates[gate + n * H + u] = v;
      });
    });
    return [y, c, gates];
  },
  native: denseInputs(forwardKernel),
  saves: { inputs: [1, 2, 3], outputs: [0, 1, 2] },
  grad(ctx, [dy, dc]) {
    const y = ctx.output(0);
    const inputs = [ctx.input(1), ctx.input(3), ctx.output(1), ctx.output(2), dy ?? zerosLike(y)];
    const [dx, dh0, dc0] = apply(gradient, dc ? [...inputs, dc] : inputs, ctx.attrs) as [
      Tensor,
      Tensor,
      Tensor,
    ];
    const dw = ctx.needs(1) ? weightGradient(dx, hiddenBefore(y, ctx.input(2), ctx.attrs)) : null;
    return [dx, dw, dh0, dc0];
  },
};

const definition: OpDefinition<RecurrentAttrs> = {
  name: 'lstm',
  infer(inputs) {
    const { y, state } = inferRecurrent('lstm', 4, inputs, 2);
    return [y, state, state];
  },
  reference([x, wIh, wHh, bIh, bHh, h0, c0], attrs, [y]) {
    const { dtype } = y!;
    const bias = { shape: bIh!.shape, data: bIh!.data.map((v, i) => v + bHh!.data[i]!) };
    const gates = linearReference(x!, wIh!, bias);
    const specs = [y!, y!, { shape: gates.shape, dtype }];
    const [h, c] = sequence.reference([gates, wHh!, h0!, c0!], attrs, specs) as Float64Array[];
    return [h!, last(h!, h0!, x!.shape[0]!, attrs), last(c!, c0!, x!.shape[0]!, attrs)];
  },
  compute([x, wIh, wHh, bIh, bHh, h0, c0], attrs) {
    const dtype = recurrentDType(x!);
    const wide = (t: Tensor | undefined) => cast(t!, dtype);
    const gates = linear(wide(x), wide(wIh), add(wide(bIh), wide(bHh)));
    const [y, c] = apply(sequence, [gates, wide(wHh), wide(h0), wide(c0)], attrs) as [Tensor, Tensor];
    if (x!.shape[0] === 0) return [cast(y, x!.dtype), cast(wide(h0), x!.dtype), cast(wide(c0), x!.dtype)];
    const end = attrs.reverse ? 0 : -1;
    return [y, y.select(0, end), c.select(0, end)].map((t) => cast(t, x!.dtype));
  },
  cost: recurrentCost,
};

/**
 * One layer of long short-term memory over a whole sequence, with PyTorch's gates in the order i, f, g, o:
 * [i, f, g, o] = x_t W_ih^T + b_ih + h W_hh^T + b_hh, through sigmoid, sigmoid, tanh, sigmoid;
 * c' = f c + i g, h' = o tanh(c'). The input's part is one product over all steps.
 *
 * Hochreiter and Schmidhuber, Long Short-Term Memory, 1997; the forget gate: Gers et al., 2000.
 *
 * @param x float, [T, B, I]; 16-bit floats are computed in f32
 * @param weights of x's dtype
 * @param options.h0, options.c0 [B, H], zeros when left out
 * @param options.reverse from the last step to the first; results stay at their steps
 * @returns y [T, B, H], and h and c [B, H] after the last step taken
 * @throws TensorError E_SHAPE, E_DTYPE
 * @example
 * const { y } = lstm(x, { weightIh: zeros([4 * H, C]), weightHh: zeros([4 * H, H]) });
 */
export const lstm = operation(
  definition,
  (
    x: Tensor,
    { weightIh, weightHh, biasIh, biasHh }: RecurrentWeights,
    { h0, c0, reverse = false }: { h0?: Tensor | null; c0?: Tensor | null; reverse?: boolean } = {},
  ): { y: Tensor; h: Tensor; c: Tensor } => {
    const { dtype, device } = x;
    const nothing = () => zeros([weightIh.shape[0] ?? 0], { dtype, device });
    const state = () => zeros([x.shape[1] ?? 0, weightHh.shape[1] ?? 0], { dtype, device });
    const inputs = [
      x,
      weightIh,
      weightHh,
      biasIh ?? nothing(),
      biasHh ?? nothing(),
      h0 ?? state(),
      c0 ?? state(),
    ];
    const [y, h, c] = apply(definition, inputs, { reverse }) as [Tensor, Tensor, Tensor];
    return { y, h, c };
  },
);
