/** Encoding by chunks, each of which is encoded once and remembered. */
import { AlignedText } from './aligned-text.js';
import type { EncoderParts } from './engine.js';
import { EXTENDS } from './graphemes.js';
import { IdBuffer } from './id-buffer.js';
import { Bpe } from './models/bpe.js';
import type { Model } from './models/model.js';
import { Unigram } from './models/unigram.js';
import { BertNormalizer, isChinese } from './normalizers/bert.js';
import type { Normalizer } from './normalizers/normalizer.js';
import { Precompiled } from './normalizers/precompiled.js';
import { Replace } from './normalizers/replace.js';
import { Lowercase, Nmt, NormalizerSequence, StripAccents } from './normalizers/simple.js';
import { UnicodeForm } from './normalizers/unicode-form.js';
import { Metaspace } from './pre-tokenizers/metaspace.js';
import type { PreTokenizer } from './pre-tokenizers/pre-tokenizer.js';
import {
  BertPreTokenizer,
  PreTokenizerSequence,
  Whitespace,
  WhitespaceSplit,
} from './pre-tokenizers/simple.js';
import { categoryMask, hasCategory } from './unicode.js';

/** Where the tokens of texts go: ids, and if asked for two offsets and the number of the word for each. */
export interface TokenBuffers {
  ids: IdBuffer;
  offsets: IdBuffer | null;
  words: IdBuffer | null;
}

/** Appends the tokens of a part of a text, of which `word` is the first word, and returns the number of the next word. */
export type PartEncoder = (part: AlignedText, out: TokenBuffers, word: number) => number;

/**
 * Encodes texts whose words have nothing to do with each other, as those of WordPiece and of Unigram behind spaces: a text
 * is cut where neither normalizing nor pre-tokenizing looks across, and what a chunk becomes is remembered. The tokens are
 * those of the whole text.
 */
