import { type AddedToken, AddedTokenFinder, type SpecialFilter } from './added-tokens.js';
import { AlignedText } from './aligned-text.js';
import { ByteLevelEncoder } from './byte-level-encoder.js';
import { ChunkEncoder, type TokenBuffers } from './chunk-encoder.js';
import type { EncoderParts, Engine, TextTokens } from './engine.js';
import { IdBuffer } from './id-buffer.js';
import { takeFirstOut, withSpace } from './leading-space.js';
import { Bpe } from './models/bpe.js';
import { toWellFormed } from './unicode.js';

/**
 * The way from one text to tokens: added tokens are found, what lies between is normalized and cut to pieces, and
 * the model tokenizes each piece. `ids` takes a short cut where the parts allow it; both ways give the same ids.
 */
export class TextEncoderPipeline {
  readonly #parts: EncoderParts;
  readonly #rawFinder: AddedTokenFinder;
  readonly #normalizedFinder: AddedTokenFinder;
  /** Encodes a text without added tokens straight to ids; undefined where the parts need the long way. */
  readonly #fast: ByteLevelEncoder | undefined;
  /** True if texts are first given a space to start with. */
  readonly #spaced: boolean;
  /** Takes the place of `#fast`. */
  readonly #engine: Engine | undefined;
  /** Takes the place of both for texts of words, unless there is one of them. */
  readonly #chunks: ChunkEncoder | undefined;
  /** Where the tokens of the piece at hand lie. */
  readonly #spans = new IdBuffer(64);
  /** True if added tokens are looked for in normalized text, so that an engine must be given that. */
  readonly #looksAgain: boolean;
  /** True if no added token is looked for unless a caller allows special ones. */
  readonly #onlySpecial: boolean;

