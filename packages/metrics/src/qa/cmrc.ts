import { appendAll } from '../errors.js';
import { f1Of } from '../generation/rouge.js';
import { AdditiveMetric, type AdditiveOptions } from '../metric.js';
import { splitSpaces, strip } from '../text/whitespace.js';
import { type AnswerResult, type AnswerSample, checkAnswer } from './squad.js';

/** Settings of {@link Cmrc}. */
export interface CmrcOptions extends AdditiveOptions {
  /** Splits what is not Chinese into tokens. Default: words and single punctuation marks. */
  readonly tokenize?: (text: string) => readonly string[];
}

/** Punctuation the official script removes. Its list also has `……`, which no single character equals, so … stays. */
const REMOVED = new Set('-:_*^/\\~`+=，。：？！“”；’《》·、「」（）－～『』');
const HAN = /[\u4e00-\u9fa5]/;

const defaultTokenize = (text: string): readonly string[] =>
  splitSpaces(text).flatMap((word) => word.match(/[\p{L}\p{N}\p{M}_]+|[^\p{L}\p{N}\p{M}_]/gu) ?? []);

/** The length of the longest run of tokens that both lists contain contiguously. */
function longestCommonRun(a: readonly string[], b: readonly string[]): number {
  let previous = new Int32Array(b.length + 1);
  let best = 0;
  for (const token of a) {
    const row = new Int32Array(b.length + 1);
    for (let j = 1; j <= b.length; j++) {
      if (token === b[j - 1]) best = Math.max(best, (row[j] = previous[j - 1]! + 1));
    }
    previous = row;
  }
  return best;
}

/**
 * Chinese reading comprehension: exact match and F1 over characters, in percent, as in CMRC 2018.
 *
 * Cui et al. 2019 (arXiv:1810.07366). Chinese characters are single tokens; the punctuation marks that the official script
 * lists are dropped, so others (… and ASCII's comma and stop among them) count. As in the official
 * script the overlap is the longest common *run* of tokens, not the bag of tokens of SQuAD. What is not Chinese is split
 * into words and marks here, by NLTK's `word_tokenize` there; pass `tokenize` to change that.
 *
 * @example
 * const cmrc = new Cmrc();
 * cmrc.update([{ prediction: '北京市。', answers: ['北京', '上海'] }]);
 * cmrc.compute().f1.toFixed(4); // => '80.0000'
 */
export class Cmrc extends AdditiveMetric<AnswerSample, AnswerResult> {
  readonly name = 'CMRC F1';
  readonly width = 2;
  private readonly tokenize: (text: string) => readonly string[];

  constructor(options: CmrcOptions = {}) {
    super(options);
    this.tokenize = options.tokenize ?? defaultTokenize;
  }

  signature(): string {
    return 'version:cmrc2018';
  }

  protected statistics(sample: AnswerSample, row: Float64Array): void {
    checkAnswer('CMRC', sample, false);
    if (sample.prediction === undefined) return;
    const prediction = this.tokensOf(sample.prediction);
    const bare = withoutPunctuation(sample.prediction);
    for (const answer of sample.answers) {
      const gold = this.tokensOf(answer);
      const run = longestCommonRun(gold, prediction);
      const f1 = run === 0 ? 0 : f1Of(run / prediction.length, run / gold.length);
      row[0] = Math.max(row[0]!, Number(withoutPunctuation(answer) === bare));
      row[1] = Math.max(row[1]!, f1);
    }
  }

  private tokensOf(text: string): string[] {
    const tokens: string[] = [];
    let other = '';
    for (const character of withoutPunctuation(text)) {
      if (!HAN.test(character)) {
        other += character;
        continue;
      }
      appendAll(tokens, this.tokenize(other));
      tokens.push(character);
      other = '';
    }
    appendAll(tokens, this.tokenize(other));
    return tokens;
  }

  protected result(totals: Float64Array, count: number): AnswerResult {
    const f1 = (100 * totals[1]!) / count;
    return { score: f1, exactMatch: (100 * totals[0]!) / count, f1, count };
  }
}

const withoutPunctuation = (text: string): string =>
  [...strip(text.toLowerCase())].filter((character) => !REMOVED.has(character)).join('');
