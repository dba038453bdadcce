/** How far the normalizers that rewrite a text character by character look beyond one. */
import { characterBlocks } from './character-blocks.js';
import { EXTENDS, TAKES } from './graphemes.js';
import { type Normalizer, normalizedText } from './normalizers/normalizer.js';
import { Precompiled } from './normalizers/precompiled.js';
import { Replace } from './normalizers/replace.js';
import { Lowercase, Nmt, StripAccents } from './normalizers/simple.js';
import { JOINS, UnicodeForm } from './normalizers/unicode-form.js';

/**
 * A normalizer that rewrites the parts of a text each by itself, offsets included, wherever the text is cut so that what
 * stands before the cut does not take and what stands behind it does not join. Of a text as this normalizer is given it.
 */
interface Step {
  normalizer: Normalizer;
  /** True if it may change a text, or if a character of it joins or takes; of `chars` it need not say so. */
  touches(text: string): boolean;
  /** More characters that must be looked at. */
  chars?: Iterable<string>;
  /** True if what a text begins with may be rewritten together with what stands before it. */
  joins?(text: string): boolean;
  /** True if what a text ends with may be rewritten together with what stands behind it, even if that does not join. */
  takes?(text: string): boolean;
  /** True if a text has a character of which nothing can be said. */
  refuses?(text: string): boolean;
  /** Nothing can be said of any character. */
  broken?: boolean;
}

/** True if a normalizer rewrites texts in parts that can be told. */
export function isByCharacter(normalizer: Normalizer): boolean {
  if (normalizer instanceof Replace)
    return 'String' in normalizer.pattern && normalizer.pattern.String !== '';
  return [UnicodeForm, Lowercase, StripAccents, Nmt, Precompiled].some((kind) => normalizer instanceof kind);
}

/** How far a normalizer looks that `isByCharacter` is true of. */
export function stepOf(normalizer: Normalizer): Step {
  if (normalizer instanceof UnicodeForm) {
    // It takes a character and those behind it that join together, as `normalizeForm` does.
    const changes = (text: string) => normalizedText(text, normalizer) !== text;
    return {
      normalizer,
      touches: (text) => changes(text) || JOINS.test(text),
      joins: (text) => JOINS.test(firstOf(text)),
    };
  }
  if (normalizer instanceof Replace) {
    // A match that goes across a cut has the character behind it, and not as its first.
    const chars = 'String' in normalizer.pattern ? [...normalizer.pattern.String] : [];
    const behind = new Set(chars.slice(1));
    return { normalizer, touches: () => false, chars, joins: (text) => behind.has(firstOf(text)) };
  }
  if (normalizer instanceof Precompiled) return { normalizer, ...ofRules(normalizer) };
  // Each of the others rewrites every character by itself.
  return { normalizer, touches: (text) => normalizedText(text, normalizer) !== text };
}

function firstOf(text: string): string {
  return String.fromCodePoint(text.codePointAt(0)!);
}

let takesAtEnd: RegExp | undefined;

/** The end of a text that takes: one of these, or a sign that joins consonants (rule GB9c) and marks behind it. */
function takesAtEndOf(text: string): boolean {
  takesAtEnd ??= (() => {
    const segmenter = new Intl.Segmenter('und', { granularity: 'grapheme' });
    const marks = Array.from(characterBlocks(), (block) => block.match(/\p{M}/gu) ?? []).flat();
    // Which these are no property of a RegExp says, and older engines have none.
    const linkers = marks.filter((mark) => [...segmenter.segment(`\u0915${mark}\u0915`)].length < 2);
    const joined = linkers.length > 0 ? `|[${linkers.join('')}]${EXTENDS.source}*` : '';
    return new RegExp(`(?:${TAKES.source}${joined})$`, 'u');
  })();
  return takesAtEnd.test(text);
}

function ofRules(normalizer: Precompiled): Omit<Step, 'normalizer'> {
  const ruled = normalizer.ruled();
  if (!ruled) return { touches: () => false, broken: true };
  const { first, behind } = ruled;
  const all = Array.from(new Set([...first, ...behind]), (point) => String.fromCodePoint(point));
  // What is gone is booked on the last character before, and where that is one of several that stand for another it moves them.
  const drops = (text: string) => normalizer.dropsStart(text);
  if (normalizer.matching === 'longest') {
    const begins = (char: string) => first.has(char.codePointAt(0)!);
    const kept = normalizer.kept.map((symbol) => [...symbol]).filter((symbol) => symbol.some(begins));
    const keeps = new Set(kept.map((symbol) => symbol[0]!));
    return {
      touches: () => false,
      chars: [...all, ...keeps],
      // A rule that goes across a cut has the character behind it, and not as its first.
      joins: (text) => behind.has(text.codePointAt(0)!) || drops(text),
      refuses: (text) => [...text].some((char) => keeps.has(char)),
    };
  }
  // User-perceived characters are looked up each by itself, so cuts between them are safe. Of the rules (GB3 to GB13) that hold
  // two characters together, all are told by either the one or the other, whatever else there is around.
  return {
    touches: (text) => EXTENDS.test(text) || TAKES.test(text),
    chars: all,
    joins: (text) => EXTENDS.test(firstOf(text)) || drops(text),
    takes: takesAtEndOf,
  };
}
