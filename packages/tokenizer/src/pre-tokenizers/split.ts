import type { AlignedText } from '../aligned-text.js';
import type { Fields } from '../json.js';
import { type Pattern, patternFromJSON, patternMatcher } from '../pattern.js';
import { categoryMask, hasCategory } from '../unicode.js';
import { CLIP_PATTERN, cutClip } from './clip-cutter.js';
import { isTiling, knownCutter } from './known-patterns.js';
import type { Cutter, PreTokenizer } from './pre-tokenizer.js';
import {
  BEHAVIORS,
  invert,
  matchFinder,
  type Part,
  type PartFinder,
  type SplitBehavior,
  splitEach,
} from './split-text.js';

const SPACE = categoryMask('space');

/** Cuts at the matches of a pattern. */
export class Split implements PreTokenizer {
  readonly type = 'Split';
  readonly cutter: Cutter | undefined;
  /** Set where all it does is to cut so and to drop the pieces that are white space. */
  readonly wordCutter: Cutter | undefined;
  readonly #find: PartFinder;

  /** @param inverted the gaps between the matches are what is cut at. */
  constructor(
    readonly pattern: Pattern,
    readonly behavior: SplitBehavior,
    readonly inverted: boolean,
    subject = 'pre_tokenizer.pattern',
  ) {
    const known = 'Regex' in pattern ? knownCutter(pattern.Regex) : undefined;
    if (known && behavior === 'Isolated' && !inverted) {
      this.cutter = known;
      this.#find = tile(known);
      return;
    }
    // Where nothing lies between the matches, to remove that is to keep all of them.
    if (known && behavior === 'Removed' && inverted && isTiling(known)) {
      this.cutter = known;
      this.#find = invert(tile(known));
      return;
    }
    if ('Regex' in pattern && pattern.Regex === CLIP_PATTERN && behavior === 'Removed' && inverted) {
      this.wordCutter = cutClip;
      this.#find = (text) =>
        tile(cutClip)(text).map(([from, to]) => [from, to, hasCategory(text.charCodeAt(from), SPACE)]);
      return;
    }
    const find = matchFinder(patternMatcher(pattern, subject));
    this.#find = inverted ? invert(find) : find;
    if (behavior === 'Isolated' && !inverted) this.cutter = partCutter(find);
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

/** A cutter for isolated matches: the parts of a text are found once, when its first piece is asked for. */
function partCutter(find: PartFinder): Cutter {
  let seen = '';
  let parts: Part[] = [];
  let next = 0;
  return (text, start, limit) => {
    const view = limit < text.length ? text.slice(0, limit) : text;
    if (view !== seen) {
      parts = find(view);
      seen = view;
      next = 0;
    }
    // Pieces are asked for in order; anything else begins anew.
    if (next >= parts.length || parts[next]![0] > start) next = 0;
    while (parts[next]![1] <= start) next++;
    return parts[next++]![1];
  };
}
