import { DTYPES, requireFloat } from '../dtype.js';
import { TensorError } from '../errors.js';
import { toDense } from '../layout.js';
import { apply1, like, type OpDefinition, operation } from '../op.js';
import { uniformAt } from '../philox.js';
import { blocksFor, defaultGenerator, type Generator, type GeneratorState } from '../random.js';
import { Kernel } from '../runtime.js';
import type { Tensor } from '../tensor.js';
import { reshape } from './reshape.js';

interface DropoutAttrs extends GeneratorState {
  p: number;
}

const kernel = new Kernel('dropout', 'i:seed;i:offset;d:p;');

const definition: OpDefinition<DropoutAttrs> = {
  name: 'dropout',
  infer(inputs) {
    requireFloat('dropout', inputs[0]!.dtype);
    return like(inputs);
  },
  reference: ([x], { seed, offset, p }) => [
    x!.data.map((v, i) => (uniformAt(seed, offset, i, 0, 1, false) >= p ? v / (1 - p) : 0)),
  ],
  native: ([x], { seed, offset, p }) => ({ kernel, inputs: [toDense(x!)], attrs: [seed, offset, p] }),
  // The mask is drawn again from the same place of the stream, so none is stored.
  grad: (ctx, [dy]) => [apply1(definition, [dy], ctx.attrs)],
  cost: ([x]) => ({ flops: x!.size, bytes: 2 * x!.size * DTYPES[x!.dtype].bytes }),
};

/**
 * Sets each element to zero with probability p and divides the others by 1 - p.
 *
 * Srivastava et al., Dropout, 2014, in its inverted form.
 *
 * @param x float, any shape
 * @param p in [0, 1)
 * @param options.generator where the mask comes from; the default generator otherwise
 * @throws TensorError E_FORMAT for p outside [0, 1), E_DTYPE
 * @example
 * dropout(x, 0.1, { generator: new Generator(1) });
 */
export const dropout = operation(
  definition,
  (x: Tensor, p: number, { generator = defaultGenerator() }: { generator?: Generator } = {}): Tensor => {
    if (!(p >= 0 && p < 1)) throw new TensorError('E_FORMAT', 'dropout', 'p must lie in [0, 1)', `${p}`);
    if (p === 0) return reshape(x, x.shape);
    return apply1(definition, [x], { ...generator.reserve(blocksFor(x.size, 'f32')), p });
  },
);
