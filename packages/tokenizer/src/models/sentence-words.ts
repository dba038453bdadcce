import { TokenizerError } from '../errors.js';
import { emit, type Model, type TokenSink } from './model.js';
import type { Vocab } from './vocab.js';

/**
 * SentencePiece's model of words: every `▁` begins a word, a word is a token or unknown, and neighbouring unknown words
 * become one token. A piece is a whole text. No model of tokenizer.json looks beyond a word, so it cannot be written.
 *
 * @example
 * ```ts
 * const model = new SentenceWords(new Vocab([['<unk>', 0], ['▁ink', 1]]), 0);
 * ```
 */
export class SentenceWords implements Model {
  readonly type = 'words of SentencePiece';

  /**
   * @param unkId id of the unknown token.
   * @param hidden ids that text never spells, such as control tokens.
   */
  constructor(
    readonly vocab: Vocab,
    readonly unkId: number,
    readonly hidden: ReadonlySet<number> = new Set(),
  ) {}

  get idLimit(): number {
    return this.vocab.idLimit;
  }

  tokenize(piece: string, sink: TokenSink): void {
    let unknown = -1;
    for (let at = 0; at < piece.length; ) {
      const mark = piece.indexOf('▁', at + 1);
      const next = mark < 0 ? piece.length : mark;
      const id = this.vocab.id(piece.slice(at, next));
      if (id === undefined || id === this.unkId || this.hidden.has(id)) {
        if (unknown < 0) unknown = at;
      } else {
        if (unknown >= 0) emit(sink, this.unkId, unknown, at);
        unknown = -1;
        emit(sink, id, at, next);
      }
      at = next;
    }
    if (unknown >= 0) emit(sink, this.unkId, unknown, piece.length);
  }

  tokenToId(token: string): number | undefined {
    return this.vocab.id(token);
  }

  idToToken(id: number): string | undefined {
    return this.vocab.token(id);
  }

  /** @throws {TokenizerError} E_UNSUPPORTED, always. */
  toJSON(): object {
    throw new TokenizerError('E_UNSUPPORTED', 'model', {
      rule: 'must be one that tokenizer.json knows',
      received: 'words of SentencePiece, whose neighbouring unknown words are one token',
      fix: 'keep the .model file',
    });
  }
}
