import { gatedLinear } from '../ops/gatedLinear.js';
import { type LinearOptions, linear } from '../ops/linear.js';
import { type Generator, uniform } from '../random.js';
import type { Tensor, TensorOptions } from '../tensor.js';
import { Module } from './module.js';
import { Parameter } from './parameter.js';

/** Where a layer's parameters are made, and from which random numbers. */
export interface LayerOptions extends Pick<TensorOptions, 'dtype' | 'device'> {
  generator?: Generator;
}

/**
 * y = x W^T + b.
 *
 * Initialised as PyTorch does: weight and bias uniform in +-1/sqrt(in).
 *
 * @example
 * new Linear(C, 8).forward(x).shape; // => [B, T, 8]
 */
export class Linear extends Module {
  /** [out, in] */
  readonly weight: Parameter;
  /** [out], or null */
  readonly bias: Parameter | null;

  constructor(
    readonly inFeatures: number,
    readonly outFeatures: number,
    { bias = true, ...options }: LayerOptions & { bias?: boolean } = {},
  ) {
    super();
    const bound = inFeatures > 0 ? 1 / Math.sqrt(inFeatures) : 0;
    this.weight = new Parameter(uniform([outFeatures, inFeatures], -bound, bound, options));
    this.bias = bias ? new Parameter(uniform([outFeatures], -bound, bound, options)) : null;
  }

  /** @param x float, [.., in] @param options activations and a residual, fused with the product @returns [.., out] */
  forward(x: Tensor, options?: LinearOptions): Tensor {
    return linear(x, this.weight, this.bias, options);
  }

  /** silu(x W^T + b) * up: see {@link gatedLinear}. @param x float, [.., in] @param up [.., out] @returns [.., out] */
  gated(x: Tensor, up: Tensor): Tensor {
    return gatedLinear(x, this.weight, up, this.bias);
  }
}
