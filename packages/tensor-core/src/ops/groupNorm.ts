import { DTYPES, statisticsDType } from '../dtype.js';
import { TensorError } from '../errors.js';
import { toDense } from '../layout.js';
import { apply, describe, type OpDefinition, operation } from '../op.js';
import { Kernel } from '../runtime.js';
import type { Tensor } from '../tensor.js';
import {
  blockShape,
  blockView,
  groupSets,
  normalizeGradient,
  normalizeReference,
  requireChannels,
} from './channelNorm.js';
import { ones, zeros } from './creation.js';

interface GroupNormAttrs {
  groups: number;
  eps: number;
}

const forwardKernel = new Kernel('group_norm', 'i:groups;d:eps;');
const gradKernel = new Kernel('group_norm_grad', 'i:groups;d:eps;');

const gradient: OpDefinition<GroupNormAttrs> = {
  name: 'groupNormGrad',
  infer: ([x, weight]) => [x!, weight!, weight!],
  reference: (inputs, { groups, eps }) =>
    normalizeGradient(inputs, groupSets(inputs[0]!.shape, groups), eps, false),
  native: ([x, weight, mean, variance, dy], { groups, eps }) => ({
    kernel: gradKernel,
    inputs: [blockView(x!), toDense(weight!), toDense(mean!), toDense(variance!), blockView(dy!)],
    outputShapes: [blockShape(x!.shape), weight!.shape, weight!.shape],
    attrs: [groups, eps],
  }),
};

const definition: OpDefinition<GroupNormAttrs> = {
  name: 'groupNorm',
  infer(inputs, { groups }) {
    const [x] = inputs as [Tensor];
    requireChannels('groupNorm', inputs);
    if (!Number.isSafeInteger(groups) || groups < 1 || x.shape[1]! % groups !== 0)
      throw new TensorError(
        'E_SHAPE',
        'groupNorm',
        'groups must be a positive divisor of C',
        `${groups} and ${describe(x)}`,
      );
    const statistics = { shape: [x.shape[0]!, groups], dtype: statisticsDType(x.dtype) };
    return [x, statistics, statistics];
  },
  reference: (inputs, { groups, eps }) =>
    normalizeReference(inputs, groupSets(inputs[0]!.shape, groups), eps),
  native([x, weight, bias], { groups, eps }) {
    const statistics = [x!.shape[0]!, groups];
    return {
      kernel: forwardKernel,
      inputs: [blockView(x!), toDense(weight!), toDense(bias!)],
      outputShapes: [blockShape(x!.shape), statistics, statistics],
      attrs: [groups, eps],
    };
  },
  saves: { inputs: [0, 1], outputs: [1, 2] },
  grad: (ctx, [dy]) =>
    apply(gradient, [ctx.input(0), ctx.input(1), ctx.output(1), ctx.output(2), dy], ctx.attrs),
  cost: ([x]) => ({ flops: 8 * x!.size, bytes: 2 * x!.size * DTYPES[x!.dtype].bytes }),
};

/**
 * y = (x - mean) / sqrt(variance + eps) weight + bias, with the mean and biased variance of each example's each group
 * of channels, over all positions.
 *
 * Wu and He, Group Normalization, 2018, equations 1 to 7.
 *
 * @param x float, [N, C, ..]
 * @param groups a divisor of C
 * @param weight [C], ones when null
 * @param bias [C], zeros when null
 * @param options.eps default 1e-5
 * @throws TensorError E_SHAPE, E_DTYPE
 * @example
 * groupNorm(tensor([[-1, 1, 2, 6]]), 2, null, null, { eps: 0 }).toArray(); // => [[-1, 1, -1, 1]]
 */
export const groupNorm = operation(
  definition,
  (
    x: Tensor,
    groups: number,
    weight?: Tensor | null,
    bias?: Tensor | null,
    { eps = 1e-5 }: { eps?: number } = {},
  ): Tensor => {
    x.assertAlive('groupNorm');
    if (x.rank < 2) throw new TensorError('E_SHAPE', 'groupNorm', 'x must be [N, C, ..]', describe(x));
    const { dtype, device } = x;
    const w = weight ?? ones([x.shape[1]!], { dtype, device });
    const b = bias ?? zeros([x.shape[1]!], { dtype, device });
    return apply(definition, [x, w, b], { groups, eps })[0]!;
  },
);
