import { checkFinite, checkInteger, checkList, MetricError, show } from '../errors.js';
import { AdditiveMetric, formatSignature, type Scored } from '../metric.js';
import { codePoints, isSpace } from '../text/whitespace.js';

/** The log-likelihood a model gave a text. */
export interface LikelihoodSample {
  /** Σ ln p over the text's tokens, in nats; finite. */
  readonly logLikelihood: number;
  /** Tokens scored, at least 1. */
  readonly tokens: number;
  /** The text itself: its UTF-8 bytes and words give the measures that compare across tokenizers. */
  readonly text?: string;
}

/** Perplexities. */
export interface PerplexityResult extends Scored {
  /** exp(-Σ ln p / tokens), 1 and up. */
  readonly score: number;
  /** The same as `score`; depends on the tokenizer. */
  readonly perplexity: number;
  /** -Σ log2 p / UTF-8 bytes; NaN unless every sample had its text. */
  readonly bitsPerByte: number;
  /** exp(-Σ ln p / bytes); NaN unless every sample had its text. */
  readonly bytePerplexity: number;
  /** exp(-Σ ln p / words); NaN unless every sample had its text. */
  readonly wordPerplexity: number;
  readonly tokens: number;
}

/** Words as lm-evaluation-harness counts them: pieces between runs of white space, empty ones at the ends included. */
function countWords(text: string): number {
  let words = 1;
  for (let i = 0; i < text.length; i++) {
    if (isSpace(text.charCodeAt(i)) && (i === 0 || !isSpace(text.charCodeAt(i - 1)))) words++;
  }
  return words;
}

/**
 * Perplexity and bits per byte over a corpus.
 *
 * Jelinek et al. 1977; bits per byte as in the Pile (Gao et al. 2020, arXiv:2101.00027). Perplexity of tokens compares
 * models with one tokenizer only; bits per byte and word perplexity compare all. Implementations differ in what a token's
 * context is (see {@link rollingWindows}) and in averaging: torchmetrics pools tokens as here, HF `evaluate` averages the
 * perplexities of texts. Words and
 * bytes are counted as lm-evaluation-harness does (`len(re.split(r"\s+", text))`, UTF-8). The corpus value weighs every
 * token alike; it is not the mean of per-text perplexities.
 *
 * @example
 * const ppl = new Perplexity();
 * ppl.update([{ logLikelihood: 4 * Math.log(0.5), tokens: 4, text: 'ab cd' }]);
 * ppl.compute().perplexity; // => 2
 * ppl.compute().bitsPerByte.toFixed(12); // => '0.800000000000'
 */
export class Perplexity extends AdditiveMetric<LikelihoodSample, PerplexityResult> {
  readonly name = 'perplexity';
  readonly width = 5;
  override readonly higherIsBetter = false;

  signature(): string {
    return '';
  }

  protected statistics({ logLikelihood, tokens, text }: LikelihoodSample, row: Float64Array): void {
    checkFinite('perplexity', 'logLikelihood', logLikelihood);
    checkInteger('perplexity', 'tokens', tokens, 1);
    row[0] = -logLikelihood;
    row[1] = tokens;
    if (text === undefined) return;
    row[2] = Buffer.byteLength(text, 'utf8');
    row[3] = countWords(text);
    row[4] = 1;
  }

  protected result(totals: Float64Array, count: number): PerplexityResult {
    const [nats, tokens, bytes, words, texts] = Array.from(totals) as [
      number,
      number,
      number,
      number,
      number,
    ];
    const known = texts === count;
    const perplexity = Math.exp(nats / tokens);
    return {
      score: perplexity,
      perplexity,
      bitsPerByte: known ? nats / bytes / Math.LN2 : Number.NaN,
      bytePerplexity: known ? Math.exp(nats / bytes) : Number.NaN,
      wordPerplexity: known ? Math.exp(nats / words) : Number.NaN,
      tokens,
    };
  }
}

/** A multiple-choice question a model has scored. */
export interface ChoiceSample {
  /** Index of the right choice. */
  readonly gold: number;
  /** The choices' texts, none empty, [n]. */
  readonly choices: readonly string[];
  /** Σ ln p(choice | context) of each, in nats, [n]; -Infinity is allowed, NaN is not. */
  readonly logLikelihoods: readonly number[];
  /** Σ ln p(choice) without the context, for accMutualInformation, [n]. */
  readonly unconditional?: readonly number[];
}

