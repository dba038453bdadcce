import { BYTE_TO_CHAR, BYTE_TOKENS, spellBytes } from '../byte-alphabet.js';
import { describe, TokenizerError } from '../errors.js';
import { Fields } from '../json.js';
import { utf8Length } from '../unicode.js';
import { BpeMerges } from './bpe-merges.js';
import { emit, type Model, type TokenSink } from './model.js';
import { Vocab } from './vocab.js';
import { requireUnknown } from './word-level.js';

/** Options of `Bpe`, named as in tokenizer.json. */
export interface BpeOptions {
  /** Token for what the vocabulary cannot spell; without one it is dropped. */
  unkToken?: string;
  /** Put before every symbol but the first of a piece, e.g. `##`. */
  continuingSubwordPrefix?: string;
  /** Put after the last symbol of a piece, e.g. `</w>`. */
  endOfWordSuffix?: string;
  /** Neighbouring unknowns become one token. */
  fuseUnk?: boolean;
  /** Spell unknown characters as `<0xNN>` tokens, one per UTF-8 byte. */
  byteFallback?: boolean;
  /** A piece that is a token as a whole is not merged up. */
  ignoreMerges?: boolean;
  /** Probability in [0, 1] of skipping a merge (BPE-dropout); `random` supplies the numbers. */
  dropout?: number;
  random?: () => number;
  /** Rank of each merge where it is not its index, as in tiktoken; merges of one rank make the same token. */
  mergeRanks?: Int32Array;
  /** Pieces that are a token as a whole, whatever the merges say. */
  wholePieces?: ReadonlySet<string>;
  /** Ids that no whole piece spells, such as control tokens. */
  hidden?: ReadonlySet<number> | undefined;
}

/** Rules as triples of ids, of pairs of tokens. */
function rulesOf(
  merges: readonly (readonly [string, string])[],
  vocab: Vocab,
  { continuingSubwordPrefix = '' }: BpeOptions,
): Int32Array {
  const rules = new Int32Array(merges.length * 3);
  merges.forEach(([left, right], rank) => {
    const made = left + right.slice(continuingSubwordPrefix.length);
    const [leftId, rightId, madeId] = [vocab.id(left), vocab.id(right), vocab.id(made)];
    if (leftId === undefined || rightId === undefined || madeId === undefined) {
      const missing = leftId === undefined ? left : rightId === undefined ? right : made;
      throw new TokenizerError('E_FORMAT', `model.merges[${rank}]`, {
        rule: 'both parts and what they make are in the vocabulary',
        received: `${describe([left, right])}, of which ${describe(missing)} is missing`,
        fix: 'add the token or remove the merge',
      });
    }
    rules[3 * rank] = leftId;
    rules[3 * rank + 1] = rightId;
    rules[3 * rank + 2] = madeId;
  });
  return rules;
}

/** Rules as triples of ids, each of which is a token's. */
function checked(rules: Int32Array, vocab: Vocab): Int32Array {
  const wrong = rules.findIndex((id) => vocab.token(id) === undefined);
  if (wrong < 0 && rules.length % 3 === 0) return rules;
  throw new TokenizerError('E_FORMAT', 'model.merges', {
    rule: 'must be triples of ids that the vocabulary has',
    received: wrong < 0 ? `${rules.length} ids` : `the id ${rules[wrong]} at ${wrong}`,
    fix: 'give the ids of two tokens and of the one they make',
  });
}

/** The last byte, in UTF-8, of what ends at `end`. */
function lastByte(text: string, end: number): number {
  const unit = text.charCodeAt(end - 1);
  return unit < 0x80 ? unit : 0x80 | (unit & 63);
}

/**
 * Byte-pair encoding: a piece becomes its characters, then rules merge neighbours, the earliest learned first
 * (Sennrich, Haddow and Birch 2016, arXiv 1508.07909).
 *
 * @example
 * ```ts
 * const model = new Bpe(new Vocab([['a', 0], ['b', 1], ['ab', 2]]), [['a', 'b']]);
 * ```
 */
export class Bpe implements Model {
  readonly type = 'BPE';
  readonly options: Readonly<BpeOptions>;
  readonly #merges: BpeMerges;
  /** Id of each byte's character; -1 where the vocabulary has none. */
  readonly #byteIds: Int32Array;
  /** The same with the end of a word behind it, if words have one. */
  readonly #endIds: Int32Array | undefined;
  readonly #fallbackIds: Int32Array | undefined;

