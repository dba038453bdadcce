import { type AddedToken, AddedTokenFinder, AddedTokens, type AllowedSpecial } from './added-tokens.js';
import { ByteLevelEncoder, type RangeEncoder } from './byte-level-encoder.js';
import { componentsFromJSON } from './components.js';
import { DecodeStream } from './decode-stream.js';
import type { Decoder } from './decoders/decoder.js';
import type { Encoding } from './encoding.js';
import { describe, TokenizerError } from './errors.js';
import { IdBuffer } from './id-buffer.js';
import { Bpe } from './models/bpe.js';
import type { Model } from './models/model.js';
import type { PreTokenizer } from './pre-tokenizers/pre-tokenizer.js';
import { toWellFormed } from './unicode.js';

/** The parts of a tokenizer. */
export interface TokenizerParts {
  model: Model;
  preTokenizer: PreTokenizer;
  decoder: Decoder;
  addedTokens?: AddedTokens;
}

/** Options of the encoding calls. */
export interface EncodeOptions {
  /**
   * Which special tokens the text may spell. Default `'none'`: text from a user cannot forge a control token; its
   * spelling is encoded as ordinary text.
   */
  allowedSpecial?: AllowedSpecial;
}

/** Options of the decoding calls. */
export interface DecodeOptions {
  /** Leaves special tokens out; default true. */
  skipSpecialTokens?: boolean;
}

/**
 * A tokenizer: text to ids and back, read from and written to tokenizer.json.
 *
 * @example
 * ```ts
 * const tokenizer = await Tokenizer.fromPretrained('my-model');
 * const { ids } = tokenizer.encode('Hello');
 * tokenizer.decode(ids); // 'Hello'
 * ```
 */
export class Tokenizer {
  readonly model: Model;
  readonly preTokenizer: PreTokenizer;
  readonly decoder: Decoder;
  readonly addedTokens: AddedTokens;
  readonly #finder: AddedTokenFinder;
  readonly #encoder: RangeEncoder;
  /** Bytes of each id, found once each. */
  readonly #bytes: (Uint8Array | undefined)[] = [];

