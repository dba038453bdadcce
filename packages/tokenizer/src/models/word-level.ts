import { describe, TokenizerError } from '../errors.js';
import { Fields } from '../json.js';
import { emit, type Model, type TokenSink } from './model.js';
import { Vocab } from './vocab.js';

/** A model for which every piece is a token or unknown. */
export class WordLevel implements Model {
  readonly type = 'WordLevel';

  /** @param hidden ids that text never spells, such as control tokens. */
  constructor(
    readonly vocab: Vocab,
    readonly unkToken: string,
    readonly hidden: ReadonlySet<number> = new Set(),
  ) {}

  get idLimit(): number {
    return this.vocab.idLimit;
  }

  /** @throws {TokenizerError} E_VOCAB on an unknown piece if the vocabulary has no unknown token. */
  tokenize(piece: string, sink: TokenSink): void {
    const id = this.vocab.id(piece);
    const known = id !== undefined && !this.hidden.has(id);
    emit(sink, known ? id : requireUnknown(this.vocab, this.unkToken), 0, piece.length);
  }

  tokenToId(token: string): number | undefined {
    return this.vocab.id(token);
  }

  idToToken(id: number): string | undefined {
    return this.vocab.token(id);
  }

  toJSON(): object {
    return { type: this.type, vocab: this.vocab.toJSON(), unk_token: this.unkToken };
  }

  static fromJSON(value: unknown, hidden?: ReadonlySet<number>): WordLevel {
    const fields = new Fields(value, 'model');
    fields.raw('type');
    const out = new WordLevel(
      Vocab.fromJSON(fields.raw('vocab')),
      fields.string('unk_token', '<unk>'),
      hidden,
    );
    fields.end();
    return out;
  }
}

/** The id of the unknown token. */
export function requireUnknown(vocab: Vocab, token: string): number {
  const id = vocab.id(token);
  if (id !== undefined) return id;
  throw new TokenizerError('E_VOCAB', 'model.unk_token', {
    rule: 'the unknown token is in the vocabulary',
    received: describe(token),
    fix: 'add it to the vocabulary',
  });
}