export class ChunkEncoder {
  readonly #encode: PartEncoder;
  readonly #chinese: boolean;
  readonly #normalizer: Normalizer | undefined;
  /** Whether texts may be cut at a space next to a UTF-16 unit: 0 not known yet, or one of the three below. */
  readonly #beside = new Uint8Array(0x10000);
  /** Of each chunk how many words and tokens it has, then id, start, end and word of each token, counted from its beginning. */
  readonly #tokens = new IdBuffer(1 << 12);
  /** Where in `#tokens` a chunk stands. */
  readonly #known = new Map<string, number>();
  /** The same for chunks of one Chinese character, by its unit: 0 is none. */
  readonly #characters: Int32Array;
  readonly #room: TokenBuffers = {
    ids: new IdBuffer(64),
    offsets: new IdBuffer(128),
    words: new IdBuffer(64),
  };

  private constructor(encode: PartEncoder, chinese: boolean, normalizer: Normalizer | undefined) {
    this.#encode = encode;
    this.#chinese = chinese;
    this.#normalizer = normalizer;
    this.#characters = new Int32Array(chinese ? 0x10000 : 0);
    this.#forget();
  }

  /** For a tokenizer of these parts whose parts of text `encode` takes, if it has such words. */
  static of(parts: EncoderParts, encode: PartEncoder): ChunkEncoder | undefined {
    const { model, normalizer, preTokenizer } = parts;
    if (!isSettled(model) || !preTokenizer || !cutsAtSpaces(preTokenizer)) return undefined;
    if (normalizer && !(isLocal(normalizer) && leavesWordsApart(normalizer))) return undefined;
    const chinese = normalizer instanceof BertNormalizer && (normalizer.options.handleChineseChars ?? true);
    return new ChunkEncoder(encode, chinese, normalizer);
  }

  /** Appends the tokens of a part of a text that has not been normalized; see `PartEncoder`. */
  encode(part: AlignedText, out: TokenBuffers, word: number): number {
    const { text, origin } = part;
    for (let from = 0; from < text.length; ) {
      const to = this.#end(text, from);
      // What begins a text may be treated apart, and what is long hardly comes again.
      if (origin + from === 0 || to - from > LONGEST) word = this.#encode(part.slice(from, to), out, word);
      else word = this.#append(this.#chunk(text, from, to), out, origin + from, word);
      from = to;
    }
    return word;
  }

  /** The end of the chunk at `from`. */
  #end(text: string, from: number): number {
    if (!this.#chinese) {
      for (let at = text.indexOf(' ', from + 1); at >= 0; at = text.indexOf(' ', at + 1)) {
        if (this.#isApart(text, at)) return at;
      }
      return text.length;
    }
    let before = kindOf(text.charCodeAt(from));
    for (let at = from + 1; at < text.length; at++) {
      const unit = text.charCodeAt(at);
      const kind = kindOf(unit);
      // Chinese characters have spaces put around them.
      if (before !== OTHER && kind !== OTHER && (kind === CHINESE || before === CHINESE)) return at;
      if (unit === 0x20 && this.#isApart(text, at)) return at;
      before = kind;
    }
    return text.length;
  }

  /** True if what stands before the space at `at` and what stands behind it have nothing to do with each other. */
  #isApart(text: string, at: number): boolean {
    if (at + 1 === text.length || this.#besideSpace(text.charCodeAt(at + 1)) === CHANGES) return false;
    // A mark can be gone with what it stands on, and that become a space.
    let before = at - 1;
    while (before > 0 && this.#besideSpace(text.charCodeAt(before)) === STAYS_AS_MARK) before--;
    return this.#besideSpace(text.charCodeAt(before)) !== CHANGES;
  }

  #besideSpace(unit: number): number {
    return (this.#beside[unit] ||= !staysBesideSpace(unit, this.#normalizer)
      ? CHANGES
      : EXTENDS.test(String.fromCharCode(unit))
        ? STAYS_AS_MARK
        : STAYS);
  }

  /** Where in `#tokens` a chunk stands. */
  #chunk(text: string, from: number, to: number): number {
    if (this.#chinese && to === from + 1) {
      const unit = text.charCodeAt(from);
      return this.#characters[unit] || (this.#characters[unit] = this.#make(text.slice(from, to)));
    }
    const chunk = text.slice(from, to);
    const known = this.#known.get(chunk);
    if (known !== undefined) return known;
    const made = this.#make(chunk);
    // A slice would keep the whole text alive.
    this.#known.set(` ${chunk}`.slice(1), made);
    return made;
  }

  #make(chunk: string): number {
    if (this.#known.size === MOST || this.#tokens.length > MOST_NUMBERS) this.#forget();
    const { ids, offsets, words } = this.#room;
    for (const buffer of [ids, offsets!, words!]) buffer.length = 0;
    // Not where a text begins.
    const count = this.#encode(AlignedText.of(chunk, 1), this.#room, 0);
    const made = this.#tokens;
    const at = made.length;
    made.reserve(2 + 4 * ids.length);
    made.push(count);
    made.push(ids.length);
    for (let i = 0; i < ids.length; i++) {
      made.push(ids.data[i]!);
      made.push(offsets!.data[2 * i]! - 1);
      made.push(offsets!.data[2 * i + 1]! - 1);
      made.push(words!.data[i]!);
    }
    return at;
  }

  #forget(): void {
    this.#known.clear();
    this.#characters.fill(0);
    // No chunk stands at 0.
    this.#tokens.length = 1;
  }

  /** Appends what a chunk at `start` became. */
  #append(chunk: number, { ids, offsets, words }: TokenBuffers, start: number, word: number): number {
    const { data } = this.#tokens;
    const end = chunk + 2 + 4 * data[chunk + 1]!;
    for (let at = chunk + 2; at < end; at += 4) {
      ids.push(data[at]!);
      if (!offsets || !words) continue;
      offsets.push(start + data[at + 1]!);
      offsets.push(start + data[at + 2]!);
      words.push(word + data[at + 3]!);
    }
    return word + data[chunk]!;
  }
}

