import { apply, type OpDefinition, operation } from '../op.js';
import type { OutputSpec } from '../runtime.js';
import type { Tensor } from '../tensor.js';
import { maxPool2d } from './maxPool2d.js';
import {
  flatPool,
  liftArray,
  overSequences,
  type PoolAttrs,
  type PoolOptions1d,
  poolAttrs,
} from './pooling.js';

const images = maxPool2d.definition;

const definition: OpDefinition<PoolAttrs> = {
  name: 'maxPool1d',
  infer: ([x], attrs) => [flatPool('maxPool1d', images, x!, attrs)],
  reference: ([x], attrs, [y]) => {
    const shape = [y!.shape[0]!, y!.shape[1]!, 1, y!.shape[2]!];
    const spec: OutputSpec = { shape, dtype: y!.dtype };
    return [images.reference([liftArray(x!)], attrs, [spec, spec])[0]!];
  },
  compute: ([x], attrs) => [overSequences(x!, (image) => apply(images, [image], attrs)[0]!)],
};

/**
 * The largest element of each window of a sequence: {@link maxPool2d} of images one line high.
 *
 * @param x float, [N, C, L]
 * @param kernel the window's length
 * @throws TensorError E_SHAPE, E_DTYPE, E_FORMAT
 * @example
 * maxPool1d(tensor([[[1, 3, 2, 4]]]), 2).toArray(); // => [[[3, 4]]]
 */
export const maxPool1d = operation(
  definition,
  (x: Tensor, kernel: number, { stride = kernel, padding = 0, ceilMode }: PoolOptions1d = {}): Tensor =>
    apply(
      definition,
      [x],
      poolAttrs('maxPool1d', [1, kernel], { stride: [1, stride], padding: [0, padding], ceilMode }),
    )[0]!,
);
