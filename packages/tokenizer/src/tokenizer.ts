import { AddedTokens, type AllowedSpecial, type SpecialFilter } from './added-tokens.js';
import { AlignedText } from './aligned-text.js';
import { type ChatMessage, type ChatOptions, renderChat } from './chat.js';
import { componentsFromJSON } from './components.js';
import type { TokenizerConfig } from './config.js';
import { DecodeStream } from './decode-stream.js';
import type { Decoder } from './decoders/decoder.js';
import { concatEncodings, Encoding } from './encoding.js';
import type { Engine, EngineFactory, TextTokens } from './engine.js';
import { type IdPiece, idPieces, layOutIds } from './id-layout.js';
import type { Model } from './models/model.js';
import type { Normalizer } from './normalizers/normalizer.js';
import { snapToCharacters, toCodePoints } from './offsets.js';
import type { PostProcessor } from './post-processors/post-processor.js';
import type { PreTokenizer } from './pre-tokenizers/pre-tokenizer.js';
import { TextEncoderPipeline } from './text-encoder.js';
import { type DecodeOptions, TokenDecoder } from './token-decoder.js';
import {
  type Padding,
  pad,
  paddingToJSON,
  type Truncation,
  truncate,
  truncationToJSON,
} from './truncation.js';
import { toWellFormed } from './unicode.js';

/** The parts of a tokenizer; only the model must be there. */
export interface TokenizerParts {
  model: Model;
  normalizer?: Normalizer | undefined;
  preTokenizer?: PreTokenizer | undefined;
  postProcessor?: PostProcessor | undefined;
  decoder?: Decoder | undefined;
  addedTokens?: AddedTokens | undefined;
  truncation?: Truncation | undefined;
  padding?: Padding | undefined;
  /** Roles of special tokens, chat templates and the rest of tokenizer_config.json. */
  config?: TokenizerConfig | undefined;
  /** Makes what encodes and decodes in place of the package's TypeScript; `useNative` sets it. */
  engine?: EngineFactory | undefined;
}

/** Options of the encoding calls. */
export interface EncodeOptions {
  /**
   * Which special tokens the text may spell. Default `'none'`: text from a user cannot forge a control token; its
   * spelling is encoded as ordinary text.
   */
  allowedSpecial?: AllowedSpecial;
  /** A second text, laid out by the template for pairs. */
  pair?: string;
  /** Whether the post-processor puts in its special tokens; default true. */
  addSpecialTokens?: boolean;
  /** Instead of the tokenizer's own truncation; null for none. */
  truncation?: Truncation | null;
  /** Instead of the tokenizer's own padding; null for none. */
  padding?: Padding | null;
  /** What offsets count: UTF-16 units, as JavaScript strings do, or code points, as Python does. Default `utf16`. */
  offsetUnit?: 'utf16' | 'codePoint';
}

/**
 * A tokenizer: text to ids and back, read from and written to tokenizer.json.
 *
 * @example
 * ```ts
 * const tokenizer = await Tokenizer.fromPretrained('my-model');
 * const { ids } = tokenizer.encode('Hello');
 * tokenizer.decode(ids); // => 'Hello'
 * ```
 */
export class Tokenizer {
  readonly model: Model;
  readonly normalizer: Normalizer | undefined;
  readonly preTokenizer: PreTokenizer | undefined;
  readonly postProcessor: PostProcessor | undefined;
  readonly decoder: Decoder | undefined;
  readonly addedTokens: AddedTokens;
  readonly truncation: Truncation | undefined;
  readonly padding: Padding | undefined;
  readonly config: TokenizerConfig;
  readonly #engineFactory: EngineFactory | undefined;
  readonly #engine: Engine | undefined;
  readonly #pipeline: TextEncoderPipeline;
  readonly #decoder: TokenDecoder;
  /** What ids are laid out in, by the number of texts and whether special tokens are put in. */
  readonly #pieces = new Map<string, readonly IdPiece[] | undefined>();