  /**
   * @param merges pairs of tokens, whose concatenation is the token they make, or triples of ids: two and the one they make.
   *   Rank is the index.
   * @throws {TokenizerError} E_FORMAT on a merge whose parts or result the vocabulary lacks, or on a bad option.
   */
  constructor(
    readonly vocab: Vocab,
    merges: readonly (readonly [string, string])[] | Int32Array,
    options: BpeOptions = {},
  ) {
    this.options = { ...options };
    const dropout = options.dropout ?? 0;
    if (!(dropout >= 0 && dropout <= 1)) {
      throw new TokenizerError('E_OPTION', 'model.dropout', {
        rule: 'must be from 0 to 1',
        received: describe(dropout),
        fix: 'use 0 for none',
      });
    }
    const rules = merges instanceof Int32Array ? checked(merges, vocab) : rulesOf(merges, vocab, options);
    this.#merges = new BpeMerges(rules, options.mergeRanks);
    this.#byteIds = Int32Array.from(BYTE_TO_CHAR, (char) => vocab.id(char) ?? -1);
    const end = options.endOfWordSuffix;
    if (end) this.#endIds = Int32Array.from(BYTE_TO_CHAR, (char) => vocab.id(char + end) ?? -1);
    if (options.byteFallback) {
      this.#fallbackIds = Int32Array.from(BYTE_TOKENS, (token) => vocab.id(token) ?? -1);
    }
  }

  get idLimit(): number {
    return this.vocab.idLimit;
  }

  tokenToId(token: string): number | undefined {
    return this.vocab.id(token);
  }

  idToToken(id: number): string | undefined {
    return this.vocab.token(id);
  }

  /** True if `tokenizeBytes` gives what `tokenize` gives for a piece spelled in the byte alphabet. */
  get takesBytes(): boolean {
    if (this.options.continuingSubwordPrefix) return false;
    return this.#byteIds.every((id) => id >= 0) && (this.#endIds?.every((id) => id >= 0) ?? true);
  }

  /**
   * What another engine needs to merge as this one does: rules as triples of ids, their ranks, the ids of bytes, and those of
   * bytes that end a word where they have their own.
   */
  get mergeTable(): { rules: Int32Array; ranks: Int32Array; byteIds: Int32Array; endIds?: Int32Array } {
    const { rules } = this.#merges;
    const ranks = this.options.mergeRanks ?? Int32Array.from({ length: rules.length / 3 }, (_, i) => i);
    const ends = this.#endIds && { endIds: this.#endIds };
    return { rules, ranks, byteIds: this.#byteIds, ...ends };
  }

  /**
   * Appends the tokens of a byte-level piece, `text[start, end)`, whose UTF-8 bytes are the symbols; only where
   * `takesBytes`. A token that begins or ends inside a character spans that character.
   */
  tokenizeBytes(text: string, start: number, end: number, sink: TokenSink): void {
    if (this.options.ignoreMerges) {
      const id = this.vocab.id(spellBytes(text.slice(start, end)));
      if (id !== undefined && !this.options.hidden?.has(id)) {
        emit(sink, id, 0, end - start);
        return;
      }
    }
    const merges = this.#merges;
    merges.reserve(3 * (end - start));
    const { ids, lengths } = merges;
    const byteIds = this.#byteIds;
    let count = 0;
    for (let i = start; i < end; i++) {
      let point = text.charCodeAt(i);
      if (point < 0x80) {
        ids[count++] = byteIds[point]!;
        continue;
      }
      if (point >= 0xd800 && point < 0xdc00) point = text.codePointAt(i++)!;
      if (point < 0x800) {
        ids[count++] = byteIds[0xc0 | (point >> 6)]!;
      } else {
        if (point < 0x10000) {
          ids[count++] = byteIds[0xe0 | (point >> 12)]!;
        } else {
          ids[count++] = byteIds[0xf0 | (point >> 18)]!;
          ids[count++] = byteIds[0x80 | ((point >> 12) & 63)]!;
        }
        ids[count++] = byteIds[0x80 | ((point >> 6) & 63)]!;
      }
      ids[count++] = byteIds[0x80 | (point & 63)]!;
    }
    if (this.#endIds && count > 0) ids[count - 1] = this.#endIds[lastByte(text, end)]!;
    lengths.fill(1, 0, count);
    this.#finish(count, text, start, sink);
  }

  /** The token that a piece of characters is as a whole, whatever the merges say, if it is one. */
  wholeToken(piece: string): number | undefined {
    const { ignoreMerges, wholePieces, hidden } = this.options;
    const id = ignoreMerges || wholePieces?.has(piece) ? this.vocab.id(piece) : undefined;
    return id === undefined || hidden?.has(id) ? undefined : id;
  }

  tokenize(piece: string, sink: TokenSink): void {
    const { continuingSubwordPrefix = '', endOfWordSuffix = '', fuseUnk } = this.options;
    const whole = this.wholeToken(piece);
    if (whole !== undefined) {
      emit(sink, whole, 0, piece.length);
      return;
    }
    const merges = this.#merges;
    // A character may fall back to its bytes, three per unit at most, and those of the suffix.
    merges.reserve(
      3 * (piece.length + continuingSubwordPrefix.length * piece.length + endOfWordSuffix.length),
    );
    const { ids, lengths } = merges;
    let count = 0;
    let unknown = 0;
    const flushUnknown = () => {
      if (unknown === 0) return;
      ids[count] = requireUnknown(this.vocab, this.options.unkToken!);
      lengths[count++] = unknown;
      unknown = 0;
    };
    for (let i = 0; i < piece.length; ) {
      const point = piece.codePointAt(i)!;
      const size = point > 0xffff ? 2 : 1;
      let symbol = piece.slice(i, i + size);
      if (i > 0) symbol = continuingSubwordPrefix + symbol;
      i += size;
      if (i === piece.length) symbol += endOfWordSuffix;
      const id = this.vocab.id(symbol);
      if (id !== undefined) {
        flushUnknown();
        ids[count] = id;
        lengths[count++] = utf8Length(point);
        continue;
      }
      const bytes = this.#fallback(symbol);
      if (bytes) {
        for (const byte of bytes) {
          ids[count] = byte;
          lengths[count++] = 1;
        }
      } else if (this.options.unkToken !== undefined) {
        if (!fuseUnk) flushUnknown();
        unknown += utf8Length(point);
      }
    }
    flushUnknown();
    this.#finish(count, piece, 0, sink);
  }

  #fallback(symbol: string): number[] | undefined {
    const table = this.#fallbackIds;
    if (!table) return undefined;
    const out = Array.from(new TextEncoder().encode(symbol), (byte) => table[byte]!);
    return out.every((id) => id >= 0) ? out : undefined;
  }

  /** Merges `count` symbols, whose lengths are in bytes of `text` from `start` on, and appends the tokens. */
  #finish(count: number, text: string, start: number, sink: TokenSink): void {
    const merges = this.#merges;
    const left = merges.merge(count, this.options.dropout, this.options.random);
    const { ids, lengths } = merges;
    sink.ids.reserve(left);
    for (let i = 0; i < left; i++) sink.ids.push(ids[i]!);
    const { spans } = sink;
    if (!spans) return;
    spans.reserve(2 * left);
    // `unit` is the character that holds byte `byte`, the end of the last token; it begins at byte `first`.
    let unit = start;
    let first = 0;
    let byte = 0;
    for (let i = 0; i < left; i++) {
      spans.push(unit - start);
      byte += lengths[i]!;
      let end = unit;
      while (first < byte) {
        const point = text.codePointAt(unit)!;
        end = unit + (point > 0xffff ? 2 : 1);
        const next = first + utf8Length(point);
        if (next > byte) break;
        unit = end;
        first = next;
      }
      spans.push(end - start);
    }
  }

