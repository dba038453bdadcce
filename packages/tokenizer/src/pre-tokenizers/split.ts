import type { AlignedText } from '../aligned-text.js';
import type { Fields } from '../json.js';
import { type Pattern, patternFromJSON, patternToRegExp } from '../pattern.js';
import { knownCutter } from './known-patterns.js';
import type { Cutter, PreTokenizer } from './pre-tokenizer.js';
import {
  BEHAVIORS,
  invert,
  type Part,
  type PartFinder,
  regexFinder,
  type SplitBehavior,
  splitEach,
} from './split-text.js';

/** Cuts at the matches of a pattern. */
export class Split implements PreTokenizer {
  readonly type = 'Split';
  readonly cutter: Cutter | undefined;
  readonly #find: PartFinder;

  /** @param inverted the gaps between the matches are what is cut at. */
  constructor(
    readonly pattern: Pattern,
    readonly behavior: SplitBehavior,
    readonly inverted: boolean,
    subject = 'pre_tokenizer.pattern',
  ) {
    const known =
      'Regex' in pattern && !inverted && behavior === 'Isolated' ? knownCutter(pattern.Regex) : undefined;
    if (known) {
      this.cutter = known;
      this.#find = tile(known);
      return;
    }
    const regex = patternToRegExp(pattern, subject);
    const find = regexFinder(regex);
    this.#find = inverted ? invert(find) : find;
    if (behavior === 'Isolated' && !inverted) this.cutter = regexCutter(regex);
  }

  preTokenize(texts: readonly AlignedText[]): AlignedText[] {
    return splitEach(texts, this.#find, this.behavior);
  }

  toJSON(): object {
    return { type: this.type, pattern: this.pattern, behavior: this.behavior, invert: this.inverted };
  }

  static fromJSON(fields: Fields): Split {
    const subject = `${fields.subject}.pattern`;
    const pattern = patternFromJSON(fields.raw('pattern'), subject);
    return new Split(pattern, fields.oneOf('behavior', BEHAVIORS), fields.boolean('invert', false), subject);
  }
}

/** Parts by a cutter. */
function tile(cut: Cutter): PartFinder {
  return (text) => {
    const out: Part[] = [];
    for (let at = 0; at < text.length; ) {
      const next = cut(text, at, text.length);
      out.push([at, next, true]);
      at = next;
    }
    return out;
  };
}

/** A cutter for isolated matches: a piece is a match, or what lies before the next one. */
function regexCutter(regex: RegExp): Cutter {
  let from = -1;
  let to = -1;
  let seen = '';
  return (text, start, limit) => {
    // The match after a gap is the next piece, so it is kept instead of being looked for twice.
    if (start === from && seen === text) {
      from = -1;
      return to;
    }
    regex.lastIndex = start;
    for (;;) {
      const match = regex.exec(text);
      if (!match || match.index >= limit) return limit;
      if (match[0].length === 0) {
        regex.lastIndex += text.codePointAt(regex.lastIndex)! > 0xffff ? 2 : 1;
        continue;
      }
      const end = match.index + match[0].length;
      if (match.index === start) return end;
      [from, to, seen] = [match.index, end, text];
      return from;
    }
  };
}