  constructor(parts: TokenizerParts) {
    this.model = parts.model;
    this.normalizer = parts.normalizer;
    this.preTokenizer = parts.preTokenizer;
    this.postProcessor = parts.postProcessor;
    this.decoder = parts.decoder;
    this.addedTokens = parts.addedTokens ?? new AddedTokens([]);
    this.truncation = parts.truncation;
    this.padding = parts.padding;
    this.config = parts.config ?? {};
    const { model, normalizer, preTokenizer, addedTokens } = this;
    const own = { model, normalizer, preTokenizer, addedTokens };
    this.#engineFactory = parts.engine;
    this.#engine = parts.engine?.(own);
    this.#pipeline = new TextEncoderPipeline(own, this.#engine);
    this.#decoder = new TokenDecoder({ ...own, decoder: this.decoder }, this.#engine);
  }

  /** What encodes and decodes in place of the package's TypeScript, if something does; see `useNative`. */
  get engine(): Engine | undefined {
    return this.#engine;
  }

  /** One more than the highest id, added tokens included: the rows an embedding needs. */
  get vocabSize(): number {
    return this.#decoder.vocabSize;
  }

  tokenToId(token: string): number | undefined {
    return this.addedTokens.byContent(token)?.id ?? this.model.tokenToId(token);
  }

  idToToken(id: number): string | undefined {
    return this.#decoder.token(id);
  }

