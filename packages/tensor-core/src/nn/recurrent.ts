import { TensorError } from '../errors.js';
import { describe } from '../op.js';
import { concat } from '../ops/concat.js';
import { dropout } from '../ops/dropout.js';
import { gru } from '../ops/gru.js';
import { lstm } from '../ops/lstm.js';
import { transpose } from '../ops/permute.js';
import type { RecurrentWeights } from '../ops/recurrent.js';
import { select } from '../ops/slice.js';
import { stack } from '../ops/stack.js';
import { type Generator, uniform } from '../random.js';
import { scope } from '../scope.js';
import { sameShape } from '../shape.js';
import type { Tensor } from '../tensor.js';
import type { LayerOptions } from './linear.js';
import { Module } from './module.js';
import { Parameter } from './parameter.js';

/** Options of {@link LSTM} and {@link GRU}. */
export interface RecurrentOptions extends LayerOptions {
  /** How many layers, each reading the one before. Default 1. */
  layers?: number;
  /** Also read from the end; the two directions' outputs follow each other. Default false. */
  bidirectional?: boolean;
  /** x and y are [B, T, ..] rather than [T, B, ..]. Default false. */
  batchFirst?: boolean;
  /** Between layers, while training. Default 0. */
  dropout?: number;
  /** Default true. */
  bias?: boolean;
}

/** What one direction of one layer gives: its outputs, and its states after the last step. */
type Run = (
  x: Tensor,
  weights: RecurrentWeights,
  states: Tensor[],
  reverse: boolean,
) => [Tensor, ...Tensor[]];

// Parameters lie in properties under PyTorch's names: weight_ih_l0, weight_hh_l0_reverse, ...
abstract class Recurrent extends Module {
  readonly layers: number;
  readonly bidirectional: boolean;
  readonly batchFirst: boolean;
  readonly dropout: number;
  private readonly bias: boolean;
  private readonly generator?: Generator;

  constructor(
    gates: number,
    readonly inputSize: number,
    readonly hiddenSize: number,
    {
      layers = 1,
      bidirectional = false,
      batchFirst = false,
      dropout: p = 0,
      bias = true,
      ...options
    }: RecurrentOptions,
  ) {
    super();
    if (!Number.isSafeInteger(layers) || layers < 1)
      throw new TensorError(
        'E_FORMAT',
        this.constructor.name,
        'layers must be a positive integer',
        `${layers}`,
      );
    if (!(p >= 0 && p < 1))
      throw new TensorError('E_FORMAT', this.constructor.name, 'dropout must lie in [0, 1)', `${p}`);
    this.layers = layers;
    this.bidirectional = bidirectional;
    this.batchFirst = batchFirst;
    this.dropout = p;
    this.bias = bias;
    this.generator = options.generator;
    const bound = hiddenSize > 0 ? 1 / Math.sqrt(hiddenSize) : 0;
    const make = (...shape: number[]) => new Parameter(uniform(shape, -bound, bound, options));
    const own = this as unknown as Record<string, Parameter>;
    for (let l = 0; l < layers; l++)
      for (const suffix of this.suffixes(l)) {
        own[`weight_ih${suffix}`] = make(
          gates * hiddenSize,
          l === 0 ? inputSize : hiddenSize * this.directions,
        );
        own[`weight_hh${suffix}`] = make(gates * hiddenSize, hiddenSize);
        if (!bias) continue;
        own[`bias_ih${suffix}`] = make(gates * hiddenSize);
        own[`bias_hh${suffix}`] = make(gates * hiddenSize);
      }
  }

  private get directions(): number {
    return this.bidirectional ? 2 : 1;
  }

  private suffixes(layer: number): string[] {
    return this.bidirectional ? [`_l${layer}`, `_l${layer}_reverse`] : [`_l${layer}`];
  }

  private weights(suffix: string): RecurrentWeights {
    const own = this as unknown as Record<string, Parameter>;
    return {
      weightIh: own[`weight_ih${suffix}`]!,
      weightHh: own[`weight_hh${suffix}`]!,
      biasIh: this.bias ? own[`bias_ih${suffix}`] : null,
      biasHh: this.bias ? own[`bias_hh${suffix}`] : null,
    };
  }