  toJSON(): object {
    const { rules } = this.#merges;
    const { options, vocab } = this;
    const merges: [string, string][] = [];
    for (let i = 0; i < rules.length; i += 3) {
      merges.push([vocab.token(rules[i]!)!, vocab.token(rules[i + 1]!)!]);
    }
    return {
      type: 'BPE',
      dropout: options.dropout ?? null,
      unk_token: options.unkToken ?? null,
      continuing_subword_prefix: options.continuingSubwordPrefix ?? null,
      end_of_word_suffix: options.endOfWordSuffix ?? null,
      fuse_unk: options.fuseUnk ?? false,
      byte_fallback: options.byteFallback ?? false,
      ignore_merges: options.ignoreMerges ?? false,
      vocab: vocab.toJSON(),
      merges,
    };
  }

  /** From the `model` of a tokenizer.json; merges as pairs, or as strings with one space (before 0.20). */
  static fromJSON(value: unknown, hidden?: ReadonlySet<number>): Bpe {
    const fields = new Fields(value, 'model');
    fields.raw('type');
    const vocab = Vocab.fromJSON(fields.raw('vocab'));
    const merges = fields.array('merges').map((merge, i): [string, string] => {
      const pair = typeof merge === 'string' ? merge.split(' ') : merge;
      if (Array.isArray(pair) && pair.length === 2 && pair.every((part) => typeof part === 'string')) {
        return pair as [string, string];
      }
      throw new TokenizerError('E_FORMAT', `model.merges[${i}]`, {
        rule: 'must be two strings, or one string with one space between the parts',
        received: describe(merge),
        fix: 'check that the file is complete',
      });
    });
    const options: BpeOptions = {
      unkToken: fields.optionalString('unk_token'),
      continuingSubwordPrefix: fields.optionalString('continuing_subword_prefix'),
      endOfWordSuffix: fields.optionalString('end_of_word_suffix'),
      fuseUnk: fields.boolean('fuse_unk', false),
      byteFallback: fields.boolean('byte_fallback', false),
      ignoreMerges: fields.boolean('ignore_merges', false),
      dropout: fields.raw('dropout') == null ? undefined : fields.number('dropout', 0, 1),
      hidden,
    };
    fields.end();
    return new Bpe(vocab, merges, options);
  }
}
