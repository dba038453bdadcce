import { describe, TokenizerError } from '../errors.js';

/** The largest id a vocabulary may hold: ids are dense enough for tables indexed by them. */
const MAX_ID = 0xffffff;

/** A vocabulary both ways: tokens to ids and ids to tokens, holes allowed. */
export class Vocab {
  readonly #ids: Map<string, number>;
  readonly #tokens: (string | undefined)[] = [];

  /**
   * @param entries tokens with ids from 0 to 16,777,215, each id once.
   * @throws {TokenizerError} E_FORMAT on an id that is no such integer or that two tokens share.
   */
  constructor(entries: Iterable<readonly [string, number]>, subject = 'model.vocab') {
    this.#ids = new Map(entries);
    for (const [token, id] of this.#ids) {
      if (!Number.isInteger(id) || id < 0 || id > MAX_ID) {
        throw new TokenizerError('E_FORMAT', subject, {
          rule: `every id is an integer from 0 to ${MAX_ID}`,
          received: `${describe(token)}: ${describe(id)}`,
          fix: 'give the token an id in range',
        });
      }
      if (this.#tokens[id] !== undefined) {
        throw new TokenizerError('E_FORMAT', subject, {
          rule: 'every id belongs to one token',
          received: `${describe(this.#tokens[id])} and ${describe(token)}, both ${id}`,
          fix: 'remove one of the two',
        });
      }
      this.#tokens[id] = token;
    }
  }

  /** From the object of a tokenizer.json. */
  static fromJSON(value: unknown, subject = 'model.vocab'): Vocab {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw new TokenizerError('E_FORMAT', subject, {
        rule: 'must be an object from token to id',
        received: describe(value),
        fix: 'check that the file is complete',
      });
    }
    return new Vocab(Object.entries(value) as [string, number][], subject);
  }

  get size(): number {
    return this.#ids.size;
  }

  get idLimit(): number {
    return this.#tokens.length;
  }

  id(token: string): number | undefined {
    return this.#ids.get(token);
  }

  token(id: number): string | undefined {
    return this.#tokens[id];
  }

  entries(): IterableIterator<[string, number]> {
    return this.#ids.entries();
  }

  /** The object of a tokenizer.json, in the order of the ids where JSON can keep it. */
  toJSON(): Record<string, number> {
    const out: Record<string, number> = Object.create(null);
    this.#tokens.forEach((token, id) => {
      if (token !== undefined) out[token] = id;
    });
    return out;
  }
}