  /** Runs every layer and direction; states are [layers directions, B, H], in that order. */
  protected runLayers(x: Tensor, states: readonly Tensor[], run: Run): [Tensor, ...Tensor[]] {
    const name = this.constructor.name;
    if (x.rank !== 3)
      throw new TensorError(
        'E_SHAPE',
        name,
        `x must be ${this.batchFirst ? '[B, T, I]' : '[T, B, I]'}`,
        describe(x),
      );
    const expected = [this.layers * this.directions, x.shape[this.batchFirst ? 0 : 1]!, this.hiddenSize];
    for (const s of states)
      if (!sameShape(s.shape, expected))
        throw new TensorError(
          'E_SHAPE',
          name,
          `states must be [layers directions, B, H] = [${expected}]`,
          describe(s),
        );
    return scope(() => {
      const ends: Tensor[][] = [];
      let y = this.batchFirst ? transpose(x, 0, 1) : x;
      for (let l = 0; l < this.layers; l++) {
        if (l > 0 && this.training && this.dropout > 0)
          y = dropout(y, this.dropout, { generator: this.generator });
        const outputs = this.suffixes(l).map((suffix, d) => {
          const before = states.map((s) => select(s, 0, l * this.directions + d));
          const [out, ...end] = run(y, this.weights(suffix), before, d === 1);
          ends.push(end);
          return out;
        });
        y = outputs.length === 1 ? outputs[0]! : concat(outputs, -1);
      }
      const last = ends[0]!.map((_, s) =>
        stack(
          ends.map((e) => e[s]!),
          0,
        ),
      );
      return [this.batchFirst ? transpose(y, 0, 1) : y, ...last] as [Tensor, ...Tensor[]];
    });
  }
}

/**
 * Layers of long short-term memory; see {@link lstm}. Parameters have PyTorch's names (weight_ih_l0, bias_hh_l1_reverse)
 * and start uniform in +-1/sqrt(H).
 *
 * @throws TensorError E_FORMAT for options out of range
 * @example
 * const { y, h } = new LSTM(C, 5, { layers: 2, bidirectional: true, batchFirst: true }).forward(x);
 * [y.shape, h.shape]; // => [[B, T, 10], [4, B, 5]]
 */
export class LSTM extends Recurrent {
  constructor(inputSize: number, hiddenSize: number, options: RecurrentOptions = {}) {
    super(4, inputSize, hiddenSize, options);
  }

  /**
   * @param x float, [T, B, I], or [B, T, I] with batchFirst
   * @param state h and c before the first step, [layers directions, B, H]; zeros when left out
   * @returns y [T, B, directions H] (or [B, T, ..]) of the last layer; h and c after the last step, like `state`
   * @throws TensorError E_SHAPE, E_DTYPE
   */
  forward(x: Tensor, state?: { h: Tensor; c: Tensor }): { y: Tensor; h: Tensor; c: Tensor } {
    const [y, h, c] = this.runLayers(x, state ? [state.h, state.c] : [], (t, weights, [h0, c0], reverse) => {
      const out = lstm(t, weights, { h0, c0, reverse });
      return [out.y, out.h, out.c];
    });
    return { y, h: h!, c: c! };
  }
}

/**
 * Layers of gated recurrent units; see {@link gru}. Parameters have PyTorch's names and start uniform in +-1/sqrt(H).
 *
 * @throws TensorError E_FORMAT for options out of range
 * @example
 * new GRU(C, 5, { batchFirst: true }).forward(x).y.shape; // => [B, T, 5]
 */
export class GRU extends Recurrent {
  constructor(inputSize: number, hiddenSize: number, options: RecurrentOptions = {}) {
    super(3, inputSize, hiddenSize, options);
  }

  /**
   * @param x float, [T, B, I], or [B, T, I] with batchFirst
   * @param state h before the first step, [layers directions, B, H]; zeros when left out
   * @returns y [T, B, directions H] (or [B, T, ..]) of the last layer; h after the last step, like `state`
   * @throws TensorError E_SHAPE, E_DTYPE
   */
  forward(x: Tensor, state?: { h: Tensor }): { y: Tensor; h: Tensor } {
    const [y, h] = this.runLayers(x, state ? [state.h] : [], (t, weights, [h0], reverse) => {
      const out = gru(t, weights, { h0, reverse });
      return [out.y, out.h];
    });
    return { y, h: h! };
  }
}
