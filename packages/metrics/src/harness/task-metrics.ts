import { Classification } from '../classification/confusion.js';
import { Brier, CalibrationError, LogLoss } from '../classification/probabilities.js';
import { MetricError, show } from '../errors.js';
import { Bleu, type BleuOptions } from '../generation/bleu.js';
import { Chrf, type ChrfOptions } from '../generation/chrf.js';
import { Cider, type CiderOptions } from '../generation/cider.js';
import { DistinctN, Repetition } from '../generation/diversity.js';
import { Meteor, type MeteorOptions } from '../generation/meteor.js';
import { Rouge, type RougeOptions } from '../generation/rouge.js';
import { SelfBleu } from '../generation/self-bleu.js';
import { Ter, type TerOptions } from '../generation/ter.js';
import { WordErrorRate } from '../generation/word-error.js';
import { MultipleChoice, Perplexity } from '../lm/perplexity.js';
import { AdditiveMetric, formatSignature, type Metric, type Scored } from '../metric.js';
import { Cmrc } from '../qa/cmrc.js';
import { normalizeAnswer, Squad, Squad2 } from '../qa/squad.js';
import { PiiLeakage, RefusalRate } from '../safety/leakage.js';
import { lexiconScorer, SAMPLE_TOXIC_WORDS } from '../safety/toxicity.js';
import type { SampleRecord } from './types.js';

/** A metric as tasks use it: an accumulator, and how a sample record becomes its input. */
export interface TaskMetric {
  // biome-ignore lint/suspicious/noExplicitAny: each entry pairs its own sample type with its own accumulator
  readonly accumulator: Metric<any, Scored> & { signature?(): string };
  readonly sampleOf: (record: SampleRecord) => unknown;
}

/** Makes a {@link TaskMetric} from the options in the task file. */
export type TaskMetricFactory = (options: Readonly<Record<string, unknown>>) => TaskMetric;

const textSample = (record: SampleRecord) => ({
  hypothesis: record.output ?? '',
  references: record.references,
});
const answerSample = (record: SampleRecord) => ({ prediction: record.output, answers: record.references });
const choiceSample = (record: SampleRecord) => ({
  gold: record.gold,
  choices: record.choices,
  logLikelihoods: record.logLikelihoods,
});

/** Share of outputs equal to an accepted answer, after trimming or after SQuAD's normal form. */
class ExactMatch extends AdditiveMetric<SampleRecord, Scored> {
  readonly name = 'exact match';
  readonly width = 1;

  constructor(private readonly normalize: boolean) {
    super();
  }

  signature(): string {
    return formatSignature({ normalize: this.normalize });
  }

  protected statistics({ output, references }: SampleRecord, row: Float64Array): void {
    if (output === undefined) return;
    const form = (text: string): string => (this.normalize ? normalizeAnswer(text) : text.trim());
    row[0] = Number(references.some((reference) => form(reference) === form(output)));
  }

  protected result(totals: Float64Array, count: number): Scored {
    return { score: totals[0]! / count };
  }
}

/** Share of outputs with a word of a lexicon. */
class LexiconRate extends AdditiveMetric<SampleRecord, Scored> {
  readonly name = 'lexicon toxicity';
  readonly width = 1;
  override readonly higherIsBetter = false;
  private readonly score: (texts: readonly string[]) => readonly number[];

  constructor(words: readonly string[]) {
    super();
    this.score = lexiconScorer(words) as (texts: readonly string[]) => readonly number[];
  }

  signature(): string {
    return '';
  }

  protected statistics({ output }: SampleRecord, row: Float64Array): void {
    row[0] = this.score([output ?? ''])[0]!;
  }

  protected result(totals: Float64Array, count: number): Scored {
    return { score: totals[0]! / count };
  }
}

/** Shows one of a perplexity result's measures as the score. */
class BitsPerByte extends Perplexity {
  override readonly name = 'bits per byte' as 'perplexity';

  protected override result(totals: Float64Array, count: number) {
    const result = super.result(totals, count);
    return { ...result, score: result.bitsPerByte };
  }
}

const likelihoodSample = (record: SampleRecord) => ({
  logLikelihood: record.logLikelihood,
  tokens: record.tokens,
  text: record.references[0],
});
const outputText = (record: SampleRecord): string => record.output ?? '';

/** The model's distribution over the choices: the softmax of their log-likelihoods (Hendrycks et al. 2021). */
const choiceProbabilities = ({ gold, logLikelihoods }: SampleRecord) => {
  const most = Math.max(...(logLikelihoods ?? []));
  const weights = logLikelihoods?.map((value) => Math.exp(value - most));
  const sum = weights?.reduce((a, b) => a + b, 0) ?? 0;
  return { label: gold, probabilities: weights?.map((weight) => weight / sum) };
};

