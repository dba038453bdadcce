import { ones, zeros } from '../ops/creation.js';
import { layerNorm } from '../ops/layerNorm.js';
import { rmsNorm } from '../ops/rmsNorm.js';
import type { Tensor } from '../tensor.js';
import type { LayerOptions } from './linear.js';
import { Module } from './module.js';
import { Parameter } from './parameter.js';

/**
 * Layer normalization over the last axis, with a learned scale and shift (ones and zeros at first).
 * @example
 * new LayerNorm(C).forward(x).shape; // => [B, T, C]
 */
export class LayerNorm extends Module {
  /** [C] */
  readonly weight: Parameter;
  /** [C], or null */
  readonly bias: Parameter | null;
  readonly eps: number;

  constructor(
    width: number,
    { eps = 1e-5, bias = true, dtype, device }: LayerOptions & { eps?: number; bias?: boolean } = {},
  ) {
    super();
    this.eps = eps;
    this.weight = new Parameter(ones([width], { dtype, device }));
    this.bias = bias ? new Parameter(zeros([width], { dtype, device })) : null;
  }

  /** @param x float, [.., C] */
  forward(x: Tensor): Tensor {
    return layerNorm(x, this.weight, this.bias, { eps: this.eps });
  }
}

/**
 * Root-mean-square normalization over the last axis, with a learned scale (ones at first).
 * @example
 * new RMSNorm(C).forward(x).shape; // => [B, T, C]
 */
export class RMSNorm extends Module {
  /** [C] */
  readonly weight: Parameter;
  readonly eps: number;

  constructor(width: number, { eps = 1e-6, dtype, device }: LayerOptions & { eps?: number } = {}) {
    super();
    this.eps = eps;
    this.weight = new Parameter(ones([width], { dtype, device }));
  }

  /** @param x float, [.., C] */
  forward(x: Tensor): Tensor {
    return rmsNorm(x, this.weight, { eps: this.eps });
  }
}
