import { TensorError } from '../errors.js';
import { toDense } from '../layout.js';
import { describe, type OpDefinition, type RefArray } from '../op.js';
import type { OutputSpec, View } from '../runtime.js';
import { denseStrides, type Shape } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { type Pair, pairOf } from './conv2d.js';
import { reshape } from './reshape.js';

/** What a pooling is, with sizes by axis: height, then width. */
export interface PoolAttrs {
  readonly kernel: readonly [number, number];
  readonly stride: readonly [number, number];
  readonly padding: readonly [number, number];
  readonly ceilMode: boolean;
}

/** [N, C, H, W] as the planes [N C, H, W] that kernels see. */
export const planeShape = ([n, c, h, w]: Shape): number[] => [n! * c!, h!, w!];

/** Images as kernels read them. */
export function planeView(x: View): View {
  const { storage, offset, dtype } = toDense(x);
  const shape = planeShape(x.shape);
  return { storage, offset, dtype, shape, strides: denseStrides(shape) };
}

/** Checked options. @throws TensorError E_FORMAT */
export function poolAttrs(
  op: string,
  kernel: Pair,
  { stride = kernel, padding = 0, ceilMode = false }: { stride?: Pair; padding?: Pair; ceilMode?: boolean },
): PoolAttrs {
  const size = pairOf(op, 'kernel', kernel, 1);
  const pad = pairOf(op, 'padding', padding, 0);
  if (pad[0] > size[0] / 2 || pad[1] > size[1] / 2)
    throw new TensorError(
      'E_FORMAT',
      op,
      'padding must be at most half the kernel',
      `${JSON.stringify(padding)} of ${JSON.stringify(kernel)}`,
      'pad the input instead',
    );
  return { kernel: size, stride: pairOf(op, 'stride', stride, 1), padding: pad, ceilMode };
}

/** The shape of a pooling's result. @throws TensorError E_SHAPE */
export function poolShape(op: string, x: Tensor, { kernel, stride, padding, ceilMode }: PoolAttrs): number[] {
  if (x.rank !== 4) throw new TensorError('E_SHAPE', op, 'x must be [N, C, H, W]', describe(x));
  const sizes = [0, 1].map((a) => {
    const size = x.shape[2 + a]!;
    const steps = (size + 2 * padding[a]! - kernel[a]!) / stride[a]!;
    // A window that hangs over must begin inside the image or the padding before it.
    const hanging = ceilMode ? Math.ceil(steps) : Math.floor(steps);
    const outputs = (hanging * stride[a]! >= size + padding[a]! ? hanging - 1 : hanging) + 1;
    if (size < 1 || outputs < 1)
      throw new TensorError(
        'E_SHAPE',
        op,
        'the window must fit into the padded image',
        `${describe(x)} and ${kernel[a]}`,
        'use a smaller kernel',
      );
    return outputs;
  });
  return [x.shape[0]!, x.shape[1]!, ...sizes];
}

/** The elements [first, last) of one axis that output o sees, and how many places of the padded image. */
export function windowOf({ kernel, stride, padding }: PoolAttrs, axis: 0 | 1, o: number, size: number) {
  const begin = o * stride[axis] - padding[axis];
  const end = Math.min(begin + kernel[axis], size + padding[axis]);
  return { first: Math.max(0, begin), last: Math.min(end, size), padded: end - begin };
}

/** Options of pooling over sequences. */
export interface PoolOptions1d {
  /** Default the kernel's length. */
  stride?: number;
  /** At both ends; at most half the kernel. Default 0. */
  padding?: number;
  /** Let the last window hang over the end, as long as it begins inside. Default false. */
  ceilMode?: boolean;
}

const lift = ([n, c, l]: Shape): number[] => [n!, c!, 1, l!];

/** A sequence as an image one line high, for references. */
export const liftArray = ({ shape, data }: RefArray): RefArray => ({ shape: lift(shape), data });

/** Runs a pooling of images over sequences [N, C, L]. */
export function overSequences(x: Tensor, pool: (image: Tensor) => Tensor): Tensor {
  const y = pool(reshape(x, lift(x.shape)));
  return reshape(y, [y.shape[0]!, y.shape[1]!, y.shape[3]!]);
}

/** What a pooling of images promises for sequences. @throws TensorError E_SHAPE, E_DTYPE */
export function flatPool<A>(op: string, images: OpDefinition<A>, x: Tensor, attrs: A): OutputSpec {
  if (x.rank !== 3) throw new TensorError('E_SHAPE', op, 'x must be [N, C, L]', describe(x));
  const image = { dtype: x.dtype, shape: lift(x.shape), rank: 4 } as unknown as Tensor;
  const { shape, dtype } = images.infer([image], attrs)[0]!;
  return { shape: [shape[0]!, shape[1]!, shape[3]!], dtype };
}
