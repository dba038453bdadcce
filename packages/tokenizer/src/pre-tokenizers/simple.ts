import type { AlignedText } from '../aligned-text.js';
import { legacyClass } from '../legacy-classes.js';
import { plainMatcher } from '../matcher.js';
import { categoryMask, hasCategory } from '../unicode.js';
import type { Cutter, PreTokenizer } from './pre-tokenizer.js';
import { invert, matchFinder, pointFinder, type SplitBehavior, splitEach } from './split-text.js';

const SPACE = categoryMask('space');

const isSpace = (c: number) => hasCategory(c, SPACE);

const isPunctuation = legacyClass('PUNCTUATION');
const isNumber = legacyClass('NUMERIC');

/** BERT's cut: at white space, and around each punctuation mark (Devlin et al. 2019). */
export class BertPreTokenizer implements PreTokenizer {
  readonly type = 'BertPreTokenizer';

  preTokenize(texts: readonly AlignedText[]): AlignedText[] {
    return splitEach(
      splitEach(texts, pointFinder(isSpace), 'Removed'),
      pointFinder(isPunctuation),
      'Isolated',
    );
  }

  toJSON(): object {
    return { type: this.type };
  }
}

/** Word characters as Rust's `\w` has them. */
const WORDS =
  /[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]+|[^\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}\p{White_Space}]+/gu;

/** Runs of word characters and runs of other characters; white space goes. */
export class Whitespace implements PreTokenizer {
  readonly type = 'Whitespace';

  preTokenize(texts: readonly AlignedText[]): AlignedText[] {
    return splitEach(texts, invert(matchFinder(plainMatcher(WORDS))), 'Removed');
  }

  toJSON(): object {
    return { type: this.type };
  }
}

/** Cuts at white space, which goes. */
export class WhitespaceSplit implements PreTokenizer {
  readonly type = 'WhitespaceSplit';

  preTokenize(texts: readonly AlignedText[]): AlignedText[] {
    return splitEach(texts, pointFinder(isSpace), 'Removed');
  }

  toJSON(): object {
    return { type: this.type };
  }
}

/** Cuts numbers off what surrounds them, whole or digit by digit. */
export class Digits implements PreTokenizer {
  readonly type = 'Digits';
  readonly cutter: Cutter;

  constructor(readonly individualDigits: boolean) {
    this.cutter = (text, start, limit) => {
      const digit = (at: number) => isNumber(text.codePointAt(at)!);
      const size = (at: number) => (text.codePointAt(at)! > 0xffff ? 2 : 1);
      const first = digit(start);
      let at = start + size(start);
      if (first && individualDigits) return at;
      while (at < limit && digit(at) === first) at += size(at);
      return at;
    };
  }

  preTokenize(texts: readonly AlignedText[]): AlignedText[] {
    const behavior = this.individualDigits ? 'Isolated' : 'Contiguous';
    return splitEach(texts, pointFinder(isNumber), behavior);
  }

  toJSON(): object {
    return { type: this.type, individual_digits: this.individualDigits };
  }
}

/** Cuts at punctuation. */
export class Punctuation implements PreTokenizer {
  readonly type = 'Punctuation';

  constructor(readonly behavior: SplitBehavior) {}

  preTokenize(texts: readonly AlignedText[]): AlignedText[] {
    return splitEach(texts, pointFinder(isPunctuation), this.behavior);
  }

  toJSON(): object {
    return { type: this.type, behavior: this.behavior };
  }
}

/** Cuts at one character, which goes. */
export class CharDelimiterSplit implements PreTokenizer {
  readonly type = 'CharDelimiterSplit';

  constructor(readonly delimiter: string) {}

  preTokenize(texts: readonly AlignedText[]): AlignedText[] {
    const point = this.delimiter.codePointAt(0);
    return splitEach(
      texts,
      pointFinder((c) => c === point),
      'Removed',
    );
  }

  toJSON(): object {
    return { type: this.type, delimiter: this.delimiter };
  }
}

/** Cuts after every so many characters. */
export class FixedLength implements PreTokenizer {
  readonly type = 'FixedLength';

  constructor(readonly length: number) {}

  preTokenize(texts: readonly AlignedText[]): AlignedText[] {
    return texts.flatMap((text) => {
      const out: AlignedText[] = [];
      let from = 0;
      let count = 0;
      for (let at = 0; at < text.text.length; ) {
        at += text.text.codePointAt(at)! > 0xffff ? 2 : 1;
        if (++count === this.length || at === text.text.length) {
          out.push(text.slice(from, at));
          from = at;
          count = 0;
        }
      }
      return out;
    });
  }

  toJSON(): object {
    return { type: this.type, length: this.length };
  }
}

/** Pre-tokenizers one after the other. */
export class PreTokenizerSequence implements PreTokenizer {
  readonly type = 'Sequence';
  readonly byteCutter: Cutter | undefined;

  constructor(readonly preTokenizers: readonly PreTokenizer[]) {
    // One cutter, then the spelling of bytes without a cut of its own, is a byte cutter; a chain of cutters is
    // none, since each sees only the piece that the one before has cut.
    const [first, second, ...more] = preTokenizers;
    if (first && !second) this.byteCutter = first.byteCutter;
    if (first?.cutter && second && more.length === 0) {
      const whole = second.byteCutter?.('  a', 0, 3) === 3;
      if (whole) this.byteCutter = first.cutter;
    }
  }

  preTokenize(texts: readonly AlignedText[]): AlignedText[] {
    return this.preTokenizers.reduce<readonly AlignedText[]>(
      (pieces, preTokenizer) => preTokenizer.preTokenize(pieces),
      texts,
    ) as AlignedText[];
  }

  toJSON(): object {
    return { type: this.type, pretokenizers: this.preTokenizers.map((part) => part.toJSON()) };
  }
}
