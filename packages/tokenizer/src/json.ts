import { describe, TokenizerError } from './errors.js';

/** A plain JSON object that came from outside. */
export type JsonObject = Record<string, unknown>;

/** Reads the fields of one component of a tokenizer.json, each with its check; errors name `subject.field`. */
export class Fields {
  readonly #value: JsonObject;
  readonly #known = new Set<string>();

  /** @throws {TokenizerError} E_FORMAT if the value is no object. */
  constructor(
    value: unknown,
    readonly subject: string,
  ) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw this.#error('', 'must be an object', value);
    }
    this.#value = value as JsonObject;
  }

  raw(name: string): unknown {
    this.#known.add(name);
    return Object.hasOwn(this.#value, name) ? this.#value[name] : undefined;
  }

  string(name: string, fallback?: string): string {
    const value = this.raw(name) ?? fallback;
    if (typeof value !== 'string') throw this.#error(name, 'must be a string', value);
    return value;
  }

  optionalString(name: string): string | undefined {
    return this.raw(name) == null ? undefined : this.string(name);
  }

  boolean(name: string, fallback?: boolean): boolean {
    const value = this.raw(name) ?? fallback;
    if (typeof value !== 'boolean') throw this.#error(name, 'must be true or false', value);
    return value;
  }

  /** A finite number in [min, max]. */
  number(name: string, min: number, max: number, fallback?: number): number {
    const value = this.raw(name) ?? fallback;
    if (typeof value !== 'number' || !(value >= min && value <= max)) {
      throw this.#error(name, `must be a number from ${min} to ${max}`, value);
    }
    return value;
  }

  integer(name: string, min: number, max: number, fallback?: number): number {
    const value = this.number(name, min, max, fallback);
    if (!Number.isInteger(value)) throw this.#error(name, 'must be an integer', value);
    return value;
  }

  array(name: string, fallback?: readonly unknown[]): readonly unknown[] {
    const value = this.raw(name) ?? fallback;
    if (!Array.isArray(value)) throw this.#error(name, 'must be an array', value);
    return value;
  }

  /** One of the given strings. */
  oneOf<T extends string>(name: string, choices: readonly T[], fallback?: T): T {
    const value = this.raw(name) ?? fallback;
    if (!choices.includes(value as T)) throw this.#error(name, `must be one of ${choices.join(', ')}`, value);
    return value as T;
  }

  /** Refuses fields that nobody has read: an option that would change ids is never ignored. */
  end(): void {
    for (const name of Object.keys(this.#value)) {
      if (this.#known.has(name)) continue;
      throw new TokenizerError('E_UNSUPPORTED', `${this.subject}.${name}`, {
        rule: `the known fields are ${[...this.#known].join(', ')}`,
        received: describe(this.#value[name]),
        fix: 'remove the field or update this package',
      });
    }
  }

  #error(name: string, rule: string, value: unknown): TokenizerError {
    return new TokenizerError('E_FORMAT', name ? `${this.subject}.${name}` : this.subject, {
      rule,
      received: describe(value),
      fix: 'check that the file is complete and follows the tokenizer.json layout',
    });
  }
}

/** The error for a component whose `type` nobody knows. */
export function unknownType(subject: string, type: unknown, known: readonly string[]): TokenizerError {
  return new TokenizerError('E_UNSUPPORTED', `${subject}.type`, {
    rule: `must be one of ${known.join(', ')}`,
    received: describe(type),
    fix: 'convert the tokenizer to one of these components',
  });
}