/** Longest chunk that is remembered, in UTF-16 units; how many are, and in how many numbers. */
const LONGEST = 64;
const MOST = 1 << 17;
const MOST_NUMBERS = 1 << 22;

const STAYS = 1;
const CHANGES = 2;
/** Stays, and is of one user-perceived character with what stands before it. */
const STAYS_AS_MARK = 3;

const OTHER = 0;
const GRAPHIC = 1;
const CHINESE = 2;

function isGraphic(unit: number): boolean {
  return unit > 0x20 && unit < 0x7f;
}

/** GRAPHIC are characters that stay as they are whatever stands next to them: ASCII, and punctuation of Chinese. */
function kindOf(unit: number): number {
  if (unit < 0x7f) return isGraphic(unit) ? GRAPHIC : OTHER;
  if (unit >= 0x3400 && isChinese(unit)) return CHINESE;
  const stays =
    (unit >= 0x2010 && unit < 0x2028) || (unit > 0x3000 && unit < 0x302a) || (unit > 0xff00 && unit < 0xff61);
  return stays ? GRAPHIC : OTHER;
}

/** True if a piece always becomes the same tokens. */
function isSettled(model: Model): boolean {
  return (
    !(model instanceof Bpe && model.options.dropout) && !(model instanceof Unigram && model.options.sampling)
  );
}

/** True if pieces end before each space, whatever comes after that cut. */
function cutsAtSpaces(preTokenizer: PreTokenizer): boolean {
  if (preTokenizer instanceof PreTokenizerSequence) {
    const [first] = preTokenizer.preTokenizers;
    return first !== undefined && cutsAtSpaces(first);
  }
  return (
    preTokenizer instanceof BertPreTokenizer ||
    preTokenizer instanceof Whitespace ||
    preTokenizer instanceof WhitespaceSplit ||
    (preTokenizer instanceof Metaspace && preTokenizer.options.split)
  );
}

/** True if a normalizer never looks across a single space between ASCII characters that it leaves in place. */
function isLocal(normalizer: Normalizer): boolean {
  if (normalizer instanceof NormalizerSequence) return normalizer.normalizers.every(isLocal);
  if (normalizer instanceof Replace) {
    const { pattern } = normalizer;
    return 'String' in pattern ? !/\s/.test(pattern.String) : pattern.Regex === ' {2,}';
  }
  // No user-perceived character ends in a space, but a rule may.
  if (normalizer instanceof Precompiled) return normalizer.matching === 'grapheme';
  return [BertNormalizer, UnicodeForm, Lowercase, StripAccents, Nmt].some(
    (kind) => normalizer instanceof kind,
  );
}

/** True if ASCII characters on both sides of a space stay there and the space between them, on its own. */
function leavesWordsApart(normalizer: Normalizer): boolean {
  for (let unit = 0x21; unit < 0x7f; unit++) if (!staysBesideSpace(unit, normalizer)) return false;
  return true;
}

const SEEN = categoryMask('L', 'M', 'N', 'P', 'S');
/** The one letter that joins what follows to one user-perceived character, a space too (Unicode Standard Annex 29, GB9b). */
const DOT_REPH = 0x0d4e;

/**
 * True if a character becomes something that has no white space in it, and next to a space the same, and the space stays
 * one. No normalizer that is local then looks from one side of that space to the other: a space ends what composes, what is
 * reordered, user-perceived characters, and words as far as the final sigma goes.
 */
function staysBesideSpace(unit: number, normalizer: Normalizer | undefined): boolean {
  if (unit === DOT_REPH || !hasCategory(unit, SEEN)) return false;
  if (!normalizer) return true;
  const normal = (text: string) => normalizer.normalize(AlignedText.of(text)).text;
  const char = String.fromCharCode(unit);
  const alone = normal(char);
  const a = normal('a');
  if (alone === '' || /\s/.test(alone) || normal(` ${char}`) !== ` ${alone}`) return false;
  return normal(`${char} a`) === `${alone} ${a}` && normal(`a ${char}`) === `${a} ${alone}`;
}
