import { MetricError, show } from '../errors.js';
import { f1Of } from '../generation/rouge.js';
import { AdditiveMetric, type AdditiveOptions, type Scored } from '../metric.js';
import { splitSpaces } from '../text/whitespace.js';

/** An answered question. */
export interface AnswerSample {
  /** The predicted answer; `undefined` for a question left out (scores 0), `''` for "no answer". */
  readonly prediction: string | undefined;
  /** Accepted answers. In SQuAD 2.0 and its kin an empty list marks an unanswerable question. */
  readonly answers: readonly string[];
  /** Probability that the question has no answer, in SQuAD 2.0; ties prediction and threshold together. Default 0. */
  readonly noAnswerProbability?: number;
}

/** Checks prediction and answers. */
export function checkAnswer(subject: string, sample: AnswerSample, mayBeUnanswerable: boolean): void {
  const { prediction, answers } = sample;
  if (prediction !== undefined && typeof prediction !== 'string') {
    throw new MetricError(
      'E_INPUT',
      subject,
      'prediction must be a string or undefined',
      show(prediction),
      'pass the answer text',
    );
  }
  if (
    !Array.isArray(answers) ||
    answers.some((a) => typeof a !== 'string') ||
    (!mayBeUnanswerable && answers.length === 0)
  ) {
    const rule = mayBeUnanswerable ? 'answers must be strings' : 'answers must be one or more strings';
    throw new MetricError('E_INPUT', subject, rule, show(answers), 'drop questions without an answer');
  }
}

/**
 * SQuAD's normal form: lower case, no ASCII punctuation, no articles, single spaces.
 *
 * @example
 * normalizeAnswer('The  Cat, a dog!'); // => 'cat dog'
 */