  constructor(parts: TokenizerParts) {
    this.model = parts.model;
    this.preTokenizer = parts.preTokenizer;
    this.decoder = parts.decoder;
    this.addedTokens = parts.addedTokens ?? new AddedTokens([]);
    this.#finder = new AddedTokenFinder(
      this.addedTokens.list.map((token) => [token.content, token] as const),
    );
    const cut = this.preTokenizer.byteCutter;
    if (!(cut && this.model instanceof Bpe && this.model.takesBytes)) {
      throw new TokenizerError('E_UNSUPPORTED', 'tokenizer', {
        rule: 'the model must be a byte-level BPE behind a byte-level pre-tokenizer',
        received: `${this.model.type} behind ${describe(this.preTokenizer.toJSON())}`,
        fix: 'give the vocabulary all 256 byte characters',
      });
    }
    this.#encoder = new ByteLevelEncoder(cut, this.model);
  }

  /** One more than the highest id, added tokens included: the rows an embedding needs. */
  get vocabSize(): number {
    const last = this.addedTokens.list.at(-1);
    return Math.max(this.model.idLimit, last ? last.id + 1 : 0);
  }

  tokenToId(token: string): number | undefined {
    return this.addedTokens.byContent(token)?.id ?? this.model.tokenToId(token);
  }

  idToToken(id: number): string | undefined {
    return this.addedTokens.byId(id)?.content ?? this.model.idToToken(id);
  }

  /**
   * Encodes a text to ids alone; the fast path.
   * Lone surrogates count as U+FFFD.
   */
  encodeIds(text: string, options: EncodeOptions = {}): Int32Array {
    const out = new IdBuffer(16 + (text.length >> 1));
    const clean = toWellFormed(text);
    this.#finder.split(clean, options.allowedSpecial ?? 'none', (start, end, token?: AddedToken) => {
      if (token) out.push(token.id);
      else this.#encoder.encodeRange(clean, start, end, out);
    });
    return out.toArray();
  }

  /** Encodes a text to ids and all there is to know about them. */
  encode(text: string, options: EncodeOptions = {}): Encoding {
    const ids = this.encodeIds(text, options);
    return { ids, tokens: Array.from(ids, (id) => this.idToToken(id)!) };
  }

  /** Encodes several texts; the same as `encode` one by one. */
  encodeBatch(texts: readonly string[], options: EncodeOptions = {}): Encoding[] {
    return texts.map((text) => this.encode(text, options));
  }

  /**
   * The text of ids. Bytes that are no UTF-8 come out as U+FFFD, as when a character is cut in the middle.
   * @throws {TokenizerError} E_VOCAB on an id that does not exist.
   */
  decode(ids: ArrayLike<number>, options: DecodeOptions = {}): string {
    return new TextDecoder('utf-8', { ignoreBOM: true }).decode(this.decodeBytes(ids, options));
  }

  /** The bytes of ids, as they are. */
  decodeBytes(ids: ArrayLike<number>, options: DecodeOptions = {}): Uint8Array {
    const skip = options.skipSpecialTokens ?? true;
    const parts: Uint8Array[] = [];
    let length = 0;
    for (let i = 0; i < ids.length; i++) {
      const id = ids[i]!;
      if (skip && this.addedTokens.byId(id)?.special) continue;
      const bytes = (this.#bytes[id] ??= this.#bytesOf(id));
      parts.push(bytes);
      length += bytes.length;
    }
    const out = new Uint8Array(length);
    let at = 0;
    for (const part of parts) {
      out.set(part, at);
      at += part.length;
    }
    return out;
  }

  /** A stream that decodes ids as they come. */
  decodeStream(options: DecodeOptions = {}): DecodeStream {
    return new DecodeStream(this, options);
  }

  #bytesOf(id: number): Uint8Array {
    const added = this.addedTokens.byId(id);
    if (added) return new TextEncoder().encode(added.content);
    const token = this.model.idToToken(id);
    if (token === undefined) {
      throw new TokenizerError('E_VOCAB', 'ids', {
        rule: `every id exists, from 0 to ${this.vocabSize - 1}`,
        received: describe(id),
        fix: 'check that the ids come from this tokenizer',
      });
    }
    return this.decoder.tokenBytes!(token);
  }

  /** The object that tokenizer.json holds, in the layout of Hugging Face tokenizers. */
  toJSON(): object {
    return {
      version: '1.0',
      truncation: null,
      padding: null,
      added_tokens: this.addedTokens.toJSON(),
      normalizer: null,
      pre_tokenizer: this.preTokenizer.toJSON(),
      post_processor: null,
      decoder: this.decoder.toJSON(),
      model: this.model.toJSON(),
    };
  }

  /**
   * Builds a tokenizer from the object of a tokenizer.json.
   * @throws {TokenizerError} E_FORMAT where the object is not what it should be, E_UNSUPPORTED on a component
   *   this package does not know; both name the component.
   */
  static fromJSON(value: unknown): Tokenizer {
    return new Tokenizer(componentsFromJSON(value));
  }

  /** Reads a tokenizer.json (Node only). */
  static async fromFile(path: string): Promise<Tokenizer> {
    const { readJson } = await import('./files.js');
    return Tokenizer.fromJSON(await readJson(path));
  }

  /** Reads `tokenizer.json` in a folder (Node only). */
  static async fromPretrained(dir: string): Promise<Tokenizer> {
    const { pretrainedPath } = await import('./files.js');
    return Tokenizer.fromFile(pretrainedPath(dir));
  }

  /**
   * Writes tokenizer.json and tokenizer_config.json to a folder, made if need be, or tokenizer.json alone to a path
   * that ends in `.json` (Node only). Each file appears whole or not at all.
   */
  async save(path: string): Promise<void> {
    const { saveTokenizer } = await import('./files.js');
    await saveTokenizer(path, this);
  }
}
