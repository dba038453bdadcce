import type { AlignedText, Change } from '../aligned-text.js';
import type { Fields } from '../json.js';
import { legacyClass } from '../legacy-classes.js';
import { categoryMask, hasCategory } from '../unicode.js';
import type { Normalizer } from './normalizer.js';
import { lowercase } from './simple.js';
import { normalizeForm } from './unicode-form.js';

const isControl = legacyClass('BERT_CONTROL');
const SPACE = categoryMask('space');
const isNonspacing = legacyClass('NONSPACING');

/** Options of `BertNormalizer`, named as in tokenizer.json. */
export interface BertNormalizerOptions {
  /** Drops control characters, makes white space a space. */
  cleanText?: boolean;
  /** Puts spaces around Chinese characters. */
  handleChineseChars?: boolean;
  /** Drops accents; undefined does as `lowercase`. */
  stripAccents?: boolean;
  lowercase?: boolean;
}

/** The clean-up of BERT (Devlin et al. 2019, arXiv 1810.04805, `BasicTokenizer`). */
export class BertNormalizer implements Normalizer {
  readonly type = 'BertNormalizer';

  /** The options with what they are by default. */
  readonly settings: Readonly<Required<BertNormalizerOptions>>;

  constructor(readonly options: BertNormalizerOptions = {}) {
    const { cleanText = true, handleChineseChars = true, lowercase = true } = options;
    this.settings = {
      ...{ cleanText, handleChineseChars, lowercase },
      stripAccents: options.stripAccents ?? lowercase,
    };
  }

  normalize(text: AlignedText): AlignedText {
    const { cleanText, handleChineseChars, stripAccents, lowercase: lower } = this.settings;
    if (cleanText) text = text.mapPoints(clean);
    if (handleChineseChars) text = spaceChinese(text);
    if (stripAccents) text = normalizeForm(text, 'NFD').mapPoints(strip);
    return lower ? lowercase(text) : text;
  }

  /** What `normalize` makes of a character alone, without positions. */
  normalizeCharacter(char: string): string {
    const { cleanText, handleChineseChars, stripAccents, lowercase: lower } = this.settings;
    const point = char.codePointAt(0)!;
    let made = cleanText ? clean(char, point) : char;
    if (handleChineseChars && isChinese(point)) made = ` ${made} `;
    if (stripAccents) made = made.normalize('NFD');
    let out = '';
    for (const each of made) {
      const kept = stripAccents ? strip(each, each.codePointAt(0)!) : each;
      out += lower ? kept.toLowerCase() : kept;
    }
    return out;
  }

  toJSON(): object {
    const { cleanText, handleChineseChars, lowercase: lower } = this.settings;
    return {
      type: this.type,
      clean_text: cleanText,
      handle_chinese_chars: handleChineseChars,
      strip_accents: this.options.stripAccents ?? null,
      lowercase: lower,
    };
  }

  static fromJSON(fields: Fields): BertNormalizer {
    return new BertNormalizer({
      cleanText: fields.boolean('clean_text', true),
      handleChineseChars: fields.boolean('handle_chinese_chars', true),
      stripAccents: fields.raw('strip_accents') == null ? undefined : fields.boolean('strip_accents'),
      lowercase: fields.boolean('lowercase', true),
    });
  }
}

function clean(char: string, point: number): string {
  if (point === 9 || point === 10 || point === 13) return ' ';
  if (isControl(point)) return '';
  return hasCategory(point, SPACE) ? ' ' : char;
}

function strip(char: string, point: number): string {
  return isNonspacing(point) ? '' : char;
}

function spaceChinese(text: AlignedText): AlignedText {
  const changes: Change[] = [];
  let found = false;
  for (const char of text.text) {
    if (isChinese(char.codePointAt(0)!)) {
      changes.push([' ', 0], [char, 1], [' ', 1]);
      found = true;
    } else {
      changes.push([char, 0]);
    }
  }
  return found ? text.transform(changes) : text;
}

/** The characters that BERT takes for Chinese: CJK ideographs; kana and Hangul are not among them. Both ends of a range are. */
export const CHINESE = [
  [0x3400, 0x4dbf],
  [0x4e00, 0x9fff],
  [0xf900, 0xfaff],
  [0x20000, 0x2a6df],
  [0x2a700, 0x2b73f],
  [0x2b740, 0x2b81f],
  [0x2b920, 0x2ceaf],
  [0x2f800, 0x2fa1f],
] as const;

/** True for the code points of `CHINESE`. */
export function isChinese(point: number): boolean {
  for (const [first, last] of CHINESE) if (point <= last) return point >= first;
  return false;
}