/** Accuracies under different length normalisations, 0 to 1. */
export interface ChoiceResult extends Scored {
  /** The accuracy chosen as headline, `acc` by default. */
  readonly score: number;
  /** By total log-likelihood. */
  readonly acc: number;
  /** By log-likelihood / characters (code points). */
  readonly accNorm: number;
  /** By log-likelihood / UTF-8 bytes. */
  readonly accBytes: number;
  /** By log-likelihood - unconditional log-likelihood; NaN unless every sample had one. */
  readonly accMutualInformation: number;
}

/** The first index of the largest value. */
function argmax(values: readonly number[]): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i]! > values[best]!) best = i;
  return best;
}

/**
 * Multiple choice by log-likelihood: acc, acc_norm and acc_bytes of lm-evaluation-harness.
 *
 * Brown et al. 2020 (arXiv:2005.14165, section 2.4) on length normalisation. Implementations differ in the length: tokens
 * there, characters in lm-evaluation-harness, of which acc_bytes makes bytes (Gu et al. 2024, arXiv:2406.08446, compare).
 * Lengths are those of the choice texts,
 * without the space that joins them to the context. Of equal scores the first choice counts, as NumPy's argmax.
 *
 * @example
 * const choice = new MultipleChoice();
 * choice.update([{ gold: 1, choices: ['no', 'absolutely'], logLikelihoods: [-3, -5] }]);
 * choice.compute().acc; // => 0
 * choice.compute().accNorm; // => 1
 */
export class MultipleChoice extends AdditiveMetric<ChoiceSample, ChoiceResult> {
  readonly name: string;
  readonly width = 5;

  /** @param headline Which accuracy `score` is. Default acc. */
  constructor(private readonly headline: 'acc' | 'accNorm' | 'accBytes' | 'accMutualInformation' = 'acc') {
    super();
    this.name = headline;
  }

  signature(): string {
    return formatSignature({ headline: this.headline });
  }

  protected statistics(
    { gold, choices, logLikelihoods, unconditional }: ChoiceSample,
    row: Float64Array,
  ): void {
    if (
      !Array.isArray(choices) ||
      choices.length < 2 ||
      choices.some((choice) => typeof choice !== 'string' || choice === '')
    ) {
      throw new MetricError(
        'E_INPUT',
        'multiple choice',
        'choices must be two or more texts, none empty',
        show(choices),
        'drop that question',
      );
    }
    checkInteger('multiple choice', 'gold', gold, 0, choices.length - 1);
    for (const list of [logLikelihoods, ...(unconditional ? [unconditional] : [])]) {
      checkList('multiple choice', 'logLikelihoods', list);
      if (list.length !== choices.length) {
        throw new MetricError(
          'E_INPUT',
          'multiple choice',
          'needs one log-likelihood per choice',
          `${list.length} for ${choices.length}`,
          'score every choice',
        );
      }
      if (list.some((value) => typeof value !== 'number' || Number.isNaN(value))) {
        throw new MetricError(
          'E_NAN',
          'multiple choice',
          'log-likelihoods must not be NaN',
          show([...list]),
          'look for an overflow in the model',
        );
      }
    }
    const right = (values: readonly number[]): number => Number(argmax(values) === gold);
    row[0] = right(logLikelihoods);
    row[1] = right(logLikelihoods.map((value, i) => value / codePoints(choices[i]!).length));
    row[2] = right(logLikelihoods.map((value, i) => value / Buffer.byteLength(choices[i]!, 'utf8')));
    if (!unconditional) return;
    row[3] = right(logLikelihoods.map((value, i) => value - unconditional[i]!));
    row[4] = 1;
  }

  protected result(totals: Float64Array, count: number): ChoiceResult {
    const scores = {
      acc: totals[0]! / count,
      accNorm: totals[1]! / count,
      accBytes: totals[2]! / count,
      accMutualInformation: totals[4] === count ? totals[3]! / count : Number.NaN,
    };
    return { score: scores[this.headline], ...scores };
  }
}
