import { noGrad } from '../autograd.js';
import { DTYPES, statisticsDType } from '../dtype.js';
import { TensorError } from '../errors.js';
import { toDense } from '../layout.js';
import { apply, describe, type OpDefinition, operation } from '../op.js';
import { Kernel } from '../runtime.js';
import { scope } from '../scope.js';
import { sizeOf } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { cast } from './cast.js';
import {
  blockShape,
  blockView,
  channelSets,
  normalizeGradient,
  normalizeReference,
  requireChannels,
} from './channelNorm.js';
import { ones, zeros } from './creation.js';
import { permute } from './permute.js';
import { reshape } from './reshape.js';

const FEW_ELEMENTS = 8;

interface BatchNormAttrs {
  eps: number;
  training: boolean;
}

const forwardKernel = new Kernel('batch_norm', 'i:training;d:eps;');
const gradKernel = new Kernel('batch_norm_grad', 'i:training;d:eps;');

const gradient: OpDefinition<BatchNormAttrs> = {
  name: 'batchNormGrad',
  infer: ([x, weight]) => [x!, weight!, weight!],
  reference: (inputs, { eps, training }) =>
    normalizeGradient(inputs, channelSets(inputs[0]!.shape), eps, !training),
  native: ([x, weight, mean, variance, dy], { eps, training }) => ({
    kernel: gradKernel,
    inputs: [blockView(x!), toDense(weight!), toDense(mean!), toDense(variance!), blockView(dy!)],
    outputShapes: [blockShape(x!.shape), weight!.shape, weight!.shape],
    attrs: [training ? 1 : 0, eps],
  }),
};

const definition: OpDefinition<BatchNormAttrs> = {
  name: 'batchNorm',
  infer(inputs, { training }) {
    const [x] = inputs as [Tensor];
    requireChannels('batchNorm', inputs);
    const C = x.shape[1]!;
    if (inputs.slice(3).some((t) => t.rank !== 1 || t.shape[0] !== C))
      throw new TensorError(
        'E_SHAPE',
        'batchNorm',
        'running statistics must be [C] for x [N, C, ..]',
        describe(...inputs),
      );
    if (training && x.size > 0 && x.size === C)
      throw new TensorError(
        'E_SHAPE',
        'batchNorm',
        'each channel must have more than one value in training',
        describe(x),
        'use a larger batch, or eval()',
      );
    const statistics = { shape: [C], dtype: statisticsDType(x.dtype) };
    return training ? [x, statistics, statistics] : [x];
  },
  reference: (inputs, { eps, training }) =>
    normalizeReference(inputs, channelSets(inputs[0]!.shape), eps).slice(0, training ? 3 : 1),
  native([x, ...rest], { eps, training }) {
    const shape = blockShape(x!.shape);
    const channels = [shape[1]];
    return {
      kernel: forwardKernel,
      inputs: [blockView(x!), ...rest.map((t) => toDense(t))],
      outputShapes: training ? [shape, channels, channels] : [shape],
      attrs: [training ? 1 : 0, eps],
    };
  },
  saves: { inputs: [0, 1, 3, 4], outputs: [1, 2] },
  grad(ctx, [dy]) {
    const { training } = ctx.attrs;
    const mean = training ? ctx.output(1) : ctx.input(3);
    const variance = training ? ctx.output(2) : ctx.input(4);
    const list = apply(gradient, [ctx.input(0), ctx.input(1), mean, variance, dy], ctx.attrs);
    return training ? list : [...list, null, null];
  },
  cost: ([x]) => ({ flops: 8 * x!.size, bytes: 2 * x!.size * DTYPES[x!.dtype].bytes }),
};

/** Options of {@link batchNorm}. */
export interface BatchNormOptions {
  /** [C], ones when left out. */
  weight?: Tensor | null;
  /** [C], zeros when left out. */
  bias?: Tensor | null;
  /** [C]; what evaluation divides by, and training moves towards the batch's. */
  runningMean?: Tensor | null;
  /** [C]; the unbiased variance. */
  runningVar?: Tensor | null;
  /** Normalize by the batch's own statistics. Default false. */
  training?: boolean;
  /** How far running statistics move. Default 0.1. */
  momentum?: number;
  /** Default 1e-5. */
  eps?: number;
}

/**
 * y = (x - mean) / sqrt(variance + eps) weight + bias for each channel, over the batch and all positions. Training uses
 * the batch's mean and biased variance, and moves the running ones in place: r = (1 - momentum) r + momentum batch,
 * with the unbiased variance. Otherwise the running ones are used, as constants.
 *
 * Ioffe and Szegedy, Batch Normalization, 2015, algorithm 1.
 *
 * @param x float, [N, C, ..]
 * @throws TensorError E_SHAPE, E_DTYPE
 * @example
 * batchNorm(tensor([[-1], [1]]), { training: true, eps: 0 }).toArray(); // => [[-1], [1]]
 */
export const batchNorm = operation(
  definition,
  (
    x: Tensor,
    {
      weight,
      bias,
      runningMean,
      runningVar,
      training = false,
      momentum = 0.1,
      eps = 1e-5,
    }: BatchNormOptions = {},
  ): Tensor => {
    x.assertAlive('batchNorm');
    if (x.rank < 2) throw new TensorError('E_SHAPE', 'batchNorm', 'x must be [N, C, ..]', describe(x));
    const { dtype, device } = x;
    const [N, C, S] = blockShape(x.shape);
    // Blocks of few elements are slow to visit one by one: a channel's elements are laid side by side first.
    const gather = S < FEW_ELEMENTS && N > 1;
    const blocks = gather ? reshape(permute(reshape(x, [N, C, S]), [1, 0, 2]), [1, C, N * S]) : x;
    const asBefore = (y: Tensor) =>
      gather ? reshape(permute(reshape(y, [C, N, S]), [1, 0, 2]), x.shape) : y;
    const own = [blocks, weight ?? ones([C], { dtype, device }), bias ?? zeros([C], { dtype, device })];
    if (!training && runningMean && runningVar) {
      const statistics = [runningMean, runningVar].map((t) => cast(t, statisticsDType(dtype)));
      return asBefore(apply(definition, [...own, ...statistics], { eps, training: false })[0]!);
    }
    if (!training && (runningMean || runningVar))
      throw new TensorError(
        'E_FORMAT',
        'batchNorm',
        'runningMean and runningVar must come together',
        runningMean ? 'runningMean' : 'runningVar',
      );
    const [y, mean, variance] = apply(definition, own, { eps, training: true }) as [Tensor, Tensor, Tensor];
    const n = sizeOf(x.shape) / Math.max(1, C);
    if (training && n > 1)
      noGrad(() =>
        scope(() => {
          const move = (running: Tensor | null | undefined, batch: Tensor, scale: number) =>
            running?.copy_(running.mul(1 - momentum).add(batch.detach().mul(momentum * scale)));
          move(runningMean, mean, 1);
          move(runningVar, variance, n / (n - 1));
        }),
      );
    return asBefore(y);
  },
);