export function normalizeAnswer(text: string): string {
  const bare = text.toLowerCase().replace(/[!-/:-@[-`{-~]/g, '');
  // Word boundaries as Python's re sees them, where letters and digits of every script are word characters.
  return splitSpaces(bare.replace(/(?<![\p{L}\p{N}_])(?:a|an|the)(?![\p{L}\p{N}_])/gu, ' ')).join(' ');
}

/** Bag-of-tokens overlap F1 of two token lists. */
function tokenF1(gold: readonly string[], predicted: readonly string[]): number {
  const left = new Map<string, number>();
  for (const token of gold) left.set(token, (left.get(token) ?? 0) + 1);
  let common = 0;
  for (const token of predicted) {
    const count = left.get(token) ?? 0;
    if (count === 0) continue;
    left.set(token, count - 1);
    common++;
  }
  return common === 0 ? 0 : f1Of(common / predicted.length, common / gold.length);
}

/** Exact match and F1. */
export interface AnswerResult extends Scored {
  /** F1 in percent, 0 to 100. */
  readonly score: number;
  /** Exact match in percent, 0 to 100. */
  readonly exactMatch: number;
  /** The same as `score`. */
  readonly f1: number;
  readonly count: number;
}

/**
 * SQuAD 1.1 exact match and F1, in percent.
 *
 * Rajpurkar et al. 2016 (arXiv:1606.05250), as the official script computes them: the best over the accepted answers
 * after {@link normalizeAnswer}; an unanswered question counts as 0. Two answers that both normalise to nothing match
 * exactly but have F1 0, as in that script.
 *
 * @example
 * const squad = new Squad();
 * squad.update([{ prediction: 'the Eiffel Tower', answers: ['Eiffel Tower', 'tower'] }]);
 * squad.compute().exactMatch; // => 100
 */
export class Squad extends AdditiveMetric<AnswerSample, AnswerResult> {
  readonly name = 'SQuAD F1';
  readonly width = 2;

  signature(): string {
    return 'version:1.1';
  }

  constructor(options: AdditiveOptions = {}) {
    super(options);
  }

  protected statistics(sample: AnswerSample, row: Float64Array): void {
    checkAnswer('SQuAD', sample, false);
    if (sample.prediction === undefined) return;
    const prediction = normalizeAnswer(sample.prediction);
    for (const answer of sample.answers) {
      const gold = normalizeAnswer(answer);
      row[0] = Math.max(row[0]!, Number(gold === prediction));
      row[1] = Math.max(row[1]!, tokenF1(splitSpaces(gold), splitSpaces(prediction)));
    }
  }

  protected result(totals: Float64Array, count: number): AnswerResult {
    const f1 = (100 * totals[1]!) / count;
    return { score: f1, exactMatch: (100 * totals[0]!) / count, f1, count };
  }
}

/** Exact match, F1 and how many questions of one kind. */
export interface AnswerScores {
  /** Percent; NaN when there are no such questions. */
  readonly exactMatch: number;
  /** Percent; NaN when there are no such questions. */
  readonly f1: number;
  readonly count: number;
}

/** SQuAD 2.0 scores. */
export interface Squad2Result extends AnswerResult {
  /** Over questions that have an answer. */
  readonly hasAnswer: AnswerScores;
  /** Over questions that have none. */
  readonly noAnswer: AnswerScores;
}

/** The threshold on the no-answer probability that would have scored best. */
export interface BestThreshold {
  /** Best score in percent. */
  readonly score: number;
  /** Answer a question if its no-answer probability is at most this. */
  readonly threshold: number;
}

/**
 * SQuAD 2.0 exact match and F1, in percent, with unanswerable questions and no-answer thresholds.
 *
 * Rajpurkar et al. 2018 (arXiv:1806.03822), as the official script: an unanswerable question is right if and only if the
 * prediction normalises to nothing, and a prediction whose no-answer probability exceeds `threshold` counts as "no
 * answer". {@link Squad2.bestThresholds} searches the best threshold; questions of equal probability move together,
 * where the official script also tries cuts between them, which no threshold can make.
 *
 * @example
 * const squad = new Squad2();
 * squad.update([{ prediction: '', answers: [] }, { prediction: 'Rome', answers: ['Paris'] }]);
 * squad.compute().f1; // => 50
 */
export class Squad2 extends AdditiveMetric<AnswerSample, Squad2Result> {
  readonly name = 'SQuAD 2.0 F1';
  readonly width = 9;
  private readonly threshold: number;

  /** @param options threshold: no-answer probability above which a prediction counts as none. Default 1: never. */
  constructor(options: AdditiveOptions & { readonly threshold?: number } = {}) {
    super(options);
    this.threshold = options.threshold ?? 1;
  }

  signature(): string {
    return `version:2.0|threshold:${this.threshold}`;
  }

  protected statistics(sample: AnswerSample, row: Float64Array): void {
    checkAnswer('SQuAD 2.0', sample, true);
    const probability = sample.noAnswerProbability ?? 0;
    if (typeof probability !== 'number' || !Number.isFinite(probability)) {
      throw new MetricError(
        'E_NAN',
        'SQuAD 2.0',
        'noAnswerProbability must be finite',
        show(probability),
        'repair that sample',
      );
    }
    const golds = sample.answers.map(normalizeAnswer).filter((answer) => answer !== '');
    const answerable = golds.length > 0;
    let exact = 0;
    let f1 = 0;
    if (sample.prediction !== undefined) {
      const prediction = normalizeAnswer(sample.prediction);
      for (const gold of answerable ? golds : ['']) {
        exact = Math.max(exact, Number(gold === prediction));
        const empty = gold === '' || prediction === '';
        f1 = Math.max(
          f1,
          empty ? Number(gold === prediction) : tokenF1(splitSpaces(gold), splitSpaces(prediction)),
        );
      }
    }
    const withheld = probability > this.threshold;
    row[0] = withheld ? Number(!answerable) : exact;
    row[1] = withheld ? Number(!answerable) : f1;
    row[2] = Number(answerable);
    row[3] = answerable ? row[0]! : 0;
    row[4] = answerable ? row[1]! : 0;
    // For the threshold search: the scores before any threshold.
    row[5] = probability;
    row[6] = exact;
    row[7] = f1;
    row[8] = Number(sample.prediction !== undefined && sample.prediction !== '');
  }

  protected result(totals: Float64Array, count: number): Squad2Result {
    const [exact, f1, answerable, answerableExact, answerableF1] = Array.from(totals) as [
      number,
      number,
      number,
      number,
      number,
    ];
    const scores = (e: number, f: number, n: number): AnswerScores => ({
      exactMatch: (100 * e) / n,
      f1: (100 * f) / n,
      count: n,
    });
    const all = scores(exact, f1, count);
    return {
      score: all.f1,
      ...all,
      hasAnswer: scores(answerableExact, answerableF1, answerable),
      noAnswer: scores(exact - answerableExact, f1 - answerableF1, count - answerable),
    };
  }

  /** The best thresholds for exact match and for F1. @throws MetricError `E_EMPTY` when rows were not kept. */
  bestThresholds(): { exactMatch: BestThreshold; f1: BestThreshold } {
    const rows = this.rows();
    const order = Array.from({ length: this.count }, (_, i) => i * this.width).sort(
      (a, b) => rows[a + 5]! - rows[b + 5]!,
    );
    const search = (column: number): BestThreshold => {
      // Answering nothing gets exactly the unanswerable questions right.
      let score = order.filter((at) => rows[at + 2] === 0).length;
      let best = score;
      let threshold = 0;
      order.forEach((at, i) => {
        score += rows[at + 2] === 1 ? rows[at + column]! : -rows[at + 8]!;
        const next = order[i + 1];
        if (next !== undefined && rows[next + 5] === rows[at + 5]) return;
        if (score > best) {
          best = score;
          threshold = rows[at + 5]!;
        }
      });
      return { score: (100 * best) / this.count, threshold };
    };
    return { exactMatch: search(6), f1: search(7) };
  }
}
