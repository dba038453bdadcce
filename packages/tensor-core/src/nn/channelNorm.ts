import { TensorError } from '../errors.js';
import { describe } from '../op.js';
import { batchNorm } from '../ops/batchNorm.js';
import { ones, zeros } from '../ops/creation.js';
import { groupNorm } from '../ops/groupNorm.js';
import { keep, scope } from '../scope.js';
import type { Tensor } from '../tensor.js';
import type { LayerOptions } from './linear.js';
import { Module } from './module.js';
import { Parameter } from './parameter.js';

/** Options of {@link BatchNorm2d}. */
export interface BatchNormLayerOptions extends Pick<LayerOptions, 'dtype' | 'device'> {
  /** Default 1e-5. */
  eps?: number;
  /** How far running statistics move towards a batch's. Default 0.1. */
  momentum?: number;
  /** Learn a scale and a shift for each channel. Default true. */
  affine?: boolean;
  /** Keep running statistics for evaluation; without them it uses the batch's own. Default true. */
  trackRunningStats?: boolean;
}

abstract class BatchNorm extends Module {
  /** [C], or null */
  readonly weight: Parameter | null;
  /** [C], or null */
  readonly bias: Parameter | null;
  /** [C], or null: a buffer under PyTorch's name */
  readonly running_mean: Tensor | null;
  /** [C], or null: the unbiased variance */
  readonly running_var: Tensor | null;
  /** How many batches were seen in training. */
  readonly num_batches_tracked: Tensor | null;
  readonly eps: number;
  readonly momentum: number;

  constructor(
    channels: number,
    {
      eps = 1e-5,
      momentum = 0.1,
      affine = true,
      trackRunningStats = true,
      ...options
    }: BatchNormLayerOptions = {},
  ) {
    super();
    this.eps = eps;
    this.momentum = momentum;
    this.weight = affine ? new Parameter(ones([channels], options)) : null;
    this.bias = affine ? new Parameter(zeros([channels], options)) : null;
    // Like parameters, buffers belong to no scope.
    this.running_mean = trackRunningStats ? keep(zeros([channels], options)) : null;
    this.running_var = trackRunningStats ? keep(ones([channels], options)) : null;
    this.num_batches_tracked = trackRunningStats ? keep(zeros([], { ...options, dtype: 'i32' })) : null;
  }

  protected abstract readonly ranks: readonly number[];

  /** Normalizes by the batch while training, which moves the running statistics, and by those in evaluation. */
  forward(x: Tensor): Tensor {
    if (!this.ranks.includes(x.rank))
      throw new TensorError(
        'E_SHAPE',
        this.constructor.name,
        `x must have ${this.ranks.join(' or ')} axes, [N, C, ..]`,
        describe(x),
      );
    if (this.training && this.num_batches_tracked) {
      const seen = this.num_batches_tracked;
      scope(() => seen.copy_(seen.add(1)));
    }
    const { weight, bias, eps, momentum } = this;
    return batchNorm(x, {
      ...{ weight, bias, eps, momentum },
      runningMean: this.running_mean,
      runningVar: this.running_var,
      training: this.training || this.running_mean === null,
    });
  }
}

/**
 * Batch normalization of vectors [N, C] or sequences [N, C, L]; see {@link batchNorm}.
 * @example
 * new BatchNorm1d(8).forward(ones([4, 8])).shape; // => [4, 8]
 */
export class BatchNorm1d extends BatchNorm {
  protected readonly ranks = [2, 3];
}

/**
 * Batch normalization of images [N, C, H, W]; see {@link batchNorm}.
 * @example
 * new BatchNorm2d(8).forward(ones([1, 8, 4, 4])).shape; // => [1, 8, 4, 4]
 */
export class BatchNorm2d extends BatchNorm {
  protected readonly ranks = [4];
}

/**
 * Group normalization with a learned scale and shift for each channel; see {@link groupNorm}.
 * @example
 * new GroupNorm(2, 8).forward(ones([1, 8, 4, 4])).shape; // => [1, 8, 4, 4]
 */
export class GroupNorm extends Module {
  /** [C], or null */
  readonly weight: Parameter | null;
  /** [C], or null */
  readonly bias: Parameter | null;
  readonly eps: number;

  constructor(
    readonly groups: number,
    channels: number,
    { eps = 1e-5, affine = true, dtype, device }: LayerOptions & { eps?: number; affine?: boolean } = {},
  ) {
    super();
    this.eps = eps;
    this.weight = affine ? new Parameter(ones([channels], { dtype, device })) : null;
    this.bias = affine ? new Parameter(zeros([channels], { dtype, device })) : null;
  }

  /** @param x float, [N, C, ..] */
  forward(x: Tensor): Tensor {
    return groupNorm(x, this.groups, this.weight, this.bias, { eps: this.eps });
  }
}
