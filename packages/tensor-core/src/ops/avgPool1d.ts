import { apply1, type OpDefinition, operation } from '../op.js';
import type { Tensor } from '../tensor.js';
import { avgPool2d } from './avgPool2d.js';
import {
  flatPool,
  liftArray,
  overSequences,
  type PoolAttrs,
  type PoolOptions1d,
  poolAttrs,
} from './pooling.js';

const images = avgPool2d.definition;

const definition: OpDefinition<PoolAttrs & { countIncludePad: boolean }> = {
  name: 'avgPool1d',
  infer: ([x], attrs) => [flatPool('avgPool1d', images, x!, attrs)],
  reference: ([x], attrs, [y]) =>
    images.reference([liftArray(x!)], attrs, [
      { shape: [y!.shape[0]!, y!.shape[1]!, 1, y!.shape[2]!], dtype: y!.dtype },
    ]),
  compute: ([x], attrs) => [overSequences(x!, (image) => apply1(images, [image], attrs))],
};

/**
 * The mean of each window of a sequence: {@link avgPool2d} of images one line high.
 *
 * @param x float, [N, C, L]
 * @param kernel the window's length
 * @param options.countIncludePad count places of the padding as zeros. Default true
 * @throws TensorError E_SHAPE, E_DTYPE, E_FORMAT
 * @example
 * avgPool1d(tensor([[[1, 3, 2, 4]]]), 2).toArray(); // => [[[2, 3]]]
 */
export const avgPool1d = operation(
  definition,
  (
    x: Tensor,
    kernel: number,
    {
      stride = kernel,
      padding = 0,
      ceilMode,
      countIncludePad = true,
    }: PoolOptions1d & { countIncludePad?: boolean } = {},
  ): Tensor =>
    apply1(definition, [x], {
      ...poolAttrs('avgPool1d', [1, kernel], { stride: [1, stride], padding: [0, padding], ceilMode }),
      countIncludePad,
    }),
);
