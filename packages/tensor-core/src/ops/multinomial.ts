import { requireFloat } from '../dtype.js';
import { TensorError } from '../errors.js';
import { toMatrix } from '../layout.js';
import { apply1, describe, type OpDefinition, operation } from '../op.js';
import { uniformAt } from '../philox.js';
import { defaultGenerator, type Generator, type GeneratorState } from '../random.js';
import { Kernel } from '../runtime.js';
import type { Tensor } from '../tensor.js';
import { cast } from './cast.js';

interface MultinomialAttrs extends GeneratorState {
  samples: number;
}

const kernel = new Kernel('multinomial', 'i:seed;i:offset;');

const definition: OpDefinition<MultinomialAttrs> = {
  name: 'multinomial',
  infer([w], { samples }) {
    if (w!.rank < 1 || samples < 1 || samples > w!.shape.at(-1)!)
      throw new TensorError(
        'E_SHAPE',
        'multinomial',
        'weights must be [.., V] with 1 <= samples <= V',
        `${describe(w!)}, ${samples} samples`,
      );
    return [{ shape: [...w!.shape.slice(0, -1), samples], dtype: 'i32' }];
  },
  reference([w], { seed, offset, samples }) {
    const classes = w!.shape.at(-1)!;
    const rows = classes === 0 ? 0 : w!.data.length / classes;
    const out = new Float64Array(rows * samples);
    for (let r = 0; r < rows; r++) {
      const weights = w!.data.slice(r * classes, (r + 1) * classes);
      for (let s = 0; s < samples; s++) {
        const total = weights.reduce((a, b) => a + b, 0);
        if (!(total > 0 && total < Number.POSITIVE_INFINITY) || weights.some((x) => x < 0))
          throw new TensorError(
            'E_INDEX',
            'multinomial',
            'each row needs non-negative finite weights, enough of them positive',
            `row ${r}`,
          );
        let left = uniformAt(seed, offset, r * samples + s, 0, 1, true) * total;
        let pick = -1;
        for (let c = 0; c < classes; c++) {
          if (weights[c] === 0) continue;
          pick = c;
          left -= weights[c]!;
          if (left < 0) break;
        }
        out[r * samples + s] = pick;
        weights[pick] = 0;
      }
    }
    return [out];
  },
  native: ([w], { seed, offset, samples }) => {
    const rows = toMatrix(w!);
    return { kernel, inputs: [rows], outputShapes: [[rows.shape[0]!, samples]], attrs: [seed, offset] };
  },
};

/**
 * Classes drawn without replacement, each time with probability proportional to its weight.
 *
 * @param weights float, [.., V], not negative; they need not sum to 1
 * @param samples how many to draw from each row, at most the number of positive weights. Default 1
 * @returns i32, [.., samples]
 * @throws TensorError E_INDEX for weights that cannot be drawn from, E_SHAPE, E_DTYPE
 * @example
 * logits.softmax().multinomial(1, { generator: new Generator(1) }).shape; // => [B, 1]
 */
export const multinomial = operation(
  definition,
  (
    weights: Tensor,
    samples = 1,
    { generator = defaultGenerator() }: { generator?: Generator } = {},
  ): Tensor => {
    requireFloat('multinomial', weights.dtype, 'weights');
    const draws = Math.max(1, weights.size / (weights.shape.at(-1) || 1)) * samples;
    const state = generator.reserve(Math.ceil(draws / 2));
    return apply1(definition, [cast(weights, 'f32')], { ...state, samples });
  },
);
