import { type Conv1dOptions, conv1d } from '../ops/conv1d.js';
import { type ConvOptions, conv2d, type Pair, pairOf } from '../ops/conv2d.js';
import { uniform } from '../random.js';
import type { Shape } from '../shape.js';
import type { Tensor } from '../tensor.js';
import type { LayerOptions } from './linear.js';
import { Module } from './module.js';
import { Parameter } from './parameter.js';

// Uniform in +-1/sqrt(inputs of one output), as PyTorch does.
function parameters(shape: Shape, bias: boolean, options: LayerOptions): [Parameter, Parameter | null] {
  const inputs = shape.slice(1).reduce((a, b) => a * b, 1);
  const bound = inputs > 0 ? 1 / Math.sqrt(inputs) : 0;
  const weight = new Parameter(uniform(shape, -bound, bound, options));
  return [weight, bias ? new Parameter(uniform([shape[0]!], -bound, bound, options)) : null];
}

/**
 * Convolution of images; see {@link conv2d}. Weight and bias start uniform in +-1/sqrt(inputs of one output).
 * @example
 * new Conv2d(3, 8, 3, { padding: 1 }).forward(ones([1, 3, 5, 5])).shape; // => [1, 8, 5, 5]
 */
export class Conv2d extends Module {
  /** [out, in / groups, kh, kw] */
  readonly weight: Parameter;
  /** [out], or null */
  readonly bias: Parameter | null;
  readonly options: ConvOptions;

  constructor(
    inChannels: number,
    outChannels: number,
    kernel: Pair,
    {
      stride,
      padding,
      dilation,
      groups = 1,
      bias = true,
      ...options
    }: ConvOptions & LayerOptions & { bias?: boolean } = {},
  ) {
    super();
    this.options = { stride, padding, dilation, groups };
    const shape = [outChannels, inChannels / groups, ...pairOf('Conv2d', 'kernel', kernel, 1)];
    [this.weight, this.bias] = parameters(shape, bias, options);
  }

  /** @param x float, [N, in, H, W] @returns [N, out, OH, OW] */
  forward(x: Tensor): Tensor {
    return conv2d(x, this.weight, this.bias, this.options);
  }
}

/**
 * Convolution of sequences; see {@link conv1d}. Initialised as {@link Conv2d}.
 * @example
 * new Conv1d(3, 8, 3, { padding: 'same' }).forward(ones([1, 3, 5])).shape; // => [1, 8, 5]
 */
export class Conv1d extends Module {
  /** [out, in / groups, k] */
  readonly weight: Parameter;
  /** [out], or null */
  readonly bias: Parameter | null;
  readonly options: Conv1dOptions;

  constructor(
    inChannels: number,
    outChannels: number,
    kernel: number,
    {
      stride,
      padding,
      dilation,
      groups = 1,
      bias = true,
      ...options
    }: Conv1dOptions & LayerOptions & { bias?: boolean } = {},
  ) {
    super();
    this.options = { stride, padding, dilation, groups };
    [this.weight, this.bias] = parameters([outChannels, inChannels / groups, kernel], bias, options);
  }

  /** @param x float, [N, in, L] @returns [N, out, OL] */
  forward(x: Tensor): Tensor {
    return conv1d(x, this.weight, this.bias, this.options);
  }
}
