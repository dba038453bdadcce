import { adaptiveAvgPool2d } from '../ops/adaptiveAvgPool2d.js';
import { avgPool1d } from '../ops/avgPool1d.js';
import { type AvgPoolOptions, avgPool2d } from '../ops/avgPool2d.js';
import type { Pair } from '../ops/conv2d.js';
import { maxPool1d } from '../ops/maxPool1d.js';
import { maxPool2d, type PoolOptions } from '../ops/maxPool2d.js';
import type { PoolOptions1d } from '../ops/pooling.js';
import type { Tensor } from '../tensor.js';
import { Module } from './module.js';

/**
 * The largest element of each window; see {@link maxPool2d}.
 * @example
 * new MaxPool2d(2).forward(ones([1, 1, 4, 4])).shape; // => [1, 1, 2, 2]
 */
export class MaxPool2d extends Module {
  constructor(
    readonly kernel: Pair,
    readonly options: PoolOptions = {},
  ) {
    super();
  }

  /** @param x float, [N, C, H, W] */
  forward(x: Tensor): Tensor {
    return maxPool2d(x, this.kernel, this.options);
  }
}

/**
 * The largest element of each window; see {@link maxPool1d}.
 * @example
 * new MaxPool1d(2).forward(ones([1, 1, 4])).shape; // => [1, 1, 2]
 */
export class MaxPool1d extends Module {
  constructor(
    readonly kernel: number,
    readonly options: PoolOptions1d = {},
  ) {
    super();
  }

  /** @param x float, [N, C, L] */
  forward(x: Tensor): Tensor {
    return maxPool1d(x, this.kernel, this.options);
  }
}

/**
 * The mean of each window; see {@link avgPool2d}.
 * @example
 * new AvgPool2d(2).forward(ones([1, 1, 4, 4])).shape; // => [1, 1, 2, 2]
 */
export class AvgPool2d extends Module {
  constructor(
    readonly kernel: Pair,
    readonly options: AvgPoolOptions = {},
  ) {
    super();
  }

  /** @param x float, [N, C, H, W] */
  forward(x: Tensor): Tensor {
    return avgPool2d(x, this.kernel, this.options);
  }
}

/**
 * The mean of each window; see {@link avgPool1d}.
 * @example
 * new AvgPool1d(2).forward(ones([1, 1, 4])).shape; // => [1, 1, 2]
 */
export class AvgPool1d extends Module {
  constructor(
    readonly kernel: number,
    readonly options: PoolOptions1d & { countIncludePad?: boolean } = {},
  ) {
    super();
  }

  /** @param x float, [N, C, L] */
  forward(x: Tensor): Tensor {
    return avgPool1d(x, this.kernel, this.options);
  }
}

/**
 * Means of so many windows; see {@link adaptiveAvgPool2d}.
 * @example
 * new AdaptiveAvgPool2d(1).forward(ones([1, 8, 4, 6])).shape; // => [1, 8, 1, 1]
 */
export class AdaptiveAvgPool2d extends Module {
  constructor(readonly size: Pair) {
    super();
  }

  /** @param x float, [N, C, H, W] */
  forward(x: Tensor): Tensor {
    return adaptiveAvgPool2d(x, this.size);
  }
}
