import type { AlignedText } from '../aligned-text.js';
import { spellBytes } from '../byte-alphabet.js';
import { legacyClass } from '../legacy-classes.js';
import { categoryMask, hasCategory } from '../unicode.js';
import type { Normalizer } from './normalizer.js';

const SPACE = categoryMask('space');
const isMark = legacyClass('COMBINING');

/** Lowercases character by character, whatever the neighbours. */
export class Lowercase implements Normalizer {
  readonly type = 'Lowercase';

  normalize(text: AlignedText): AlignedText {
    return lowercase(text);
  }

  toJSON(): object {
    return { type: this.type };
  }
}

/** The text in lower case; each character on its own, so that no final sigma arises. */
export function lowercase(text: AlignedText): AlignedText {
  const { text: given } = text;
  // ASCII keeps its length, and final sigma is the one rule that looks at neighbours.
  if (!given.includes('\u03a3')) {
    const lower = given.toLowerCase();
    if (lower.length === given.length) return text.withText(lower);
  }
  return text.mapPoints((char) => char.toLowerCase());
}

/** Removes white space at the start, the end, or both. */
export class Strip implements Normalizer {
  readonly type = 'Strip';

  constructor(
    readonly left: boolean,
    readonly right: boolean,
  ) {}

  normalize(text: AlignedText): AlignedText {
    const chars = text.text;
    let from = 0;
    let to = chars.length;
    if (this.left) while (from < to && hasCategory(chars.charCodeAt(from), SPACE)) from++;
    if (this.right) while (to > from && hasCategory(chars.charCodeAt(to - 1), SPACE)) to--;
    if (from === 0 && to === chars.length) return text;
    let at = 0;
    return text.mapPoints((char) => {
      const inside = at >= from && at < to;
      at += char.length;
      return inside ? char : '';
    });
  }

  toJSON(): object {
    return { type: this.type, strip_left: this.left, strip_right: this.right };
  }
}

/** Removes combining marks; put a decomposition before it. */
export class StripAccents implements Normalizer {
  readonly type = 'StripAccents';

  normalize(text: AlignedText): AlignedText {
    return text.mapPoints((char, point) => (isMark(point) ? '' : char));
  }

  toJSON(): object {
    return { type: this.type };
  }
}

/** Puts a fixed text before every text that is not empty. */
export class Prepend implements Normalizer {
  readonly type = 'Prepend';

  constructor(readonly prefix: string) {}

  normalize(text: AlignedText): AlignedText {
    return text.prepend(this.prefix);
  }

  toJSON(): object {
    return { type: this.type, prepend: this.prefix };
  }
}

/** The character clean-up of SentencePiece's `nmt` rules: drops control characters, spaces for odd white space. */
export class Nmt implements Normalizer {
  readonly type = 'Nmt';

  normalize(text: AlignedText): AlignedText {
    return text.mapPoints((char, c) => {
      if (
        (c >= 1 && c <= 8) ||
        c === 0xb ||
        (c >= 0xe && c <= 0x1f) ||
        c === 0x7f ||
        c === 0x8f ||
        c === 0x9f
      ) {
        return '';
      }
      const space =
        c === 9 ||
        c === 10 ||
        c === 12 ||
        c === 13 ||
        c === 0x1680 ||
        (c >= 0x200b && c <= 0x200f) ||
        c === 0x2028 ||
        c === 0x2029 ||
        c === 0x2581 ||
        c === 0xfeff ||
        c === 0xfffd;
      return space ? ' ' : char;
    });
  }

  toJSON(): object {
    return { type: this.type };
  }
}

/** Spells the UTF-8 bytes of every character in the byte alphabet. */
export class ByteLevelNormalizer implements Normalizer {
  readonly type = 'ByteLevel';

  normalize(text: AlignedText): AlignedText {
    return spellAligned(text);
  }

  toJSON(): object {
    return { type: this.type };
  }
}

/** The text spelled in the byte alphabet; each byte stands for its whole character. */
export function spellAligned(text: AlignedText): AlignedText {
  return text.mapPoints((char) => spellBytes(char));
}

/** Normalizers one after the other. */
export class NormalizerSequence implements Normalizer {
  readonly type = 'Sequence';

  constructor(readonly normalizers: readonly Normalizer[]) {}

  normalize(text: AlignedText): AlignedText {
    return this.normalizers.reduce((current, normalizer) => normalizer.normalize(current), text);
  }

  toJSON(): object {
    return { type: this.type, normalizers: this.normalizers.map((normalizer) => normalizer.toJSON()) };
  }
}
