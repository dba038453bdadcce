import type { SpecialFilter } from './added-tokens.js';
import { AlignedText } from './aligned-text.js';
import { ByteLevelEncoder } from './byte-level-encoder.js';
import { ChunkEncoder, type TokenBuffers } from './chunk-encoder.js';
import type { EncoderParts, Engine, TextTokens } from './engine.js';
import { EngineEncoder } from './engine-encoder.js';
import { IdBuffer } from './id-buffer.js';
import { takeFirstOut, withSpace } from './leading-space.js';
import { Bpe } from './models/bpe.js';
import { TextCutter } from './text-cutter.js';
import { toWellFormed } from './unicode.js';

/**
 * The way from one text to tokens: added tokens are found, what lies between is normalized and cut to pieces, and
 * the model tokenizes each piece. `ids` takes a short cut where the parts allow it; both ways give the same ids.
 */
export class TextEncoderPipeline {
  readonly #parts: EncoderParts;
  readonly #cutter: TextCutter;
  /** Takes the place of all that follows. */
  readonly #engine: EngineEncoder | undefined;
  /** Encodes a text without added tokens straight to ids; undefined where the parts need the long way. */
  readonly #fast: ByteLevelEncoder | undefined;
  /** True if texts are first given a space to start with. */
  readonly #spaced: boolean;
  /** Encodes texts of words. */
  readonly #chunks: ChunkEncoder | undefined;
  /** Where the tokens of the piece at hand lie. */
  readonly #spans = new IdBuffer(64);

  constructor(parts: EncoderParts, engine?: Engine) {
    this.#parts = parts;
    const { model, preTokenizer, addedTokens } = parts;
    const wordCutter = preTokenizer?.wordCutter;
    const cut = preTokenizer?.byteCutter ?? preTokenizer?.spacedCutter ?? wordCutter;
    this.#spaced = preTokenizer?.spacedCutter !== undefined;
    if (cut && !engine && model instanceof Bpe && model.takesBytes) {
      this.#fast = new ByteLevelEncoder(cut, model, cut === wordCutter);
    } else if (!engine && !addedTokens.list.some((token) => token.normalized)) {
      this.#chunks = ChunkEncoder.of(parts, (part, out, word) =>
        this.#tokenize(this.#cutter.normalize(part), out, word),
      );
    }
    this.#cutter = new TextCutter(parts, engine !== undefined || this.#chunks !== undefined);
    this.#engine = engine && new EngineEncoder(engine, this.#cutter);
  }

  /** The ids of a text alone; of a part of a text, `origin` is where it begins. */
  ids(text: string, allowed: SpecialFilter, origin = 0): Int32Array {
    if (this.#engine) return this.#engine.ids(text, allowed);
    const ids = new IdBuffer(16 + (text.length >> 1));
    this.#walk(toWellFormed(text), origin, allowed, { ids, offsets: null, words: null });
    return ids.finish();
  }

  /** The ids of several texts alone. */
  idsOfAll(texts: readonly string[], allowed: SpecialFilter): Int32Array[] {
    return this.#engine?.idsOfAll(texts, allowed) ?? texts.map((text) => this.ids(text, allowed));
  }

  /** The tokens of a text, or of a part that begins at `origin`, with where they come from. */
  tokens(text: string, allowed: SpecialFilter, origin = 0): TextTokens {
    if (this.#engine) return this.#engine.tokens(text, allowed);
    const ids = new IdBuffer(16 + (text.length >> 1));
    const offsets = new IdBuffer(32 + text.length);
    const words = new IdBuffer(16 + (text.length >> 1));
    this.#walk(toWellFormed(text), origin, allowed, { ids, offsets, words });
    return { ids: ids.finish(), offsets: offsets.finish(), wordIds: words.finish() };
  }

  /** The tokens of several texts with where they come from. */
  tokensOfAll(texts: readonly string[], allowed: SpecialFilter): TextTokens[] {
    return this.#engine?.tokensOfAll(texts, allowed) ?? texts.map((text) => this.tokens(text, allowed));
  }

  #walk(text: string, origin: number, allowed: SpecialFilter, out: TokenBuffers): void {
    const { ids, offsets, words } = out;
    let word = 0;
    this.#cutter.cut(AlignedText.of(text, origin), allowed, (part, token) => {
      if (!token) {
        word = this.#encode(part, out, word);
        return;
      }
      ids.push(token.id);
      if (offsets && words) {
        const [start, end] = part.span(0, part.text.length);
        offsets.push(start);
        offsets.push(end);
        words.push(word);
      }
      word++;
    });
  }

  /** Appends the tokens of what lies between added tokens and returns the number of the next word. */
  #encode(part: AlignedText, out: TokenBuffers, word: number): number {
    if (this.#chunks) return this.#chunks.encode(part, out, word);
    const fast = this.#fast;
    if (!fast) return this.#tokenize(part, out, word);
    const { ids, offsets, words } = out;
    const given = this.#spaced ? withSpace(part.text) : part.text;
    if (!offsets || !words) {
      fast.encodeRange(given, 0, given.length, ids);
      return word;
    }
    const before = ids.length;
    const next = fast.encodeSpans(given, ids, offsets, words, word);
    const spans = offsets.data.subarray(2 * before, offsets.length);
    if (given !== part.text) takeFirstOut(part.text, spans);
    toOriginal(part, spans);
    return next;
  }

  /** Cuts what has been normalized to pieces, appends their tokens and returns the number of the next word. */
  #tokenize(text: AlignedText, { ids, offsets, words }: TokenBuffers, word: number): number {
    if (text.text === '') return word;
    const { model, preTokenizer } = this.#parts;
    const spans = offsets ? this.#spans : null;
    for (const piece of preTokenizer ? preTokenizer.preTokenize([text]) : [text]) {
      const before = ids.length;
      if (spans) spans.length = 0;
      model.tokenize(piece.text, { ids, spans });
      if (offsets && words && spans) {
        for (let i = 0; i < ids.length - before; i++) {
          const [start, end] = piece.span(spans.data[2 * i]!, spans.data[2 * i + 1]!);
          offsets.push(start);
          offsets.push(end);
          words.push(word);
        }
      }
      word++;
    }
    return word;
  }
}

/** Moves offsets in a text, in place, to its original. */
function toOriginal(text: AlignedText, offsets: Int32Array): void {
  for (let i = 0; i < offsets.length; i += 2) {
    const [start, end] = text.span(offsets[i]!, offsets[i + 1]!);
    offsets[i] = start;
    offsets[i + 1] = end;
  }
}
