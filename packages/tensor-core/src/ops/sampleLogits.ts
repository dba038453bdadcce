import { requireFloat } from '../dtype.js';
import { TensorError } from '../errors.js';
import { toMatrix } from '../layout.js';
import { apply1, describe, type OpDefinition, operation } from '../op.js';
import { uniformAt } from '../philox.js';
import { defaultGenerator, type Generator, type GeneratorState } from '../random.js';
import { Kernel } from '../runtime.js';
import type { Tensor } from '../tensor.js';
import { cast } from './cast.js';

interface SampleAttrs extends GeneratorState {
  topK: number;
  temperature: number;
  topP: number;
  minP: number;
}

const kernel = new Kernel('sample_logits', 'i:seed;i:offset;i:top_k;d:temperature;d:top_p;d:min_p;');

// The class of one row, given a uniform number: the definition, by sorting.
function choose(row: Float64Array, { topK, temperature, topP, minP }: SampleAttrs, u: number): number {
  const max = row.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  if (!Number.isFinite(max))
    throw new TensorError(
      'E_INDEX',
      'sampleLogits',
      'each row needs a finite maximum and no NaN',
      `a maximum of ${max}`,
    );
  if (temperature === 0) return row.indexOf(max);
  // Ascending, the first of equals first: in the order in which they are removed.
  const order = Array.from(row, (_, i) => i).sort((a, b) => row[a]! - row[b]! || a - b);
  const least = topK > 0 && topK < row.length ? row[order[row.length - topK]!]! : Number.NEGATIVE_INFINITY;
  const weights = row.map((x) => (x >= least ? Math.exp((x - max) / temperature) : 0));
  const budget = (1 - topP) * weights.reduce((a, b) => a + b, 0);
  let removed = 0;
  for (let i = 0; topP < 1 && i < order.length - 1; i++) {
    removed += weights[order[i]!]!;
    if (removed > budget) break;
    weights[order[i]!] = 0;
  }
  const kept = weights.map((w, i) => (row[i]! < max + temperature * Math.log(minP) ? 0 : w));
  let left = u * kept.reduce((a, b) => a + b, 0);
  let pick = -1;
  for (let i = 0; i < kept.length; i++) {
    if (kept[i] === 0) continue;
    pick = i;
    left -= kept[i]!;
    if (left < 0) break;
  }
  return pick;
}

const definition: OpDefinition<SampleAttrs> = {
  name: 'sampleLogits',
  infer([x]) {
    if (x!.rank < 1 || x!.shape.at(-1) === 0)
      throw new TensorError(
        'E_SHAPE',
        'sampleLogits',
        'logits must be [.., V] with at least one class',
        describe(x!),
      );
    return [{ shape: x!.shape.slice(0, -1), dtype: 'i32' }];
  },
  reference([x], attrs) {
    const classes = x!.shape.at(-1)!;
    const rows = x!.data.length / classes;
    return [
      Float64Array.from({ length: rows }, (_, r) =>
        choose(
          x!.data.subarray(r * classes, (r + 1) * classes),
          attrs,
          uniformAt(attrs.seed, attrs.offset, r, 0, 1, true),
        ),
      ),
    ];
  },
  native([x], { seed, offset, topK, temperature, topP, minP }) {
    const rows = toMatrix(x!);
    return {
      kernel,
      inputs: [rows],
      outputShapes: [[rows.shape[0]!]],
      attrs: [seed, offset, topK, temperature, topP, minP],
    };
  },
};

/** Options of {@link sampleLogits}. */
export interface SampleLogitsOptions {
  /** Logits are divided by it; 0 takes the largest, the first of equals. Default 1. */
  temperature?: number;
  /** Only the k largest logits, with all that equal the k-th; 0 for all. Default 0. */
  topK?: number;
  /** The least likely classes go whose probabilities together are at most 1 - topP, in (0, 1]. Default 1. */
  topP?: number;
  /** Only classes at least this share as likely as the likeliest, in [0, 1]. Default 0. */
  minP?: number;
  /** Where the draws come from; the default generator otherwise. Half a block of its stream for each row. */
  generator?: Generator;
}

/**
 * One class for each row, drawn with probability softmax(logits / temperature) among those that top-k, top-p and min-p
 * leave, in that order. No sort: classes are binned by their distance from the largest, and only the bin that a
 * threshold cuts is looked at closely.
 *
 * Fan et al., Hierarchical Neural Story Generation, 2018, section 5.4 (top-k); Holtzman et al., The Curious Case of
 * Neural Text Degeneration, 2020, equation 2 (top-p); Nguyen et al., Turning Up the Heat, 2024, section 3 (min-p).
 *
 * @param logits float, [.., V]; computed in f32. -Infinity never comes
 * @returns i32, [..]
 * @throws TensorError E_INDEX for a row with a NaN or without a finite maximum; E_FORMAT, E_SHAPE, E_DTYPE
 * @example
 * sampleLogits(tensor([[1, 3, 2]]), { topK: 1 }).toArray(); // => [1]
 */
export const sampleLogits = operation(
  definition,
  (
    logits: Tensor,
    {
      temperature = 1,
      topK = 0,
      topP = 1,
      minP = 0,
      generator = defaultGenerator(),
    }: SampleLogitsOptions = {},
  ): Tensor => {
    logits.assertAlive('sampleLogits');
    requireFloat('sampleLogits', logits.dtype, 'logits');
    const require = (fits: boolean, rule: string, value: number) => {
      if (!fits) throw new TensorError('E_FORMAT', 'sampleLogits', rule, `${value}`);
    };
    require(temperature >= 0 &&
      temperature < Number.POSITIVE_INFINITY, 'temperature must be finite and not negative', temperature);
    require(Number.isSafeInteger(topK) && topK >= 0, 'topK must be a non-negative integer', topK);
    require(topP > 0 && topP <= 1, 'topP must lie in (0, 1]', topP);
    require(minP >= 0 && minP <= 1, 'minP must lie in [0, 1]', minP);
    const rows = logits.size / (logits.shape.at(-1) || 1);
    const state = generator.reserve(temperature === 0 ? 0 : Math.ceil(rows / 2));
    return apply1(definition, [cast(logits, 'f32')], { ...state, topK, temperature, topP, minP });
  },
);
