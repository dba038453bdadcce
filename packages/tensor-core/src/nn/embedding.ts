import { embedding } from '../ops/embedding.js';
import { randn } from '../random.js';
import type { Tensor } from '../tensor.js';
import type { LayerOptions } from './linear.js';
import { Module } from './module.js';
import { Parameter } from './parameter.js';

/**
 * A learned vector for each of `count` ids; normal with standard deviation `std` (default 1) at first.
 * @example
 * new Embedding(16, 8).forward(ids).shape; // => [B, T, 8]
 */
export class Embedding extends Module {
  /** [count, width] */
  readonly weight: Parameter;

  constructor(
    readonly count: number,
    readonly width: number,
    { std = 1, ...options }: LayerOptions & { std?: number } = {},
  ) {
    super();
    this.weight = new Parameter(randn([count, width], { ...options, std }));
  }

  /** @param ids i32, any shape @returns [..ids, width] @throws TensorError E_INDEX */
  forward(ids: Tensor): Tensor {
    return embedding(this.weight, ids);
  }
}
