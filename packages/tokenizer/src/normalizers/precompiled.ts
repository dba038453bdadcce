import type { AlignedText } from '../aligned-text.js';
import { decodeBase64, encodeBase64 } from '../base64.js';
import { describe, TokenizerError } from '../errors.js';
import type { Normalizer } from './normalizer.js';

/** Longer user-perceived characters are looked up character by character; in UTF-8 bytes, exclusive. */
const LONGEST_GRAPHEME = 6;
/** Places of a trie that are visited at most; SentencePiece's have less than half as many. */
const MOST_PLACES = 1 << 20;

/** Characters of rules, as code points. */
export interface RuledCharacters {
  first: Set<number>;
  behind: Set<number>;
}

/**
 * The rules of a SentencePiece model (`precompiled_charsmap`): a double-array trie from UTF-8 byte sequences to
 * places in a list of NUL-terminated replacements (Yata et al., Darts-clone layout). User-perceived characters are
 * looked up whole where they are short, else character by character; of several rules the shortest counts, as in
 * Hugging Face tokenizers. With `matching` set to `longest`, the longest rule counts that fits at each place, as in
 * SentencePiece, and of `kept` symbols the longest stays as it is; tokenizer.json has no word for this, so it is read back as
 * the other.
 */
export class Precompiled implements Normalizer {
  readonly type = 'Precompiled';
  readonly #units: Uint32Array;
  readonly #replacements: Uint8Array;
  readonly #known = new Map<string, string | null>();
  /** Characters known to begin no rule. */
  readonly #begins = new Map<string, boolean>();
  /** Symbols that stay as they are, the longest first. */
  readonly kept: readonly string[];
  #segmenter: Intl.Segmenter | undefined;

  /** @param charsmap u32 size of the trie in bytes, little-endian, the trie, the replacements. */
  constructor(
    readonly charsmap: Uint8Array,
    subject = 'normalizer.precompiled_charsmap',
    readonly matching: 'grapheme' | 'longest' = 'grapheme',
    kept: readonly string[] = [],
  ) {
    this.kept = [...kept].sort((a, b) => b.length - a.length);
    const view = new DataView(charsmap.buffer, charsmap.byteOffset, charsmap.byteLength);
    const size = charsmap.length >= 4 ? view.getUint32(0, true) : -1;
    if (size < 4 || size % 4 !== 0 || 4 + size > charsmap.length) {
      throw new TokenizerError('E_FORMAT', subject, {
        rule: 'must start with the size of its trie, a multiple of four within the data',
        received: `${charsmap.length} bytes, size ${size}`,
        fix: 'check that the file is complete',
      });
    }
    this.#units = Uint32Array.from({ length: size / 4 }, (_, i) => view.getUint32(4 + 4 * i, true));
    this.#replacements = charsmap.subarray(4 + size);
  }

  static fromBase64(value: unknown, subject: string): Precompiled {
    const bytes = typeof value === 'string' ? decodeBase64(value) : null;
    if (bytes) return new Precompiled(bytes, subject);
    throw new TokenizerError('E_FORMAT', subject, {
      rule: 'must be base64',
      received: describe(value),
      fix: 'check that the file is complete',
    });
  }

  normalize(text: AlignedText): AlignedText {
    if (this.matching === 'longest') return this.#replaceLongest(text);
    const changes: [string, number][] = [];
    let skip = 0;
    let modified = false;
    const replace = (part: string, by: string) => {
      modified = true;
      const old = [...part].length;
      const chars = [...by];
      for (const [i, char] of chars.entries()) changes.push([char, i >= old ? 1 : 0]);
      if (chars.length >= old) return;
      const last = changes.at(-1);
      if (last) last[1] -= old - chars.length;
      else skip += old;
    };
    for (const grapheme of this.#graphemes(text.text)) {
      const whole = grapheme.length > 1 ? this.#lookUp(grapheme) : null;
      if (whole !== null) {
        replace(grapheme, whole);
        continue;
      }
      for (const char of grapheme) {
        const by = this.#lookUp(char);
        if (by === null) changes.push([char, 0]);
        else replace(char, by);
      }
    }
    return modified ? text.transform(changes, skip) : text;
  }