  /**
   * The tokens of ids as the vocabulary spells them.
   * @throws {TokenizerError} E_VOCAB on an id that does not exist.
   */
  idsToTokens(ids: ArrayLike<number>): string[] {
    return Array.from(ids, (id) => this.#decoder.spelling(id));
  }

  /** The text as the model's vocabulary sees it: what the normalizer makes of it. */
  normalize(text: string): string {
    const aligned = AlignedText.of(toWellFormed(text));
    return this.normalizer ? this.normalizer.normalize(aligned).text : aligned.text;
  }

  /** The pieces that the model is given for a text, added tokens left out of account. */
  preTokenize(text: string): string[] {
    const aligned = AlignedText.of(this.normalize(text));
    const pieces = this.preTokenizer ? this.preTokenizer.preTokenize([aligned]) : [aligned];
    return pieces.map((piece) => piece.text).filter((piece) => piece !== '');
  }

  /**
   * Encodes a text to ids alone: those of `encode`, sooner. Lone surrogates count as U+FFFD.
   * @throws {TokenizerError} E_OPTION on a truncation that cannot be met, E_VOCAB where a text needs an unknown
   *   token and there is none.
   */
  encodeIds(text: string, options: EncodeOptions = {}): Int32Array {
    if (this.#isBare(options)) return this.#pipeline.ids(text, options.allowedSpecial ?? 'none');
    const texts = this.#texts(text, options);
    const ids = texts.map((part) => this.#pipeline.ids(part, options.allowedSpecial ?? 'none'));
    return this.#layIds(ids, texts.length, options)[0]!;
  }

  /**
   * Encodes several texts to ids alone: those of `encodeBatch`, sooner. Ids of all texts may share one buffer.
   * Throws as `encodeIds`.
   *
   * @example
   * ```ts
   * tokenizer.encodeIdsBatch(['to be', 'or not']).length; // => 2
   * ```
   */
  encodeIdsBatch(texts: readonly string[], options: EncodeOptions = {}): Int32Array[] {
    const allowed = options.allowedSpecial ?? 'none';
    if (this.#isBare(options)) return this.#pipeline.idsOfAll(texts, allowed);
    const { pair } = options;
    const flat = pair === undefined ? texts : texts.flatMap((text) => [text, pair]);
    return this.#layIds(this.#pipeline.idsOfAll(flat, allowed), pair === undefined ? 1 : 2, options);
  }

  /** The ids of results, each of so many texts: those of `#lay` and `#pad`. */
  #layIds(ids: readonly Int32Array[], each: number, options: EncodeOptions): Int32Array[] {
    const special = options.addSpecialTokens ?? true;
    const pieces = this.#piecesOf(each, special);
    if (pieces) {
      const added = special ? (this.postProcessor?.addedTokens(each > 1) ?? 0) : 0;
      return layOutIds(ids, each, { pieces, added, ...this.#limits(options) });
    }
    const none = new Int32Array(0);
    const encodings = Array.from({ length: ids.length / each }, (_, i) => {
      const parts = ids.slice(each * i, each * (i + 1));
      return this.#lay(
        parts.map((part, k) => Encoding.ofText(part, none, none, k)),
        options,
      );
    });
    return this.#pad(encodings, options).map((encoding) => encoding.ids);
  }

  /** True if ids are those of the text alone: no pair, nothing cut off, nothing put in. */
  #isBare(options: EncodeOptions): boolean {
    const { truncation, padding } = this.#limits(options);
    if (options.pair !== undefined || truncation || padding) return false;
    const pieces = this.#piecesOf(1, options.addSpecialTokens ?? true);
    return pieces?.length === 1 && pieces[0]!.text === 0;
  }

  /** What ids of so many texts are laid out as; undefined if that depends on the texts. */
  #piecesOf(texts: number, special: boolean): readonly IdPiece[] | undefined {
    const key = `${texts} ${special}`;
    if (!this.#pieces.has(key)) this.#pieces.set(key, idPieces(this.postProcessor, texts > 1, special));
    return this.#pieces.get(key);
  }

  /** What results are cut off at and filled to. */
  #limits(options: EncodeOptions) {
    const { truncation = this.truncation, padding = this.padding } = options;
    return { truncation, padding };
  }

  /** Encodes a text, or a pair of texts, to ids and all there is to know about them; throws as `encodeIds`. */
  encode(text: string, options: EncodeOptions = {}): Encoding {
    const texts = this.#texts(text, options);
    const tokens = texts.map((part) => this.#pipeline.tokens(part, options.allowedSpecial ?? 'none'));
    return this.#pad([this.#encodeOne(texts, tokens, options)], options)[0]!;
  }

  /** Encodes several texts or pairs; the same as `encode` one by one, but that padding sees all of them. */
  encodeBatch(
    texts: readonly (string | readonly [string, string])[],
    options: EncodeOptions = {},
  ): Encoding[] {
    const allowed = options.allowedSpecial ?? 'none';
    const flat = texts.flatMap((text) => this.#texts(text, options));
    const tokens = this.#pipeline.tokensOfAll(flat, allowed);
    let at = 0;
    const encodings = texts.map((text) => {
      const count = this.#texts(text, options).length;
      const from = at;
      at += count;
      return this.#encodeOne(flat.slice(from, at), tokens.slice(from, at), options);
    });
    return this.#pad(encodings, options);
  }

  /**
   * A chat as text, by the chat template.
   * @throws {TokenizerError} E_OPTION if there is no such template, E_FORMAT if it fails on the messages.
   */
  renderChat(messages: readonly ChatMessage[], options: ChatOptions = {}): string {
    return renderChat(messages, options, this.config, this.addedTokens).text;
  }

  /**
   * The ids of a chat, by the chat template: its special tokens count, those that messages spell do not, so that no
   * message can forge a turn. Throws as `renderChat` and `encodeIds`.
   *
   * @example
   * ```ts
   * const ids = tokenizer.encodeChat([{ role: 'user', content: 'Hi' }], { addGenerationPrompt: true });
   * ```
   */
  encodeChat(messages: readonly ChatMessage[], options: ChatOptions = {}): Int32Array {
    const { text, guards } = renderChat(messages, options, this.config, this.addedTokens);
    const filter: SpecialFilter =
      guards.length === 0 ? 'all' : (_, start, end) => !guards.some((at) => isInside(at, start, end));
    return this.#pipeline.ids(text, filter);
  }

  #texts(text: string | readonly [string, string], options: EncodeOptions): string[] {
    const texts =
      typeof text !== 'string' ? text : options.pair === undefined ? [text] : [text, options.pair];
    return texts.map(toWellFormed);
  }

  #encodeOne(texts: readonly string[], tokens: readonly TextTokens[], options: EncodeOptions): Encoding {
    const encodings = tokens.map(({ ids, offsets, wordIds }, i) => Encoding.ofText(ids, offsets, wordIds, i));
    const out = this.#lay(encodings, options, texts);
    if (this.postProcessor) snapToCharacters(out, texts);
    if (options.offsetUnit === 'codePoint') toCodePoints(out, texts);
    return out;
  }

  /** Truncates encoded texts and lays them out with special tokens. */
  #lay(encodings: Encoding[], options: EncodeOptions, texts: readonly string[] = []): Encoding {
    const special = options.addSpecialTokens ?? true;
    const processor = this.postProcessor;
    const { truncation } = this.#limits(options);
    if (truncation) {
      const added = special && processor ? processor.addedTokens(encodings.length > 1) : 0;
      encodings = truncate(encodings, truncation, added);
    }
    if (processor) {
      encodings = processor.process(encodings, special, (encoding, i) => this.#covered(encoding, i, texts));
    }
    return concatEncodings(encodings);
  }

  /** The token at an index; one that takes white space along is what it takes from the text. */
  #covered(encoding: Encoding, index: number, texts: readonly string[]): string {
    const id = encoding.ids[index]!;
    const added = this.addedTokens.byId(id);
    const text = texts[encoding.sequenceIds[index]!];
    if (!added || !text || !(added.lstrip || added.rstrip)) return this.#decoder.spelling(id);
    return text.slice(encoding.offsets[2 * index], encoding.offsets[2 * index + 1]);
  }

  #pad(encodings: Encoding[], options: EncodeOptions): Encoding[] {
    const { padding } = this.#limits(options);
    return padding ? pad(encodings, padding) : encodings;
  }

