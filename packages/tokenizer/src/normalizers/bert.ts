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

  constructor(readonly options: BertNormalizerOptions = {}) {}

  normalize(text: AlignedText): AlignedText {
    const { cleanText = true, handleChineseChars = true, lowercase: lower = true } = this.options;
    if (cleanText) text = text.mapPoints(clean);
    if (handleChineseChars) text = spaceChinese(text);
    if (this.options.stripAccents ?? lower) {
      text = normalizeForm(text, 'NFD').mapPoints((char, point) => (isNonspacing(point) ? '' : char));
    }
    return lower ? lowercase(text) : text;
  }

  toJSON(): object {
    const {
      cleanText = true,
      handleChineseChars = true,
      stripAccents,
      lowercase: lower = true,
    } = this.options;
    return {
      type: this.type,
      clean_text: cleanText,
      handle_chinese_chars: handleChineseChars,
      strip_accents: stripAccents ?? null,
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

/** True for the characters that BERT takes for Chinese: CJK ideographs; kana and Hangul are not among them. */
export function isChinese(c: number): boolean {
  return (
    (c >= 0x4e00 && c <= 0x9fff) ||
    (c >= 0x3400 && c <= 0x4dbf) ||
    (c >= 0x20000 && c <= 0x2a6df) ||
    (c >= 0x2a700 && c <= 0x2b73f) ||
    (c >= 0x2b740 && c <= 0x2b81f) ||
    (c >= 0x2b920 && c <= 0x2ceaf) ||
    (c >= 0xf900 && c <= 0xfaff) ||
    (c >= 0x2f800 && c <= 0x2fa1f)
  );
}
