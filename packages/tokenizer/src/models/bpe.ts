import { BYTE_TO_CHAR } from '../byte-alphabet.js';
import { describe, TokenizerError } from '../errors.js';
import { Fields } from '../json.js';
import { BpeMerges } from './bpe-merges.js';
import type { Model, TokenSink } from './model.js';
import { Vocab } from './vocab.js';

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
  readonly #unk: number;
  /** Id of each byte's character; -1 where the vocabulary has none. */
  readonly #byteIds: Int32Array;
  readonly #fallbackIds: Int32Array | undefined;

  /**
   * @param merges pairs of tokens; their concatenation is the token they make. Rank is the index.
   * @throws {TokenizerError} E_FORMAT on a merge whose parts or result the vocabulary lacks, or on a bad option.
   */
  constructor(
    readonly vocab: Vocab,
    merges: readonly (readonly [string, string])[],
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
    const prefix = options.continuingSubwordPrefix?.length ?? 0;
    const rules = new Int32Array(merges.length * 3);
    merges.forEach(([left, right], rank) => {
      const ids = [left, right, left + right.slice(prefix)].map((token) => vocab.id(token));
      const missing = ids.indexOf(undefined);
      if (missing >= 0) {
        const token = [left, right, left + right.slice(prefix)][missing];
        throw new TokenizerError('E_FORMAT', `model.merges[${rank}]`, {
          rule: 'both parts and what they make are in the vocabulary',
          received: `${describe([left, right])}, of which ${describe(token)} is missing`,
          fix: 'add the token or remove the merge',
        });
      }
      rules.set(ids as number[], rank * 3);
    });
    this.#merges = new BpeMerges(rules);
    this.#unk = -1;
    if (options.unkToken !== undefined) {
      // A file may name an unknown token it does not hold; that is an error only once it is needed.
      this.#unk = vocab.id(options.unkToken) ?? -2;
    }
    this.#byteIds = Int32Array.from(BYTE_TO_CHAR, (char) => vocab.id(char) ?? -1);
    if (options.byteFallback) {
      const hex = (byte: number) => byte.toString(16).toUpperCase().padStart(2, '0');
      this.#fallbackIds = Int32Array.from({ length: 256 }, (_, b) => vocab.id(`<0x${hex(b)}>`) ?? -1);
    }
  }

  get vocabSize(): number {
    return this.vocab.size;
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
    const { continuingSubwordPrefix, endOfWordSuffix } = this.options;
    return !continuingSubwordPrefix && !endOfWordSuffix && this.#byteIds.every((id) => id >= 0);
  }

  /**
   * Appends the tokens of a byte-level piece `text[start, end)`, whose UTF-8 bytes are the symbols.
   * Ends count bytes. Only where `takesBytes`.
   */
  tokenizeBytes(text: string, start: number, end: number, spelled: () => string, sink: TokenSink): void {
    if (this.options.ignoreMerges) {
      const piece = spelled();
      const id = this.vocab.id(piece);
      if (id !== undefined) {
        sink.ids.push(id);
        sink.ends.push(piece.length);
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
    lengths.fill(1, 0, count);
    this.#finish(count, sink);
  }

  tokenize(piece: string, sink: TokenSink): void {
    const { continuingSubwordPrefix = '', endOfWordSuffix = '', fuseUnk, ignoreMerges } = this.options;
    const whole = ignoreMerges ? this.vocab.id(piece) : undefined;
    if (whole !== undefined) {
      sink.ids.push(whole);
      sink.ends.push(piece.length);
      return;
    }
    const merges = this.#merges;
    // A character of one unit may fall back to three bytes.
    merges.reserve(3 * piece.length);
    const { ids, lengths } = merges;
    let count = 0;
    let unknown = 0;
    const flushUnknown = () => {
      if (unknown === 0) return;
      ids[count] = this.#unknownId();
      lengths[count++] = unknown;
      unknown = 0;
    };
    for (let i = 0; i < piece.length; ) {
      const size = piece.codePointAt(i)! > 0xffff ? 2 : 1;
      let symbol = piece.slice(i, i + size);
      if (i > 0) symbol = continuingSubwordPrefix + symbol;
      i += size;
      if (i === piece.length) symbol += endOfWordSuffix;
      const id = this.vocab.id(symbol);
      if (id !== undefined) {
        flushUnknown();
        ids[count] = id;
        lengths[count++] = size;
        continue;
      }
      const bytes = this.#fallback(symbol);
      if (bytes) {
        for (const byte of bytes) {
          ids[count] = byte;
          lengths[count++] = 0;
        }
        // The bytes of one character cannot share its units, so the first takes them all.
        lengths[count - bytes.length] = size;
      } else if (this.#unk !== -1) {
        if (!fuseUnk) flushUnknown();
        unknown += size;
      }
    }
    flushUnknown();
    this.#finish(count, sink);
  }

  #unknownId(): number {
    if (this.#unk >= 0) return this.#unk;
    throw new TokenizerError('E_VOCAB', 'model.unk_token', {
      rule: 'the unknown token is in the vocabulary',
      received: describe(this.options.unkToken),
      fix: 'add it to the vocabulary',
    });
  }

  #fallback(symbol: string): number[] | undefined {
    const table = this.#fallbackIds;
    if (!table) return undefined;
    const out = Array.from(new TextEncoder().encode(symbol), (byte) => table[byte]!);
    return out.every((id) => id >= 0) ? out : undefined;
  }

  #finish(count: number, sink: TokenSink): void {
    const merges = this.#merges;
    const left = merges.merge(count, this.options.dropout, this.options.random);
    const { ids, lengths } = merges;
    sink.ids.reserve(left);
    sink.ends.reserve(left);
    for (let i = 0, end = 0; i < left; i++) {
      end += lengths[i]!;
      sink.ids.push(ids[i]!);
      sink.ends.push(end);
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
  static fromJSON(value: unknown): Bpe {
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
    };
    fields.end();
    return new Bpe(vocab, merges, options);
  }
}
