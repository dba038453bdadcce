/** WordPiece by the addon: which tokenizers it can take, and the engine. */
import type { NativeAddon, WordPieceEncoder, WordPieceEncoderOptions } from '@inkstone/native';
import { AddedTokens } from './added-tokens.js';
import { AlignedText } from './aligned-text.js';
import type { EncoderParts, Engine, EngineDecoder, TextTokens, TokenTable } from './engine.js';
import { legacyClass } from './legacy-classes.js';
import { WordPiece } from './models/word-piece.js';
import { inOrder, tokensIn, view } from './native-batch.js';
import { nativeDecoder } from './native-decoder.js';
import { tokenBytes } from './native-parts.js';
import { BertNormalizer } from './normalizers/bert.js';
import type { Normalizer } from './normalizers/normalizer.js';
import { BertPreTokenizer } from './pre-tokenizers/simple.js';
import { TextEncoderPipeline } from './text-encoder.js';
import { categoryMask, hasCategory, toWellFormed } from './unicode.js';

/** What the addon is made of for a tokenizer, or in words why it cannot take it. */
export function wordPiecePlan(parts: EncoderParts): (() => WordPieceEncoderOptions) | string {
  const { model, normalizer, preTokenizer, addedTokens } = parts;
  if (!(model instanceof WordPiece)) return `the model is ${model.type}`;
  if (!(preTokenizer instanceof BertPreTokenizer))
    return `its pre-tokenizer, ${preTokenizer?.type ?? 'none'}, is not BERT's`;
  if (normalizer && !(normalizer instanceof BertNormalizer))
    return `its normalizer, ${normalizer.type}, is not BERT's`;
  if (normalizer && addedTokens.list.some((token) => token.normalized))
    return 'it looks for added tokens in normalized text';
  const unknown = model.tokenToId(model.unkToken);
  if (unknown === undefined) return 'it has no unknown token';
  const tokens = Array.from({ length: model.idLimit }, (_, id) => model.idToToken(id));
  if ([model.prefix, ...tokens].some((token) => token && toWellFormed(token) !== token))
    return 'a token has half a character';
  return () => {
    const encoder = new TextEncoder();
    const spelled = tokens.map((token, id) =>
      token === undefined || model.hides(id) ? undefined : encoder.encode(token),
    );
    return {
      ...tokenBytes(spelled),
      ...cellsOf(normalizer),
      prefix: encoder.encode(model.prefix),
      unknown,
      mostCharacters: model.maxChars,
    };
  };
}

/** What tokenizers with the same normalizer share: their tables are four megabytes, and half a second to make. */
const tables = new Map<string, ReturnType<typeof characterCells>>();

function cellsOf(normalizer: Normalizer | undefined): ReturnType<typeof characterCells> {
  const key = JSON.stringify(normalizer ?? null);
  let found = tables.get(key);
  if (!found) {
    found = characterCells(normalizer);
    tables.set(key, found);
  }
  return found;
}

const [WORD, SPACE, ALONE, GONE, SEQUENCE, ELSE] = [0, 1, 2, 3, 4, 5] as const;
const BLOCK = 256;

/**
 * What a normalizer that rewrites characters one by one, but for the order of marks, makes of each, as cells of
 * `WordPieceEncoderOptions`.
 */
