import type { AlignedText } from '../aligned-text.js';
import type { Fields } from '../json.js';
import { type Pattern, patternFromJSON, patternToRegExp } from '../pattern.js';
import type { Normalizer } from './normalizer.js';

/** Replaces every match of a pattern by a fixed text. */
export class Replace implements Normalizer {
  readonly type = 'Replace';
  readonly #regex: RegExp;

  constructor(
    readonly pattern: Pattern,
    readonly content: string,
    subject = 'normalizer.pattern',
  ) {
    this.#regex = patternToRegExp(pattern, subject);
  }

  normalize(text: AlignedText): AlignedText {
    const ranges: [number, number][] = [];
    for (const match of text.text.matchAll(this.#regex)) {
      if (match[0] !== '') ranges.push([match.index, match.index + match[0].length]);
    }
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
