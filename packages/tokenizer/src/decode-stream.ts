import type { DecodeOptions, Tokenizer } from './tokenizer.js';

/**
 * Decodes ids as they come. What `push` returns is made of whole characters only: bytes of a character whose rest
 * has not come yet are kept back. Everything returned, with `end()`, concatenates to the decode of all the ids.
 *
 * @example
 * ```ts
 * const stream = new DecodeStream(tokenizer);
 * for (const id of ids) process.stdout.write(stream.push(id));
 * process.stdout.write(stream.end());
 * ```
 */
export class DecodeStream {
  readonly #tokenizer: Tokenizer;
  readonly #options: DecodeOptions;
  readonly #utf8 = new TextDecoder('utf-8', { ignoreBOM: true });

  constructor(tokenizer: Tokenizer, options: DecodeOptions = {}) {
    this.#tokenizer = tokenizer;
    this.#options = options;
  }

  /**
   * Takes ids and returns the text they complete, which may be empty.
   * @throws {TokenizerError} E_VOCAB on an id that does not exist; the stream is then as before the call.
   */
  push(ids: number | ArrayLike<number>): string {
    const list = typeof ids === 'number' ? [ids] : ids;
    return this.#utf8.decode(this.#tokenizer.decodeBytes(list, this.#options), { stream: true });
  }

  /** Ends the text: what is left of a cut character comes out as U+FFFD. The stream can then be used anew. */
  end(): string {
    return this.#utf8.decode();
  }
}