function characterCells(normalizer: Normalizer | undefined): { cells: Uint32Array; sequences: Uint32Array } {
  const space = categoryMask('space');
  const isPunctuation = legacyClass('PUNCTUATION');
  const cells = new Uint32Array(0x110000);
  const sequences: number[] = [];
  const rewritten = (text: string) => normalizer?.normalize(AlignedText.of(text)).text ?? text;
  const cellOf = (point: number): number => {
    if (hasCategory(point, space)) return SPACE;
    return point * 8 + (isPunctuation(point) ? ALONE : WORD);
  };
  const sequenceOf = (text: string): number => {
    const made = Array.from(text, (char) => cellOf(char.codePointAt(0)!));
    if (made.length === 0) return GONE;
    if (made.length === 1) return made[0]!;
    // A character between spaces is a word of its own.
    if (made.length === 3 && made[0] === SPACE && made[1] !== SPACE && made[2] === SPACE) {
      return made[1]! - (made[1]! % 8) + ALONE;
    }
    sequences.push(made.length, ...made);
    return (sequences.length - made.length - 1) * 8 + SEQUENCE;
  };
  for (let start = 0; start < cells.length; start += BLOCK) {
    if (start >= 0xd800 && start < 0xe000) continue;
    const text = String.fromCodePoint(...Array.from({ length: BLOCK }, (_, i) => start + i));
    const chars = [...text];
    const out = rewritten(text);
    const alone = out !== text && out === chars.map((char) => ` ${char} `).join('');
    for (let i = 0; i < BLOCK; i++) {
      const point = start + i;
      if (out === text) cells[point] = cellOf(point);
      else if (alone) cells[point] = point * 8 + ALONE;
      else {
        const made = rewritten(chars[i]!);
        cells[point] = isReordered(made, rewritten) ? ELSE : sequenceOf(made);
      }
    }
  }
  return { cells, sequences: Uint32Array.from(sequences) };
}

/** True if a character that stays could change places with a mark beside it. */
function isReordered(text: string, rewritten: (text: string) => string): boolean {
  return Array.from(text).some((char) => {
    // The mark that decomposed text has last of all (combining class 240), and one that it has first (class 1).
    const [last, first] = ['\u0345', '\u0334'];
    const moves = `${last}${char}`.normalize('NFD') !== `${last}${char.normalize('NFD')}`;
    const isMoved = moves || `${char}${first}`.normalize('NFD') !== `${char.normalize('NFD')}${first}`;
    return isMoved && rewritten(char) !== '';
  });
}

/** An engine that leaves texts with a character whose rewriting depends on its neighbours to the TypeScript. */
export class WordPieceEngine implements Engine {
  readonly #addon: NativeAddon;
  readonly #encoder: WordPieceEncoder;
  readonly #rest: TextEncoderPipeline;
  readonly #threads: number;

  constructor(addon: NativeAddon, parts: EncoderParts, options: WordPieceEncoderOptions, threads: number) {
    this.#addon = addon;
    this.#threads = threads;
    this.#encoder = new addon.WordPieceEncoder(options);
    this.#rest = new TextEncoderPipeline({ ...parts, addedTokens: new AddedTokens([]) });
  }

  ids(text: string): Int32Array {
    return this.#encoder.encode(text, false) ?? this.#rest.ids(text, 'none');
  }

  tokens(text: string): TextTokens {
    const found = this.#encoder.encode(text, true);
    if (!found) return this.#rest.tokens(text, 'none');
    const [ids, offsets, wordIds] = found;
    return { ids, offsets, wordIds };
  }

  idsOfAll(texts: readonly string[]): Int32Array[] {
    const [counts, takers, ids] = this.#encoder.encodeBatch(texts, false, this.#threads);
    return inOrder(counts, takers, (part, from, to, i) =>
      counts[i]! < 0 ? this.#rest.ids(texts[i]!, 'none') : view(ids[part]!, from, to),
    );
  }

  tokensOfAll(texts: readonly string[]): TextTokens[] {
    const [counts, takers, ids, offsets, words] = this.#encoder.encodeBatch(texts, true, this.#threads);
    return inOrder(counts, takers, (part, from, to, i) =>
      counts[i]! < 0
        ? this.#rest.tokens(texts[i]!, 'none')
        : tokensIn(ids[part]!, offsets[part]!, words[part]!, from, to),
    );
  }

  decoder(table: TokenTable): EngineDecoder {
    return nativeDecoder(this.#addon, table);
  }
}
