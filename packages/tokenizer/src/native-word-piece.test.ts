import { loadAddon } from '@inkstone/native';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { anyText as textOf } from '../test/any-text.js';
import { fixture } from '../test/fixture.js';
import { absent, golden, nativeTitle } from '../test/native-engine.js';
import { expectSame } from '../test/same.js';
import { AddedTokens } from './added-tokens.js';
import { Vocab } from './models/vocab.js';
import { WordPiece } from './models/word-piece.js';
import { nativeObstacle, useNative } from './native.js';
import { wordPiecePlan } from './native-word-piece.js';
import { BertNormalizer, type BertNormalizerOptions } from './normalizers/bert.js';
import { Lowercase } from './normalizers/simple.js';
import { BertPreTokenizer, Whitespace } from './pre-tokenizers/simple.js';
import { Tokenizer } from './tokenizer.js';
import { toWellFormed } from './unicode.js';

const { tokenizer: bert } = fixture<{ tokenizer: object }>('whole-bert.json');
const special = [
  ...[' ', '  ', '\t', '\n', '\r\n', '\u0085', '\u00a0', '\u2028', '\u3000', '\0', '\ufffd', '\ufeff'],
  ...'\u200b \u200d \u00ad \x07 [CLS] [MASK] [UNK] ##s # \ud83d \ude42 🙂 𝕏 𐐀 👩‍👩‍👧'.split(' '),
  ...'é e\u0301 \u0301 İ ı Σ ΑΣ ς ẞ K Å ﬁ Ǆ ậ a\u0323\u0302 A\u0302\u0323'.split(' '),
  // Marks that stay and have a place among marks, and a character that decomposes to one.
  ...'\ud834\udd65 \ud834\udd5e \u302e \u0334 \u0345 \u05b0 \u0e38 \u093c \u0903'.split(' '),
  ...'砚 墨水 豈 \u{2f800} \u{20000} 你好,世界。 カタカナ ガ 한국어 각 \u1100\u1161\u11a8'.split(' '),
  ...'ภาษาไทย مرحبا हिन्दी Привет Ёж ² ½ 1 1234567 a A the Ink tion / ... ¿'.split(' '),
  ' stone',
];
const anyText = textOf(special, golden.texts, ['a', ' ', '砚', '🙂', 'in', '\u0301'], 250);

/** A vocabulary of all parts of the words of some texts, so that there is much to choose from. */
function wordPiece(options = {}): WordPiece {
  const tokens = new Set('[PAD] [UNK] [CLS] [MASK] ##s á 🙂 ##🙂 砚 ##\u1161 \u1100 가'.split(' '));
  for (const text of [...golden.texts, ...special])
    for (const word of text
      .toLowerCase()
      .normalize('NFD')
      .match(/[\p{L}\p{M}\p{N}]+/gu) ?? [])
      for (let to = 1; to <= Math.min(5, word.length); to++) {
        for (const token of [word.slice(0, to), `##${word.slice(-to)}`, `##${word[to - 1]}`])
          if (toWellFormed(token) === token) tokens.add(token);
      }
  return new WordPiece(new Vocab([...tokens].map((token, id) => [token, id] as const)), {
    hidden: new Set([0, 1, 2, 3]),
    ...options,
  });
}

function pair(normalizer: BertNormalizer | undefined, model = wordPiece()) {
  const addedTokens = AddedTokens.special(
    ['[PAD]', '[UNK]', '[CLS]', '[MASK]'].map((token, id) => [token, id]),
  );
  const plain = Tokenizer.fromJSON(bert).with({
    model,
    normalizer,
    preTokenizer: new BertPreTokenizer(),
    postProcessor: undefined,
    addedTokens,
  });
  return { plain, native: useNative(plain, { threads: 2 }) };
}

const normalizers: [string, BertNormalizerOptions | undefined][] = [
  ['uncased', {}],
  ['cased', { lowercase: false }],
  ['in lower case with accents', { stripAccents: false }],
  ['without accents', { lowercase: false, stripAccents: true }],
  ['as it is but for Chinese', { cleanText: false, lowercase: false }],
  ['without Chinese apart', { handleChineseChars: false }],
  ['not normalized', undefined],
];