  constructor(parts: EncoderParts, engine?: Engine) {
    this.#parts = parts;
    this.#engine = engine;
    this.#onlySpecial = parts.addedTokens.list.every((token) => token.special);
    const { model, normalizer, preTokenizer, addedTokens } = parts;
    const raw = addedTokens.list.filter((token) => !token.normalized);
    const normalized = addedTokens.list.filter((token) => token.normalized);
    this.#rawFinder = new AddedTokenFinder(raw.map((token) => [token.content, token] as const));
    this.#normalizedFinder = new AddedTokenFinder(
      normalized.map((token) => {
        const pattern = normalizer ? normalizer.normalize(AlignedText.of(token.content)).text : token.content;
        return [pattern, token] as const;
      }),
    );
    const cut = preTokenizer?.byteCutter ?? preTokenizer?.spacedCutter;
    this.#spaced = preTokenizer?.byteCutter === undefined;
    this.#looksAgain = normalized.length > 0;
    if (cut && !engine && model instanceof Bpe && model.takesBytes) {
      this.#fast = new ByteLevelEncoder(cut, model);
    } else if (!engine && !this.#looksAgain) {
      this.#chunks = ChunkEncoder.of(parts, (part, out, word) =>
        this.#tokenize(this.#normalize(part), out, word),
      );
    }
  }

  /** The ids of a text alone. */
  ids(text: string, allowed: SpecialFilter): Int32Array {
    const engine = this.#engine;
    if (engine && this.#isPlain(text, allowed)) return engine.ids(text);
    text = toWellFormed(text);
    const out = new IdBuffer(16 + (text.length >> 1));
    const fast = this.#fast;
    if (!fast && !engine) {
      this.#walk(text, allowed, { ids: out, offsets: null, words: null });
      return out.toArray();
    }
    this.#rawFinder.split(text, allowed, (start, end, token) => {
      if (token) {
        out.push(token.id);
        return;
      }
      const part = end - start === text.length ? text : text.slice(start, end);
      if (engine && !this.#looksAgain) {
        out.pushAll(engine.ids(part, { first: start === 0, normalized: false }));
        return;
      }
      const normalized = this.#normalize(AlignedText.of(part, start));
      const filter = within(allowed, start, part === normalized.text);
      this.#normalizedFinder.split(normalized.text, filter, (from, to, found) => {
        if (found) out.push(found.id);
        else if (engine) {
          const inner = normalized.slice(from, to);
          out.pushAll(engine.ids(inner.text, { first: inner.origin === 0, normalized: true }));
        } else {
          const inner =
            to - from === normalized.text.length ? normalized.text : normalized.text.slice(from, to);
          const given = this.#spaced ? withSpace(inner) : inner;
          fast!.encodeRange(given, 0, given.length, out);
        }
      });
    });
    return out.toArray();
  }

  #normalize(text: AlignedText): AlignedText {
    const { normalizer } = this.#parts;
    return normalizer ? normalizer.normalize(text) : text;
  }

  /** The ids of several texts alone. */
  idsOfAll(texts: readonly string[], allowed: SpecialFilter): Int32Array[] {
    return this.#together(
      texts,
      allowed,
      (engine, plain) => engine.idsOfAll(plain),
      (text) => this.ids(text, allowed),
    );
  }

  /** Texts in which no added token can be are encoded all at once by an engine, the others one by one. */
  #together<T>(
    texts: readonly string[],
    allowed: SpecialFilter,
    all: (engine: Engine, plain: readonly string[]) => T[],
    one: (text: string) => T,
  ): T[] {
    const engine = this.#engine;
    if (!engine) return texts.map(one);
    const plain = texts.map((text) => this.#isPlain(text, allowed));
    if (plain.every(Boolean)) return all(engine, texts);
    const made = all(
      engine,
      texts.filter((_, i) => plain[i]),
    );
    let next = 0;
    return texts.map((text, i) => (plain[i] ? made[next++]! : one(text)));
  }

  /** The tokens of a text with where they come from. */
  tokens(text: string, allowed: SpecialFilter): TextTokens {
    if (this.#engine && this.#isPlain(text, allowed)) return this.#engine.tokens(text);
    text = toWellFormed(text);
    const ids = new IdBuffer(16 + (text.length >> 1));
    const offsets = new IdBuffer(32 + text.length);
    const words = new IdBuffer(16 + (text.length >> 1));
    this.#walk(text, allowed, { ids, offsets, words });
    return { ids: ids.toArray(), offsets: offsets.toArray(), wordIds: words.toArray() };
  }

  /** The tokens of several texts with where they come from. */
  tokensOfAll(texts: readonly string[], allowed: SpecialFilter): TextTokens[] {
    return this.#together(
      texts,
      allowed,
      (engine, plain) => engine.tokensOfAll(plain),
      (text) => this.tokens(text, allowed),
    );
  }

  /** True if an engine can have a whole text, since no added token is looked for or can be in it. */
  #isPlain(text: string, allowed: SpecialFilter): boolean {
    return (this.#onlySpecial && allowed === 'none') || (!this.#looksAgain && !this.#rawFinder.mayFind(text));
  }

  #walk(text: string, allowed: SpecialFilter, out: TokenBuffers): void {
    const { ids, offsets, words } = out;
    let word = 0;
    const added = (part: AlignedText, token: AddedToken) => {
      ids.push(token.id);
      if (offsets && words) {
        const [start, end] = part.span(0, part.text.length);
        offsets.push(start);
        offsets.push(end);
        words.push(word);
      }
      word++;
    };
    const fast = this.#fast;
    const engine = this.#engine;
    /** Appends what an engine made of a part and returns the number of the next word. */
    const append = (tokens: TextTokens, part: AlignedText) => {
      toOriginal(part, tokens.offsets);
      ids.pushAll(tokens.ids);
      offsets!.pushAll(tokens.offsets);
      words!.pushAll(tokens.wordIds, word);
      return tokens.ids.length > 0 ? words!.data[words!.length - 1]! + 1 : word;
    };
    const root = AlignedText.of(text);
    this.#rawFinder.split(text, allowed, (start, end, token) => {
      const part = root.slice(start, end);
      if (token) {
        added(part, token);
        return;
      }
      if (engine && offsets && words && !this.#looksAgain) {
        word = append(engine.tokens(part.text, { first: part.origin === 0, normalized: false }), part);
        return;
      }
      if (this.#chunks) {
        word = this.#chunks.encode(part, out, word);
        return;
      }
      const normalized = this.#normalize(part);
      this.#normalizedFinder.split(
        normalized.text,
        within(allowed, start, part.text === normalized.text),
        (from, to, found) => {
          const inner = normalized.slice(from, to);
          if (found) added(inner, found);
          else if (engine && offsets && words) {
            const place = { first: inner.origin === 0, normalized: true };
            word = append(engine.tokens(inner.text, place), inner);
          } else if (fast && offsets && words) {
            const before = ids.length;
            const given = this.#spaced ? withSpace(inner.text) : inner.text;
            word = fast.encodeSpans(given, ids, offsets, words, word);
            const spans = offsets.data.subarray(2 * before, offsets.length);
            if (given !== inner.text) takeFirstOut(inner.text, spans);
            toOriginal(inner, spans);
          } else word = this.#tokenize(inner, out, word);
        },
      );
    });
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

/**
 * The filter for a part that begins at `start`. Where the part was rewritten, places in it say nothing about places
 * in the text, so that a filter that asks for them allows nothing.
 */
function within(allowed: SpecialFilter, start: number, same = true): SpecialFilter {
  if (typeof allowed !== 'function') return allowed;
  return same ? (token, from, to) => allowed(token, start + from, start + to) : 'none';
}
