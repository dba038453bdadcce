import { byteOf } from './decoders/simple.js';
import type { DecodeOptions } from './token-decoder.js';
import type { Tokenizer } from './tokenizer.js';

/**
 * Decodes ids as they come. What `push` returns is made of whole characters only: bytes of a character whose rest
 * has not come yet are kept back. Everything returned, with `end()`, concatenates to the decode of all the ids.
 * Where a decoder rewrites text in the light of what follows, all of it is kept back to the end.
 *
 * @example
 * ```ts
 * const stream = tokenizer.decodeStream();
 * for (const id of ids) process.stdout.write(stream.push(id));
 * process.stdout.write(stream.end());
 * ```
 */
export class DecodeStream {
  readonly #tokenizer: Tokenizer;
  readonly #options: DecodeOptions;
  readonly #utf8 = new TextDecoder('utf-8', { ignoreBOM: true });
  /** The last id given out, which what follows may refer to, and its text alone. */
  #context: number[] = [];
  #pending: number[] = [];

  constructor(tokenizer: Tokenizer, options: DecodeOptions = {}) {
    this.#tokenizer = tokenizer;
    this.#options = options;
  }

  /**
   * Takes ids and returns the text they complete, which may be empty.
   * @throws {TokenizerError} E_VOCAB on an id that does not exist; the stream is then as before the call.
   */
  push(ids: number | ArrayLike<number>): string {
    const list = typeof ids === 'number' ? [ids] : Array.from(ids);
    const tokenizer = this.#tokenizer;
    if (tokenizer.decodesBytes) {
      return this.#utf8.decode(tokenizer.decodeBytes(list, this.#options), { stream: true });
    }
    for (const id of tokenizer.shownIds(list, this.#options)) this.#pending.push(id);
    const last = this.#pending.at(-1);
    // Bytes are text once the run of them is over.
    if (last === undefined || byteOf(tokenizer.idToToken(last)!) >= 0) return '';
    if (!(tokenizer.decoder?.streams ?? true)) return '';
    return this.#take();
  }

  /** Ends the text: what is left of a cut character comes out as U+FFFD. The stream can then be used anew. */
  end(): string {
    if (this.#tokenizer.decodesBytes) return this.#utf8.decode();
    const rest = this.#pending.length > 0 ? this.#take() : '';
    this.#context = [];
    return rest;
  }

  #take(): string {
    const all = { skipSpecialTokens: false };
    const before = this.#tokenizer.decode(this.#context, all);
    const text = this.#tokenizer.decode([...this.#context, ...this.#pending], all);
    this.#context = this.#pending.slice(-1);
    this.#pending = [];
    return text.slice(before.length);
  }
}
