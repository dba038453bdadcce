/** WordPiece by the addon: which tokenizers it can take, and the engine. */
import type { NativeAddon, WordPieceEncoder, WordPieceEncoderOptions } from '@inkstone/native';
import { AddedTokens } from './added-tokens.js';
import { characterBlocks } from './character-blocks.js';
import type { EncoderParts, Engine, EngineDecoder, TextTokens, TokenTable } from './engine.js';
import { legacyClass, legacyRanges } from './legacy-classes.js';
import { WordPiece } from './models/word-piece.js';
import { idsIn, inOrder, tokensIn } from './native-batch.js';
import { nativeDecoder } from './native-decoder.js';
import { tokenBytes } from './native-parts.js';
import { BertNormalizer, CHINESE } from './normalizers/bert.js';
import { BertPreTokenizer } from './pre-tokenizers/simple.js';
import { TextEncoderPipeline } from './text-encoder.js';
import { categoryMask, hasCategory, toWellFormed } from './unicode.js';
import { WHITE_SPACE } from './unicode-data.js';

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

/** What tokenizers with the same normalizer share: a table is four megabytes. */
const tables = new Map<string, CharacterCells>();

function cellsOf(normalizer: BertNormalizer | undefined): CharacterCells {
  const key = JSON.stringify(normalizer ?? null);
  const found = tables.get(key) ?? characterCells(normalizer);
  tables.set(key, found);
  return found;
}

type CharacterCells = Pick<WordPieceEncoderOptions, 'cells' | 'sequences'>;

const [WORD, SPACE, ALONE, GONE, SEQUENCE, ELSE] = [0, 1, 2, 3, 4, 5] as const;

/** What becomes of each character, as cells of `WordPieceEncoderOptions`. */
function characterCells(normalizer: BertNormalizer | undefined): CharacterCells {
  const space = categoryMask('space');
  const isPunctuation = legacyClass('PUNCTUATION');
  const { cleanText, handleChineseChars, stripAccents, lowercase } = normalizer?.settings ?? {};
  const cells = new Uint32Array(0x110000);
  const sequences: number[] = [];
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
  const fill = (ranges: Iterable<readonly [number, number]>, cell: (point: number) => number) => {
    for (const [first, last] of ranges) for (let c = first; c <= last; c++) cells[c] = cell(c);
  };
  const alone = (point: number) => point * 8 + ALONE;
  fill([[0, 0x10ffff]], (point) => point * 8 + WORD);
  fill(legacyRanges('PUNCTUATION'), alone);
  for (const point of WHITE_SPACE) cells[point] = SPACE;
  if (handleChineseChars) fill(CHINESE, alone);
  if (cleanText) fill(legacyRanges('BERT_CONTROL'), () => GONE);
  if (!lowercase && !stripAccents) return { cells, sequences: Uint32Array.from(sequences) };
  // A mark may change places with others.
  const changes = (text: string) =>
    (lowercase && text.toLowerCase() !== text) ||
    (stripAccents && (text.normalize('NFD') !== text || /\p{M}/u.test(text)));
  for (const block of characterBlocks()) {
    if (!changes(block)) continue;
    for (const char of block) {
      if (!changes(char)) continue;
      const made = normalizer!.normalizeCharacter(char);
      const moves = stripAccents && Array.from(made).some(isMoved);
      cells[char.codePointAt(0)!] = moves ? ELSE : sequenceOf(made);
    }
  }
  return { cells, sequences: Uint32Array.from(sequences) };
}

/** True if a character that does not decompose changes places with a mark beside it. */
function isMoved(char: string): boolean {
  // Decomposed text has the first of these marks last of all (combining class 240), and the other first (class 1).
  const beside = `\u0345${char}\u0334`;
  return beside.normalize('NFD') !== beside;
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
    const encoded = this.#encoder.encodeBatch(texts, false, this.#threads);
    return inOrder(encoded, idsIn, (i) => this.#rest.ids(texts[i]!, 'none'));
  }

  tokensOfAll(texts: readonly string[]): TextTokens[] {
    const encoded = this.#encoder.encodeBatch(texts, true, this.#threads);
    return inOrder(encoded, tokensIn, (i) => this.#rest.tokens(texts[i]!, 'none'));
  }

  decoder(table: TokenTable): EngineDecoder {
    return nativeDecoder(this.#addon, table);
  }
}
