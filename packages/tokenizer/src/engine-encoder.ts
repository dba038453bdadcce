/** Texts with added tokens by an engine, which encodes what lies between those. */
import type { AddedToken, SpecialFilter } from './added-tokens.js';
import { AlignedText } from './aligned-text.js';
import type { Engine, Place, TextTokens } from './engine.js';
import type { TextCutter } from './text-cutter.js';
import { toWellFormed } from './unicode.js';

/** A part of a text: an added token, or where what lies between two stands. */
type Part = { text: AlignedText; token: AddedToken } | { text: AlignedText; token?: undefined; place: Place };

/** Encodes texts by an engine: the parts of a batch all at once. */
export class EngineEncoder {
  readonly #engine: Engine;
  readonly #cutter: TextCutter;

  constructor(engine: Engine, cutter: TextCutter) {
    this.#engine = engine;
    this.#cutter = cutter;
  }

  ids(text: string, allowed: SpecialFilter): Int32Array {
    const engine = this.#engine;
    return this.#one(text, allowed, (part, place) => engine.ids(part, place), joinIds);
  }

  tokens(text: string, allowed: SpecialFilter): TextTokens {
    const engine = this.#engine;
    return this.#one(text, allowed, (part, place) => engine.tokens(part, place), joinTokens);
  }

  idsOfAll(texts: readonly string[], allowed: SpecialFilter): Int32Array[] {
    const engine = this.#engine;
    return this.#all(texts, allowed, (parts, places) => engine.idsOfAll(parts, places), joinIds);
  }

  tokensOfAll(texts: readonly string[], allowed: SpecialFilter): TextTokens[] {
    const engine = this.#engine;
    return this.#all(texts, allowed, (parts, places) => engine.tokensOfAll(parts, places), joinTokens);
  }

  /** The parts of a text, or undefined where an engine can have all of it as it is. */
  #partsOf(text: string, allowed: SpecialFilter): Part[] | undefined {
    const cutter = this.#cutter;
    if (cutter.isPlain(text, allowed)) return undefined;
    const parts: Part[] = [];
    cutter.cut(AlignedText.of(toWellFormed(text)), allowed, (part, token) => {
      const place = { first: part.origin === 0, normalized: cutter.normalizes };
      parts.push(token ? { text: part, token } : { text: part, place });
    });
    return parts;
  }

  #one<T>(
    text: string,
    allowed: SpecialFilter,
    encode: (part: string, place?: Place) => T,
    join: (parts: readonly Part[], made: readonly T[]) => T,
  ): T {
    const parts = this.#partsOf(text, allowed);
    if (!parts) return encode(text);
    const made: T[] = [];
    for (const part of parts) if (!part.token) made.push(encode(part.text.text, part.place));
    return join(parts, made);
  }

  #all<T>(
    texts: readonly string[],
    allowed: SpecialFilter,
    encode: (parts: readonly string[], places: readonly (Place | undefined)[]) => T[],
    join: (parts: readonly Part[], made: readonly T[]) => T,
  ): T[] {
    const given: string[] = [];
    const places: (Place | undefined)[] = [];
    const ends: number[] = [];
    const cuts = texts.map((text) => {
      const parts = this.#partsOf(text, allowed);
      if (!parts) {
        given.push(text);
        places.push(undefined);
      } else {
        for (const part of parts) {
          if (part.token) continue;
          given.push(part.text.text);
          places.push(part.place);
        }
      }
      ends.push(given.length);
      return parts;
    });
    const made = encode(given, places);
    return cuts.map((parts, i) => {
      const from = i > 0 ? ends[i - 1]! : 0;
      return parts ? join(parts, made.slice(from, ends[i])) : made[from]!;
    });
  }
}

function joinIds(parts: readonly Part[], made: readonly Int32Array[]): Int32Array {
  if (parts.length === 1 && made.length === 1) return made[0]!;
  const out = new Int32Array(made.reduce((size, ids) => size + ids.length, parts.length - made.length));
  let at = 0;
  let next = 0;
  for (const { token } of parts) {
    if (token) out[at++] = token.id;
    else {
      const ids = made[next++]!;
      out.set(ids, at);
      at += ids.length;
    }
  }
  return out;
}

function joinTokens(parts: readonly Part[], made: readonly TextTokens[]): TextTokens {
  const ids = joinIds(
    parts,
    made.map((tokens) => tokens.ids),
  );
  const offsets = new Int32Array(2 * ids.length);
  const wordIds = new Int32Array(ids.length);
  let at = 0;
  let next = 0;
  let word = 0;
  for (const { text, token } of parts) {
    if (token) {
      offsets.set(text.span(0, text.text.length), 2 * at);
      wordIds[at++] = word++;
      continue;
    }
    const tokens = made[next++]!;
    for (let i = 0; i < tokens.ids.length; i++, at++) {
      const [start, end] = text.span(tokens.offsets[2 * i]!, tokens.offsets[2 * i + 1]!);
      offsets[2 * at] = start;
      offsets[2 * at + 1] = end;
      wordIds[at] = word + tokens.wordIds[i]!;
    }
    if (tokens.ids.length > 0) word = wordIds[at - 1]! + 1;
  }
  return { ids, offsets, wordIds };
}