  /**
   * The text of ids. Bytes that are no UTF-8 come out as U+FFFD, as when a character is cut in the middle.
   * @throws {TokenizerError} E_VOCAB on an id that does not exist.
   */
  decode(ids: ArrayLike<number>, options: DecodeOptions = {}): string {
    return this.#decoder.text(ids, options);
  }

  /** True if every token stands for bytes of its own, whatever its neighbours, so that `decodeBytes` works. */
  get decodesBytes(): boolean {
    return this.#decoder.givesBytes;
  }

  /**
   * The bytes of ids, as they are; only where `decodesBytes`.
   * @throws {TokenizerError} E_VOCAB on an id that does not exist, E_UNSUPPORTED where tokens have no bytes.
   */
  decodeBytes(ids: ArrayLike<number>, options: DecodeOptions = {}): Uint8Array {
    return this.#decoder.bytes(ids, options);
  }

  /** The ids that a decode shows: all, or all but the special ones. */
  shownIds(ids: ArrayLike<number>, options: DecodeOptions = {}): number[] {
    return this.#decoder.shownIds(ids, options);
  }

  /** A stream that decodes ids as they come. */
  decodeStream(options: DecodeOptions = {}): DecodeStream {
    return new DecodeStream(this, options);
  }

  /** The object that tokenizer.json holds, in the layout of Hugging Face tokenizers. */
  toJSON(): object {
    return {
      version: '1.0',
      truncation: truncationToJSON(this.truncation),
      padding: paddingToJSON(this.padding),
      added_tokens: this.addedTokens.toJSON(),
      normalizer: this.normalizer?.toJSON() ?? null,
      pre_tokenizer: this.preTokenizer?.toJSON() ?? null,
      post_processor: this.postProcessor?.toJSON() ?? null,
      decoder: this.decoder?.toJSON() ?? null,
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

  /** The same tokenizer with other parts. */
  with(parts: Partial<TokenizerParts>): Tokenizer {
    // The fields that are not private are the parts.
    return new Tokenizer({ ...this, engine: this.#engineFactory, ...parts });
  }

  /** Reads a tokenizer.json (Node only). */
  static async fromFile(path: string): Promise<Tokenizer> {
    const { readJson } = await import('./files.js');
    return Tokenizer.fromJSON(await readJson(path));
  }

  /**
   * Reads a folder (Node only): tokenizer.json, or tokenizer.model, or vocab.json with merges.txt, or vocab.txt,
   * whichever is there first, with tokenizer_config.json and chat_template.jinja where they are there.
   */
  static async fromPretrained(dir: string): Promise<Tokenizer> {
    const { readPretrained } = await import('./files.js');
    return readPretrained(dir);
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

/** True if a guard lies in a range; one at its very start or end only if the range is one character. */
function isInside(at: number, start: number, end: number): boolean {
  return end - start === 1 ? at >= start && at <= end : at > start && at < end;
}
