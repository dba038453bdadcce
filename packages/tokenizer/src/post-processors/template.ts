import { Encoding } from '../encoding.js';
import { describe, TokenizerError } from '../errors.js';
import { Fields } from '../json.js';
import type { PostProcessor, Spelling } from './post-processor.js';

/** One piece of a template: a text, `A` or `B`, or a special token by its name in the list. */
export type TemplatePiece =
  | { Sequence: { id: 'A' | 'B'; type_id: number } }
  | { SpecialToken: { id: string; type_id: number } };

/** A named special token; it may stand for several ids. */
export interface TemplateToken {
  id: string;
  ids: number[];
  tokens: string[];
}

/** Lays texts and special tokens out by a template, one for a single text and one for a pair. */
export class TemplateProcessing implements PostProcessor {
  readonly type = 'TemplateProcessing';
  readonly isFixed = true;
  readonly #tokens: Map<string, TemplateToken>;

  /** @throws {TokenizerError} E_FORMAT on a special token that is not listed, or a pair without both texts. */
  constructor(
    readonly single: readonly TemplatePiece[],
    readonly pair: readonly TemplatePiece[],
    readonly specialTokens: readonly TemplateToken[],
    subject = 'post_processor',
  ) {
    this.#tokens = new Map(specialTokens.map((token) => [token.id, token]));
    for (const piece of [...single, ...pair]) {
      if ('SpecialToken' in piece && !this.#tokens.has(piece.SpecialToken.id)) {
        throw new TokenizerError('E_FORMAT', `${subject}.special_tokens`, {
          rule: 'every special token of the template is listed',
          received: `none of the name ${describe(piece.SpecialToken.id)}`,
          fix: 'add it to special_tokens',
        });
      }
    }
    const uses = (pieces: readonly TemplatePiece[], id: string) =>
      pieces.some((piece) => 'Sequence' in piece && piece.Sequence.id === id);
    if (uses(single, 'B')) {
      throw new TokenizerError('E_FORMAT', `${subject}.single`, {
        rule: 'the template for one text uses A only',
        received: describe(single),
        fix: 'move B to the template for a pair',
      });
    }
  }

  addedTokens(isPair: boolean): number {
    let count = 0;
    for (const piece of isPair ? this.pair : this.single) {
      if ('SpecialToken' in piece) count += this.#tokens.get(piece.SpecialToken.id)!.ids.length;
    }
    return count;
  }

  process(encodings: Encoding[], special: boolean): Encoding[] {
    return (encodings.length > 1 ? this.pair : this.single).flatMap((piece) => {
      if ('Sequence' in piece) {
        const { id, type_id } = piece.Sequence;
        return encodings[id === 'A' ? 0 : 1]!.withTypeId(type_id);
      }
      if (!special) return [];
      return Encoding.ofSpecial(this.#tokens.get(piece.SpecialToken.id)!.ids, piece.SpecialToken.type_id);
    });
  }

  toJSON(): object {
    const specialTokens = Object.fromEntries(
      [...this.specialTokens].sort((a, b) => (a.id < b.id ? -1 : 1)).map((token) => [token.id, token]),
    );
    return { type: this.type, single: this.single, pair: this.pair, special_tokens: specialTokens };
  }

  static fromJSON(fields: Fields): TemplateProcessing {
    const { subject } = fields;
    const pieces = (name: string) =>
      fields.array(name).map((value, i): TemplatePiece => {
        const at = `${subject}.${name}[${i}]`;
        const piece = new Fields(value, at);
        const sequence = piece.raw('Sequence');
        const inner = new Fields(sequence ?? piece.raw('SpecialToken'), at);
        const type_id = inner.integer('type_id', 0, 2 ** 31 - 1);
        piece.end();
        if (sequence === undefined) return { SpecialToken: { id: inner.string('id'), type_id } };
        return { Sequence: { id: inner.oneOf('id', ['A', 'B']), type_id } };
      });
    const tokens = fields.raw('special_tokens') ?? {};
    const list = Object.entries(tokens).map(([name, value]): TemplateToken => {
      const token = new Fields(value, `${subject}.special_tokens.${name}`);
      const ids = token.array('ids');
      const spellings = token.array('tokens');
      const ok =
        ids.length === spellings.length &&
        ids.every((id) => Number.isInteger(id) && (id as number) >= 0 && (id as number) < 2 ** 31) &&
        spellings.every((spelling) => typeof spelling === 'string');
      if (!ok) {
        throw new TokenizerError('E_FORMAT', token.subject, {
          rule: 'ids are integers, tokens strings, as many of one as of the other',
          received: describe(value),
          fix: 'check that the file is complete',
        });
      }
      return { id: token.string('id'), ids: ids as number[], tokens: spellings as string[] };
    });
    return new TemplateProcessing(pieces('single'), pieces('pair'), list, subject);
  }
}

/** Post-processors one after the other. */
export class PostProcessorSequence implements PostProcessor {
  readonly type = 'Sequence';

  constructor(readonly processors: readonly PostProcessor[]) {}

  get isFixed(): boolean {
    return this.processors.every((processor) => processor.isFixed);
  }

  addedTokens(isPair: boolean): number {
    return this.processors.reduce((count, processor) => count + processor.addedTokens(isPair), 0);
  }

  process(encodings: Encoding[], special: boolean, spelling: Spelling): Encoding[] {
    return this.processors.reduce(
      (parts, processor) => processor.process(parts, special, spelling),
      encodings,
    );
  }

  toJSON(): object {
    return { type: this.type, processors: this.processors.map((processor) => processor.toJSON()) };
  }
}
