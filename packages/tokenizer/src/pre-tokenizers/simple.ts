import type { AlignedText } from '../aligned-text.js';
import { legacyClass } from '../legacy-classes.js';
import { plainMatcher } from '../matcher.js';
import { categoryMask, hasCategory } from '../unicode.js';
import { chainCutters } from './chain-cutter.js';
import { cutGpt2 } from './gpt2-cutter.js';
import { scanOf } from './known-patterns.js';
import { type Cutter, cutNothing, type PreTokenizer } from './pre-tokenizer.js';
import { isRun, runCutter } from './run-cutter.js';
import { Split } from './split.js';
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
    this.cutter = runCutter({ member: isNumber, most: individualDigits ? 1 : Infinity });
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
  readonly wordCutter: Cutter | undefined;

  constructor(readonly preTokenizers: readonly PreTokenizer[]) {
    const [first, last] = preTokenizers;
    // GPT-2's pattern, which may come with the bytes, cuts none of these pieces again.
    if (first instanceof Split && first.wordCutter && last?.byteCutter && preTokenizers.length === 2) {
      if (last.byteCutter === cutNothing || last.byteCutter === cutGpt2) this.wordCutter = first.wordCutter;
      return;
    }
    // Cutters one after the other, of which the last spells bytes, are one byte cutter.
    const cutters = preTokenizers.map((each, i) =>
      i === preTokenizers.length - 1 ? each.byteCutter : each.cutter,
    );
    const cuts = cutters.filter((cut) => cut !== cutNothing);
    if (!cuts.every((cut) => cut !== undefined)) return;
    if (cuts.length <= 1) this.byteCutter = cuts[0] ?? cutters[0];
    else if (cuts.every((cut) => scanOf(cut) || isRun(cut))) this.byteCutter = chainCutters(cuts);
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
