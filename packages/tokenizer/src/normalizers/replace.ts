import type { AlignedText } from '../aligned-text.js';
import type { Fields } from '../json.js';
import type { Matcher } from '../matcher.js';
import { type Pattern, patternFromJSON, patternMatcher } from '../pattern.js';
import type { Normalizer } from './normalizer.js';

/**
 * Replaces every match of a pattern by a fixed text. What takes the place of an empty match stands for the character before
 * it, and an empty match right behind another counts for nothing.
 */
export class Replace implements Normalizer {
  readonly type = 'Replace';
  readonly #matcher: Matcher;

  constructor(
    readonly pattern: Pattern,
    readonly content: string,
    subject = 'normalizer.pattern',
  ) {
    this.#matcher = patternMatcher(pattern, subject);
  }

  normalize(text: AlignedText): AlignedText {
    if (text.text === '') return text;
    let done = -1;
    const ranges = this.#matcher.matches(text.text).filter(([from, to]) => {
      const counts = from < to || from > done;
      done = to;
      return counts;
    });
    return text.replaceRanges(ranges, this.content);
  }

  toJSON(): object {
    return { type: this.type, pattern: this.pattern, content: this.content };
  }

  static fromJSON(fields: Fields): Replace {
    const subject = `${fields.subject}.pattern`;
    return new Replace(patternFromJSON(fields.raw('pattern'), subject), fields.string('content'), subject);
  }
}