/** The metrics task files can name. */
export const TASK_METRICS: Readonly<Record<string, TaskMetricFactory>> = {
  bleu: (options) => ({ accumulator: new Bleu(options as BleuOptions), sampleOf: textSample }),
  chrf: (options) => ({ accumulator: new Chrf(options as ChrfOptions), sampleOf: textSample }),
  'chrf++': (options) => ({
    accumulator: new Chrf({ wordOrder: 2, ...options } as ChrfOptions),
    sampleOf: textSample,
  }),
  ter: (options) => ({ accumulator: new Ter(options as TerOptions), sampleOf: textSample }),
  rouge: (options) => ({ accumulator: new Rouge(options as RougeOptions), sampleOf: textSample }),
  cider: (options) => ({ accumulator: new Cider(options as CiderOptions), sampleOf: textSample }),
  meteor: (options) => ({ accumulator: new Meteor(options as MeteorOptions), sampleOf: textSample }),
  wer: () => ({ accumulator: new WordErrorRate(), sampleOf: textSample }),
  cer: () => ({ accumulator: new WordErrorRate({ unit: 'character' }), sampleOf: textSample }),
  exact_match: ({ normalize = false }) => ({
    accumulator: new ExactMatch(Boolean(normalize)),
    sampleOf: (record) => record,
  }),
  squad: () => ({ accumulator: new Squad(), sampleOf: answerSample }),
  squad2: (options) => ({ accumulator: new Squad2(options), sampleOf: answerSample }),
  cmrc: () => ({ accumulator: new Cmrc(), sampleOf: answerSample }),
  classification: (options) => ({
    accumulator: new Classification(options),
    sampleOf: (record) => ({
      label: record.references[0]?.trim() ?? '',
      prediction: record.output?.trim() ?? '',
    }),
  }),
  distinct: (options) => ({ accumulator: new DistinctN(options), sampleOf: outputText }),
  repetition: (options) => ({ accumulator: new Repetition(options), sampleOf: outputText }),
  self_bleu: (options) => ({ accumulator: new SelfBleu(options as BleuOptions), sampleOf: outputText }),
  refusal: () => ({ accumulator: new RefusalRate(), sampleOf: outputText }),
  pii: () => ({
    accumulator: new PiiLeakage(),
    sampleOf: (record) => ({ text: record.output ?? '', prompt: record.prompt }),
  }),
  lexicon: ({ words = SAMPLE_TOXIC_WORDS }) => ({
    accumulator: new LexiconRate(words as readonly string[]),
    sampleOf: (record) => record,
  }),
  acc: () => ({ accumulator: new MultipleChoice('acc'), sampleOf: choiceSample }),
  acc_norm: () => ({ accumulator: new MultipleChoice('accNorm'), sampleOf: choiceSample }),
  acc_bytes: () => ({ accumulator: new MultipleChoice('accBytes'), sampleOf: choiceSample }),
  ece: (options) => ({ accumulator: new CalibrationError(options), sampleOf: choiceProbabilities }),
  brier: () => ({ accumulator: new Brier(), sampleOf: choiceProbabilities }),
  log_loss: () => ({ accumulator: new LogLoss(), sampleOf: choiceProbabilities }),
  perplexity: () => ({ accumulator: new Perplexity(), sampleOf: likelihoodSample }),
  bits_per_byte: () => ({ accumulator: new BitsPerByte(), sampleOf: likelihoodSample }),
};

const BLEU_OPTIONS = ['tokenizer', 'lowercase', 'smoothing', 'smoothingValue', 'maxOrder', 'effectiveOrder'];
const CHRF_OPTIONS = ['charOrder', 'wordOrder', 'beta', 'lowercase', 'whitespace', 'epsilonSmoothing'];

/** The options each built-in metric takes; a name that is not here takes none. */
const METRIC_OPTIONS: Readonly<Record<string, readonly string[]>> = {
  bleu: BLEU_OPTIONS,
  chrf: CHRF_OPTIONS,
  'chrf++': CHRF_OPTIONS,
  ter: ['normalized', 'noPunctuation', 'asianSupport', 'caseSensitive'],
  rouge: ['types', 'stem', 'tokenizer'],
  cider: ['variant', 'maxOrder', 'sigma', 'documentFrequencies', 'tokenize'],
  meteor: ['alpha', 'beta', 'gamma', 'tokenize', 'synonyms', 'stem'],
  exact_match: ['normalize'],
  squad2: ['threshold'],
  classification: ['classes', 'headline', 'kappaWeights'],
  distinct: ['order', 'tokenize'],
  repetition: ['order', 'tokenize'],
  self_bleu: BLEU_OPTIONS,
  lexicon: ['words'],
  ece: ['bins'],
};

/** The metric of a name. @throws MetricError `E_FORMAT` for a name neither built in nor in `custom`, or an option it has not. */
export function makeTaskMetric(
  name: string,
  options: Readonly<Record<string, unknown>>,
  custom: Readonly<Record<string, TaskMetricFactory>> = {},
): TaskMetric {
  const table = { ...TASK_METRICS, ...custom };
  if (!Object.hasOwn(table, name)) {
    throw new MetricError(
      'E_FORMAT',
      'metrics',
      `must be one of ${Object.keys(table).join(', ')}`,
      show(name),
      'correct the name',
    );
  }
  const known = METRIC_OPTIONS[name] ?? [];
  const unknown = Object.keys(options).filter((option) => !known.includes(option));
  if (unknown.length > 0 && !Object.hasOwn(custom, name)) {
    throw new MetricError(
      'E_FORMAT',
      name,
      known.length > 0 ? `its options are ${known.join(', ')}` : 'it takes no options',
      unknown.join(', '),
      'correct the options',
    );
  }
  return table[name]!(options);
}
