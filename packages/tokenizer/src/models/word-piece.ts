import { Fields } from '../json.js';
import { emit, type Model, type TokenSink } from './model.js';
import { Vocab } from './vocab.js';
import { requireUnknown } from './word-level.js';

/** Options of `WordPiece`, named as in tokenizer.json. */
export interface WordPieceOptions {
  unkToken?: string;
  /** Put before every token but the first of a piece. */
  continuingSubwordPrefix?: string;
  /** Longer pieces are unknown; in characters. */
  maxInputCharsPerWord?: number;
  /** Ids that text never spells, such as control tokens. */
  hidden?: ReadonlySet<number> | undefined;
}

/**
 * WordPiece: from the left, always the longest token that fits; a piece that cannot be covered is unknown (Schuster
 * and Nakajima 2012; Devlin et al. 2019, arXiv 1810.04805). O(n m) for n characters and longest token m.
 */
export class WordPiece implements Model {
  readonly type = 'WordPiece';
  readonly unkToken: string;
  readonly prefix: string;
  readonly maxChars: number;
  /** UTF-16 units of the longest token, so that no longer match is tried. */
  readonly #longest: number;
  readonly #hidden: ReadonlySet<number> | undefined;

  constructor(
    readonly vocab: Vocab,
    options: WordPieceOptions = {},
  ) {
    this.unkToken = options.unkToken ?? '[UNK]';
    this.prefix = options.continuingSubwordPrefix ?? '##';
    this.maxChars = options.maxInputCharsPerWord ?? 100;
    this.#hidden = options.hidden;
    let longest = 0;
    for (const [token] of vocab.entries()) longest = Math.max(longest, token.length);
    this.#longest = longest;
  }

  /** True if text never spells the id. */
  hides(id: number): boolean {
    return this.#hidden?.has(id) ?? false;
  }

  get idLimit(): number {
    return this.vocab.idLimit;
  }

  tokenize(piece: string, sink: TokenSink): void {
    const found = this.#isTooLong(piece) ? undefined : this.#cover(piece);
    if (!found) {
      emit(sink, requireUnknown(this.vocab, this.unkToken), 0, piece.length);
      return;
    }
    let start = 0;
    for (const [id, end] of found) {
      emit(sink, id, start, end);
      start = end;
    }
  }

  #cover(piece: string): [number, number][] | undefined {
    const out: [number, number][] = [];
    for (let start = 0; start < piece.length; ) {
      const prefix = start > 0 ? this.prefix : '';
      let end = Math.min(piece.length, start + this.#longest - prefix.length);
      let id: number | undefined;
      for (; end > start; end--) {
        id = this.vocab.id(prefix + piece.slice(start, end));
        if (id !== undefined && !this.#hidden?.has(id)) break;
        id = undefined;
      }
      if (id === undefined) return undefined;
      out.push([id, end]);
      start = end;
    }
    return out;
  }

  #isTooLong(piece: string): boolean {
    if (piece.length <= this.maxChars) return false;
    if (piece.length > 2 * this.maxChars) return true;
    return [...piece].length > this.maxChars;
  }

  tokenToId(token: string): number | undefined {
    return this.vocab.id(token);
  }

  idToToken(id: number): string | undefined {
    return this.vocab.token(id);
  }

  toJSON(): object {
    return {
      type: this.type,
      unk_token: this.unkToken,
      continuing_subword_prefix: this.prefix,
      max_input_chars_per_word: this.maxChars,
      vocab: this.vocab.toJSON(),
    };
  }

  static fromJSON(value: unknown, hidden?: ReadonlySet<number>): WordPiece {
    const fields = new Fields(value, 'model');
    fields.raw('type');
    const out = new WordPiece(Vocab.fromJSON(fields.raw('vocab')), {
      unkToken: fields.string('unk_token', '[UNK]'),
      continuingSubwordPrefix: fields.string('continuing_subword_prefix', '##'),
      maxInputCharsPerWord: fields.number('max_input_chars_per_word', 0, 2 ** 64, 100),
      hidden,
    });
    fields.end();
    return out;
  }
}
