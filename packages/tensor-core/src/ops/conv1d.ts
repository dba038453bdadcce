import { TensorError } from '../errors.js';
import { apply1, describe, type OpDefinition, operation, type RefArray } from '../op.js';
import type { OutputSpec } from '../runtime.js';
import type { Tensor } from '../tensor.js';
import { type ConvAttrs, type ConvOptions, conv2d, convAttrs } from './conv2d.js';
import { reshape } from './reshape.js';

/** Options of {@link conv1d}. */
export interface Conv1dOptions extends Pick<ConvOptions, 'groups'> {
  /** Default 1. */
  stride?: number;
  /** Default 0. 'same' keeps the length (stride 1 only; the odd zero goes at the end), 'valid' is 0. */
  padding?: number | 'same' | 'valid';
  /** Default 1. */
  dilation?: number;
}

// [.., L] as [.., 1, L], and back.
const flat = ([a, b, l]: readonly number[]): number[] => [a!, b!, 1, l!];
const image = (t: Tensor): Tensor => reshape(t, flat(t.shape));

const definition: OpDefinition<ConvAttrs> = {
  name: 'conv1d',
  infer(inputs, attrs) {
    const [x, w, b] = inputs as [Tensor, Tensor, Tensor | undefined];
    if (x.rank !== 3 || w.rank !== 3)
      throw new TensorError(
        'E_SHAPE',
        'conv1d',
        'x must be [N, C, L] and weight [O, C / groups, k]',
        describe(x, w),
      );
    const views = [x, w].map((t) => ({ dtype: t.dtype, shape: flat(t.shape), rank: 4 }) as unknown as Tensor);
    const [{ shape, dtype }] = conv2d.definition.infer(b ? [...views, b] : views, attrs) as [OutputSpec];
    return [{ shape: [shape[0]!, shape[1]!, shape[3]!], dtype }];
  },
  reference([x, w, ...b], attrs, [y]) {
    const lift = (r: RefArray): RefArray => ({ shape: flat(r.shape), data: r.data });
    return conv2d.definition.reference([lift(x!), lift(w!), ...b], attrs, [
      { shape: flat(y!.shape), dtype: y!.dtype },
    ]);
  },
  compute([x, w, ...b], attrs) {
    const y = apply1(conv2d.definition, [image(x!), image(w!), ...b], attrs);
    return [reshape(y, [y.shape[0]!, y.shape[1]!, y.shape[3]!])];
  },
};

/**
 * Cross-correlation of sequences with a kernel: {@link conv2d} of images one line high.
 *
 * @param x float, [N, C, L]
 * @param weight [O, C / groups, k], of x's dtype
 * @param bias [O], or null
 * @returns [N, O, floor((L + padding - dilation (k - 1) - 1) / stride) + 1], padding of both ends
 * @throws TensorError E_SHAPE, E_DTYPE, E_FORMAT
 * @example
 * conv1d(tensor([[[1, 2, 4, 8]]]), tensor([[[1, -1]]])).toArray(); // => [[[-1, -2, -4]]]
 */
export const conv1d = operation(
  definition,
  (
    x: Tensor,
    weight: Tensor,
    bias?: Tensor | null,
    { stride = 1, padding = 0, dilation = 1, groups = 1 }: Conv1dOptions = {},
  ): Tensor =>
    apply1(
      definition,
      bias ? [x, weight, bias] : [x, weight],
      convAttrs('conv1d', [1, weight.shape.at(-1) ?? 1], {
        stride: [1, stride],
        padding: typeof padding === 'number' ? [0, padding] : padding,
        dilation: [1, dilation],
        groups,
      }),
    ),
);