  #replaceLongest(text: AlignedText): AlignedText {
    const changes: [string, number][] = [];
    let skip = 0;
    let modified = false;
    for (let at = 0; at < text.text.length; ) {
      const kept = this.kept.find((symbol) => text.text.startsWith(symbol, at));
      if (kept !== undefined) {
        for (const char of kept) changes.push([char, 0]);
        at += kept.length;
        continue;
      }
      const found = this.#longestAt(text.text, at);
      const size = text.text.codePointAt(at)! > 0xffff ? 2 : 1;
      if (!found) {
        changes.push([text.text.slice(at, at + size), 0]);
        at += size;
        continue;
      }
      modified = true;
      const old = [...text.text.slice(at, found.end)].length;
      const chars = [...found.by];
      for (const [i, char] of chars.entries()) changes.push([char, i >= old ? 1 : 0]);
      const last = changes.at(-1);
      if (chars.length < old && last) last[1] -= old - chars.length;
      else if (chars.length < old) skip += old;
      at = found.end;
    }
    return modified ? text.transform(changes, skip) : text;
  }

  /** The longest rule that fits at a place of the text, and what it puts there. */
  #longestAt(text: string, start: number): { end: number; by: string } | undefined {
    const first = String.fromCodePoint(text.codePointAt(start)!);
    if (this.#begins.get(first) === false) return undefined;
    let found: { end: number; by: string } | undefined;
    const units = this.#units;
    let node = offset(units[0]!);
    let alive = true;
    for (let at = start; alive && at < text.length; ) {
      const size = text.codePointAt(at)! > 0xffff ? 2 : 1;
      for (const byte of new TextEncoder().encode(text.slice(at, at + size))) {
        node ^= byte;
        const unit = units[node] ?? 0;
        alive = byte !== 0 && (unit & 0x800000ff) >>> 0 === byte;
        if (!alive) break;
        node ^= offset(unit);
        if ((unit >>> 8) & 1) found = { end: at + size, by: this.#replacement(node) };
      }
      if (!alive && at === start) this.#begins.set(first, false);
      at += size;
    }
    return found;
  }

  #replacement(node: number): string {
    const from = (this.#units[node] ?? 0) & 0x7fffffff;
    const to = this.#replacements.indexOf(0, from);
    const bytes = this.#replacements.subarray(from, to < 0 ? undefined : to);
    return new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);
  }

  /**
   * The characters that rules begin with, and where the longest rule counts those that stand behind others in one;
   * undefined where the trie is broken.
   */
  ruled(): RuledCharacters | undefined {
    const units = this.#units;
    const out: RuledCharacters = { first: new Set(), behind: new Set() };
    // Rules share what they end in, and where the trie is broken that can be a circle.
    let left = MOST_PLACES;
    /** Visits what follows a place in characters of a kind; `missing` bytes of the next, begun as `point`, are still to come. */
    const visit = (node: number, found: Set<number>, point: number, missing: number): boolean => {
      const [from, to] = missing > 0 ? [0x80, 0xc0] : [1, 0xf5];
      for (let byte = from; byte < to; byte++) {
        const unit = units[node ^ byte] ?? 0;
        if ((unit & 0x800000ff) >>> 0 !== byte) continue;
        const more = missing > 0 ? missing - 1 : byte < 0x80 ? 0 : byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
        const next = missing > 0 ? point * 64 + (byte & 63) : more > 0 ? byte & (63 >> more) : byte;
        const ends = (unit >>> 8) & 1;
        if (left-- === 0 || (ends && more > 0)) return false;
        if (more === 0) {
          found.add(next);
          if (this.matching === 'grapheme') continue;
        }
        if (!visit(node ^ byte ^ offset(unit), more > 0 ? found : out.behind, next, more)) return false;
      }
      return true;
    };
    return visit(offset(units[0]!), out.first, 0, 0) ? out : undefined;
  }

  /** True if what a text, which is not empty, begins with is dropped, where it is none of the `kept` symbols. */
  dropsStart(text: string): boolean {
    if (this.matching === 'longest') return this.#longestAt(text, 0)?.by === '';
    const [first, second] = text;
    let found: string | null = null;
    // Of two characters of three bytes each nothing is short enough to be looked up whole.
    if (second !== undefined && (first! < '\u0800' || second < '\u0800')) {
      const [grapheme] = this.#graphemes(text);
      found = grapheme!.length > 1 ? this.#lookUp(grapheme!) : null;
    }
    return (found ?? this.#lookUp(first!)) === '';
  }

  *#graphemes(text: string): Iterable<string> {
    // In printable ASCII every character stands alone.
    if (text.length === 1 || /^[\x20-\x7e]*$/.test(text)) {
      yield* text;
      return;
    }
    this.#segmenter ??= new Intl.Segmenter('und', { granularity: 'grapheme' });
    for (const { segment } of this.#segmenter.segment(text)) yield segment;
  }

  /** What the rules make of a short text, or null if they do not touch it. */
  #lookUp(part: string): string | null {
    let found = this.#known.get(part);
    if (found === undefined) {
      const bytes = new TextEncoder().encode(part);
      found = bytes.length < LONGEST_GRAPHEME ? this.#transform(bytes) : null;
      if (this.#known.size > 50_000) this.#known.clear();
      this.#known.set(part, found);
    }
    return found;
  }

  #transform(bytes: Uint8Array): string | null {
    const units = this.#units;
    let node = offset(units[0]!);
    for (const byte of bytes) {
      if (byte === 0) return null;
      node ^= byte;
      const unit = units[node] ?? 0;
      if ((unit & 0x800000ff) >>> 0 !== byte) return null;
      node ^= offset(unit);
      if ((unit >>> 8) & 1) return this.#replacement(node);
    }
    return null;
  }

  toJSON(): object {
    return { type: this.type, precompiled_charsmap: encodeBase64(this.charsmap) };
  }
}

/** Where the children of a node are, relative to it. */
function offset(unit: number): number {
  return (unit >>> 10) << ((unit & 0x200) >>> 6);
}
