import { MetricError, show } from '../errors.js';
import { splitSpaces, strip } from './whitespace.js';

/** Splits a text into tokens, under a name that goes into signatures. */
export interface Tokenizer {
  /** Name in the signature, such as `13a` or `flores200`. */
  readonly name: string;
  /** The tokens of one text, without white space inside. */
  tokenize(text: string): string[];
}

/** The tokenizers BLEU has by name. */
export type TokenizerName = 'none' | '13a' | 'intl' | 'char' | 'zh' | 'ja';

/** The last step of mteval-v13a: splits ASCII punctuation, full stops and commas outside numbers, dashes after digits. */
function splitPunctuation(text: string): string[] {
  return splitSpaces(
    text
      .replace(/[{-~[-`!-&(-+:-@/]/g, ' $& ')
      .replace(/([^0-9])([.,])/gu, '$1 $2 ')
      .replace(/([.,])([^0-9])/gu, ' $1 $2')
      .replace(/([0-9])-/g, '$1 - '),
  );
}

function tokenize13a(text: string): string[] {
  text = text.replaceAll('<skipped>', '').replaceAll('-\n', '').replaceAll('\n', ' ');
  if (text.includes('&')) {
    text = text
      .replaceAll('&quot;', '"')
      .replaceAll('&amp;', '&')
      .replaceAll('&lt;', '<')
      .replaceAll('&gt;', '>');
  }
  return splitPunctuation(` ${text} `);
}

function tokenizeInternational(text: string): string[] {
  return splitSpaces(
    text
      .replace(/(\P{N})(\p{P})/gsu, '$1 $2 ')
      .replace(/(\p{P})(\P{N})/gsu, ' $1 $2')
      .replace(/\p{S}/gu, ' $& '),
  );
}

/**
 * The characters sacrebleu's `zh` splits off. Its table means to name Extension B as U+20000 to U+2A6D6 but, written
 * with four-digit escapes, names U+2001 to U+2A6D instead, so that much of the punctuation and symbols of the BMP is
 * split and Extension B is not. Published scores have it, so it stays.
 */
const CHINESE =
  /[\u3400-\u4db5\u4e00-\u9fa5\u9fa6-\u9fbb\uf900-\ufa2d\ufa30-\ufa6a\ufa70-\ufad9\u2001-\u2a6d\u2f81-\u2fa1\uff00-\uffef\u2e80-\u2eff\u3000-\u303f\u31c0-\u31ef\u2f00-\u2fdf\u2ff0-\u2fff\u3100-\u312f\u31a0-\u31bf\ufe10-\ufe1f\ufe30-\ufe4f\u2600-\u26ff\u2700-\u27bf\u3200-\u32ff\u3300-\u33ff]/gu;

/**
 * A tokenizer that cuts words where the ICU of this Node build sees word boundaries: Japanese, Thai, Khmer and other
 * scripts without spaces. sacrebleu's `ja-mecab` uses MeCab and another dictionary, so the scores are comparable only
 * with themselves, and the signature says `ja-icu`.
 *
 * @param locale BCP 47 tag, such as `ja`.
 * @example
 * segmenterTokenizer('ja').tokenize('東京へ行く').join('|'); // => '東京|へ|行く'
 */
export function segmenterTokenizer(locale: string): Tokenizer {
  const segmenter = new Intl.Segmenter(locale, { granularity: 'word' });
  return {
    name: `${locale}-icu`,
    tokenize: (text) => [...segmenter.segment(text)].flatMap(({ segment }) => splitSpaces(segment)),
  };
}

const BUILT_IN: Readonly<Record<Exclude<TokenizerName, 'ja'>, Tokenizer>> = {
  none: { name: 'none', tokenize: splitSpaces },
  '13a': { name: '13a', tokenize: tokenize13a },
  intl: { name: 'intl', tokenize: tokenizeInternational },
  char: { name: 'char', tokenize: (text) => splitSpaces([...text].join(' ')) },
  zh: { name: 'zh', tokenize: (text) => splitPunctuation(strip(text).replace(CHINESE, ' $& ')) },
};

/**
 * The tokenizer of a name, or the given one.
 *
 * `13a` is mteval-v13a, `intl` mteval-v14's international rules, `zh` splits Chinese characters, `char` every character,
 * `none` splits at white space, `ja` is {@link segmenterTokenizer}. A flores-style tokenizer is any object with a name
 * and a `tokenize`, for example over a SentencePiece model.
 *
 * @throws MetricError `E_INPUT` for an unknown name.
 * @example
 * tokenizer('13a').tokenize('It costs $1,000.50, "really".').join(' '); // => 'It costs $ 1,000.50 , " really " .'
 */
export function tokenizer(choice: TokenizerName | Tokenizer): Tokenizer {
  if (typeof choice === 'object') return choice;
  if (choice === 'ja') return segmenterTokenizer('ja');
  const found = BUILT_IN[choice];
  if (!found) {
    throw new MetricError(
      'E_INPUT',
      'tokenizer',
      `must be one of ${Object.keys(BUILT_IN).join(', ')}, ja, or an object with name and tokenize`,
      show(choice),
      'pick one of those',
    );
  }
  return found;
}