describe.skipIf(absent !== '')(nativeTitle('native WordPiece'), () => {
  it.each(normalizers)('gives the ids, offsets and words of TypeScript, %s', (_, options) => {
    const { plain, native } = pair(options && new BertNormalizer(options));
    fc.assert(
      fc.property(
        fc.array(anyText, { maxLength: 4 }),
        fc.constantFrom('none' as const, 'all' as const, ['[MASK]']),
        (texts, allowedSpecial) => {
          const given = { allowedSpecial };
          const expected = plain.encodeBatch(texts, given);
          for (let pass = 0; pass < 2; pass++) {
            expectSame(native.encodeBatch(texts, given), expected);
            expectSame(
              native.encodeIdsBatch(texts, given),
              expected.map(({ ids }) => ids),
            );
          }
          texts.forEach((text, i) => {
            expectSame(native.encode(text, given), expected[i]);
            expectSame(native.encodeIds(text, given), expected[i]!.ids);
          });
        },
      ),
      { numRuns: 150 },
    );
  });

  it.each(normalizers)('knows every character as TypeScript does, %s', (_, options) => {
    const { plain, native } = pair(options && new BertNormalizer(options));
    // Unknown words are told apart by where they begin and end.
    for (let start = 0; start < 0x110000; start += 0x400) {
      if (start >= 0x30000 && start < 0xe0000) continue;
      const chars = Array.from({ length: 0x400 }, (_, i) => `${String.fromCodePoint(start + i)}a`);
      const text = `b${chars.join('b')}`;
      const [mine, expected] = [native.encode(text), plain.encode(text)];
      expectSame(mine, expected);
    }
  });

  it.each(['a', 'in', ' ', '砚', '🙂', '\u0301', '.'])(
    'encodes a megabyte of %j as TypeScript does',
    (unit) => {
      const text = unit.repeat(Math.ceil(1_000_000 / unit.length));
      for (const maxInputCharsPerWord of [100, 2 ** 40]) {
        const { plain, native } = pair(new BertNormalizer(), wordPiece({ maxInputCharsPerWord }));
        const [mine, expected] = [native.encode(text), plain.encode(text)];
        expect(mine.ids.length).toBe(expected.ids.length);
        expectSame(mine, expected);
      }
    },
  );

  it('leaves texts to TypeScript only where a mark that stays could move', () => {
    const plan = wordPiecePlan(Tokenizer.fromJSON(bert));
    if (typeof plan === 'string') throw new Error(plan);
    const encoder = new (loadAddon().WordPieceEncoder)(plan());
    for (const text of [...golden.texts, ...special.filter((each) => !/[\ud834\u302e]/.test(each))]) {
      expect([text, encoder.encode(text, false) === null]).toEqual([text, false]);
    }
    expect(encoder.encode('a\ud834\udd65\u0334', false)).toBe(null);
    const cased = wordPiecePlan(
      Tokenizer.fromJSON(bert).with({ normalizer: new BertNormalizer({ lowercase: false }) }),
    );
    if (typeof cased === 'string') throw new Error(cased);
    expect(new (loadAddon().WordPieceEncoder)(cased()).encode('Ünïcode 각 e\u0301\u0323', false)).not.toBe(
      null,
    );
  });

  it('puts marks that stay in order as TypeScript does', () => {
    const tokens = ['[UNK]', 'a', '##\u{1e4ec}', '##\u{1e4ee}'].map((token, id) => [token, id] as const);
    for (const stripAccents of [true, false]) {
      const { plain, native } = pair(new BertNormalizer({ stripAccents }), new WordPiece(new Vocab(tokens)));
      const expected = Int32Array.from(stripAccents ? [1, 3, 2] : [1, 2, 3]);
      expectSame(plain.encodeIds('a\u{1e4ec}\u{1e4ee}'), expected);
      expectSame(native.encodeIds('a\u{1e4ec}\u{1e4ee}'), expected);
    }
  });

  it('gives the ids of the tokenizer of the BERT kind', () => {
    const plain = Tokenizer.fromJSON(bert);
    expect(nativeObstacle(plain)).toBeUndefined();
    const native = useNative(plain);
    for (const text of [...golden.texts, ...special]) expectSame(native.encode(text), plain.encode(text));
    expectSame(native.encodeBatch(golden.texts), plain.encodeBatch(golden.texts));
  });

  it('says what it cannot take', () => {
    const { plain, native } = pair(new BertNormalizer());
    expect(nativeObstacle(plain)).toBeUndefined();
    expect(nativeObstacle(plain.with({ preTokenizer: new Whitespace() }))).toContain('Whitespace');
    expect(nativeObstacle(plain.with({ preTokenizer: undefined }))).toContain('none');
    expect(nativeObstacle(plain.with({ normalizer: new Lowercase() }))).toContain('Lowercase');
    const model = new WordPiece(new Vocab([['a', 0]]));
    expect(nativeObstacle(plain.with({ model }))).toContain('unknown');
    const half = new WordPiece(new Vocab(['[UNK]', '\ud83d'].map((token, id) => [token, id] as const)));
    expect(nativeObstacle(plain.with({ model: half }))).toContain('half');
    const word = { id: 5, content: 'ink', singleWord: false, lstrip: false, rstrip: false };
    const addedTokens = new AddedTokens([{ ...word, normalized: true, special: false }]);
    expect(nativeObstacle(plain.with({ addedTokens }))).toContain('normalized');
    expect(() => native.with({ normalizer: new Lowercase() })).toThrow(
      expect.objectContaining({ code: 'E_UNSUPPORTED', subject: 'native engine' }),
    );
  });

  it('keeps the addon from options that make no sense', () => {
    const { WordPieceEncoder } = loadAddon();
    const good = {
      bytes: Uint8Array.of(0x3f, 0x61),
      starts: Uint32Array.of(0, 1, 2),
      prefix: Uint8Array.of(0x23),
      unknown: 0,
      mostCharacters: 5,
      cells: new Uint32Array(0x110000).map((_, point) => point * 8),
      sequences: Uint32Array.of(1, 0x61 * 8),
    };
    const cell = (value: number) => good.cells.map((old, point) => (point === 0x62 ? value : old));
    const encoder = new WordPieceEncoder({ ...good, cells: cell(4) });
    expect(encoder.encode('a', false)).toEqual(Int32Array.of(1));
    expect(encoder.encode('b', false)).toEqual(Int32Array.of(1));
    expect(new WordPieceEncoder({ ...good, cells: cell(5) }).encode('ab', true)).toBe(null);
    for (const bad of [
      { unknown: 2 },
      { unknown: Number.NaN },
      { cells: new Uint32Array(5) },
      { cells: cell(6) },
      { cells: cell(0x110000 * 8) },
      { cells: cell(2 * 8 + 4) },
      { cells: cell(4), sequences: Uint32Array.of(2, 8) },
      { cells: cell(4), sequences: Uint32Array.of(1, 4) },
      { starts: Uint32Array.of(0, 3, 2) },
      { prefix: 'x' as unknown as Uint8Array },
    ]) {
      expect(() => new WordPieceEncoder({ ...good, ...bad })).toThrow(TypeError);
    }
    expect(() => encoder.encode(5 as unknown as string, false)).toThrow(TypeError);
  });
});
