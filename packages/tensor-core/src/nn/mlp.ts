import type { GeluApproximation } from '../ops/gelu.js';
import type { Tensor } from '../tensor.js';
import { Dropout } from './dropout.js';
import { type LayerOptions, Linear } from './linear.js';
import { Module } from './module.js';

/** Options of {@link MLP}. */
export interface MlpOptions extends LayerOptions {
  /** Default four times the width. */
  hidden?: number;
  approximate?: GeluApproximation;
  bias?: boolean;
  /** Dropout on the output. Default 0. */
  dropout?: number;
}

/**
 * Two linear layers with GELU between them: y = W2 gelu(W1 x).
 * @example
 * new MLP(C, { approximate: 'tanh' }).forward(x).shape; // => [B, T, C]
 */
export class MLP extends Module {
  readonly up: Linear;
  readonly down: Linear;
  readonly drop: Dropout;
  readonly approximate: GeluApproximation;

  constructor(
    width: number,
    { hidden = 4 * width, approximate = 'none', bias = true, dropout = 0, ...options }: MlpOptions = {},
  ) {
    super();
    this.approximate = approximate;
    this.up = new Linear(width, hidden, { ...options, bias });
    this.down = new Linear(hidden, width, { ...options, bias });
    this.drop = new Dropout(dropout, { generator: options.generator });
  }

  /**
   * GELU is applied as the second layer reads its input, so no tensor of the hidden width is written for it.
   * @param x float, [.., C]
   * @param residual added to the result, [.., C]
   */
  forward(x: Tensor, residual?: Tensor): Tensor {
    const inputActivation = this.approximate === 'tanh' ? 'geluTanh' : 'gelu';
    const hidden = this.up.forward(x);
    if (this.drop.active) {
      const y = this.drop.forward(this.down.forward(hidden, { inputActivation }));
      return residual ? residual.add(y) : y;
    }
    return this.down.forward(hidden, { inputActivation, residual });
  }
}

/**
 * The gated variant: y = W3 (silu(W1 x) * W2 x).
 *
 * Shazeer, GLU Variants Improve Transformer, 2020, equation 6.
 * @example
 * new SwiGLU(C, 8).forward(x).shape; // => [B, T, C]
 */
export class SwiGLU extends Module {
  readonly gate: Linear;
  readonly up: Linear;
  readonly down: Linear;

  constructor(
    width: number,
    hidden: number,
    { bias = false, ...options }: LayerOptions & { bias?: boolean } = {},
  ) {
    super();
    this.gate = new Linear(width, hidden, { ...options, bias });
    this.up = new Linear(width, hidden, { ...options, bias });
    this.down = new Linear(hidden, width, { ...options, bias });
  }

  /**
   * @param x float, [.., C]
   * @param residual added to the result, [.., C]
   */
  forward(x: Tensor, residual?: Tensor): Tensor {
    return this.down.forward(this.gate.gated(x, this.up.forward(x)), { residual });
  }
}
