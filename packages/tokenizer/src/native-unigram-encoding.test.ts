import { loadAddon } from '@inkstone/native';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { anyText as textOf } from '../test/any-text.js';
import { columnsOf } from '../test/columns.js';
import { fixture } from '../test/fixture.js';
import { absent, addedWords, expectAsTypeScript, golden, nativeTitle } from '../test/native-engine.js';
import { expectSame } from '../test/same.js';
import { leftBy, longestRules, sentencePiece, unigramModel } from '../test/unigram-families.js';
import { decodeBase64 } from './base64.js';
import { BYTE_TOKENS } from './byte-alphabet.js';
import { characterBlocks } from './character-blocks.js';
import { Unigram, type UnigramOptions } from './models/unigram.js';
import { nativeObstacle, useNative } from './native.js';
import type { Normalizer } from './normalizers/normalizer.js';
import { Precompiled } from './normalizers/precompiled.js';
import { Replace } from './normalizers/replace.js';
import { Lowercase, Nmt, NormalizerSequence, Prepend, Strip, StripAccents } from './normalizers/simple.js';
import { UnicodeForm } from './normalizers/unicode-form.js';
import { Metaspace, type PrependScheme } from './pre-tokenizers/metaspace.js';
import type { PreTokenizer } from './pre-tokenizers/pre-tokenizer.js';
import { Digits, PreTokenizerSequence, WhitespaceSplit } from './pre-tokenizers/simple.js';
import { fromSentencePiece } from './sentencepiece.js';
import { Tokenizer } from './tokenizer.js';
import { toWellFormed } from './unicode.js';

const special = [
  ...'▁ ▁▁ <unk> <0x41> 砚 墨水 你好，世界。 🙂 𝕏 é e\u0301 \u0301 \ud83d \ude42 \0 \ufffd ภาษาไทย Привет'.split(
    ' ',
  ),
  ...'ＡＢ … ﬁ ㎏ ½ ｶﾞ ﾞ Å \u212b 한국어 \u1112\u1161\u11ab 각\u11a8 हिन्दी İ Σ ΑΣ \u0344 \u200b \u200d \ufeff'.split(
    ' ',
  ),
  ..."👩‍👩‍👧 👍🏽 ❤️ 🇫🇷 `` `' '' ' ` \x07 \r \r\n \u00ad \u0e33 \u0600 \u{e0020}".split(' '),
  ...[' ', '  ', '\n', '\n\n', '\t', '\u3000', '\u00a0', '\u2028', ' ▁', '▁ ', ' a'],
];
const anyText = textOf(special, golden.texts, ['a', ' ', '砚', '🙂', 'in', '▁', '\u0301'], 250);

const metaspace = (prependScheme: PrependScheme, split: boolean) =>
  new Metaspace({ replacement: '▁', prependScheme, split });
const words = new PreTokenizerSequence([new WhitespaceSplit(), metaspace('always', true)]);
const cutters: Record<string, PreTokenizer | undefined> = {
  none: undefined,
  always: metaspace('always', true),
  first: metaspace('first', true),
  'never, whole': metaspace('never', false),
  words,
};

const rules = new Precompiled(longestRules.charsmap);
const single = (content: string) => new Replace({ Regex: ' {2,}' }, content);
const visible = new Replace({ String: ' ' }, '▁');
const quotes = ['``', "''"].map((quote) => new Replace({ String: quote }, '"'));
/** Each behind the cutters that it is taken with. */
const normalizers: [string, Normalizer | undefined, readonly string[]][] = [
  ['nothing', undefined, Object.keys(cutters)],
  ['NFC', new UnicodeForm('NFC'), ['always', 'first', 'words']],
  ['NFKC', new UnicodeForm('NFKC'), ['always', 'none']],
  ['rules', rules, ['words', 'first', 'none']],
  ['rules, single spaces', new NormalizerSequence([rules, single(' ')]), ['always', 'first', 'words']],
  ['rules, stripped', new NormalizerSequence([rules, new Strip(false, true), single('▁')]), ['first']],
  [
    'stripped, rules',
    new NormalizerSequence([new Strip(true, true), rules, single(' ')]),
    ['always', 'none', 'words'],
  ],
  [
    'ALBERT',
    new NormalizerSequence([...quotes, new UnicodeForm('NFKD'), new StripAccents(), new Lowercase(), rules]),
    ['words'],
  ],
  [
    'Nmt',
    new NormalizerSequence([new Nmt(), new Replace({ String: 'a' }, 'bc')]),
    ['always', 'never, whole'],
  ],
  [
    'longest rules',
    new NormalizerSequence([
      new Precompiled(longestRules.charsmap, '', 'longest', ['ＡＢ', 'ink']),
      new Prepend('▁'),
      visible,
    ]),
    ['none'],
  ],
  ['visible spaces', new NormalizerSequence([new Prepend('▁'), visible]), ['none', 'first']],
  ['visible spaces alone', visible, ['none']],
];
const cases = normalizers.flatMap(([name, normalizer, cuts]) =>
  cuts.map((cut) => [name, cut, normalizer] as const),
);

/** Characters of every kind of which what they become may depend on neighbours. */
const kinds = [
  ..."a E é ﬁ ½ ＡＢ Σ İ ® ℹ © 🙂 👩 🇫 🏽 ` ' ▁ 砚 ｶ ﾞ か 가 각 \u1112 \u1161 \u11ab क न क़ \u093c \u0940 \u094d ำ \u0600".split(
    ' ',
  ),
  ...'\u0301 \u0323 \u0344 \u0345 \u0340 \u00a8 \u0649 \u064e \u0653 \u200b \u200c \u200d \ufe0f \ufeff \u00ad \ufffd'.split(
    ' ',
  ),
  ...[' ', '\t', '\n', '\r', '\x07', '\x85', '\u00a0', '\u3000', '\ud83d'],
].flatMap((char) => [...char]);

/** Vocabularies whose scores are few, so that ties are many. */
const anyModel = fc
  .record({
    parts: fc.array(
      fc.tuple(
        fc.constantFrom(...golden.texts, ...special),
        fc.nat(40),
        fc.integer({ min: 1, max: 6 }),
        fc.constantFrom(-1, -2, -3.1, -0.1, 0, 2),
      ),
      { minLength: 1, maxLength: 150 },
    ),
    byteFallback: fc.boolean(),
    singlePrecision: fc.boolean(),
    marked: fc.boolean(),
  })
  .map(({ parts, byteFallback, singlePrecision, marked }) => {
    const vocab: [string, number][] = [['<unk>', 0]];
    if (byteFallback) for (const token of BYTE_TOKENS) vocab.push([token, 0]);
    for (const [text, at, size, score] of parts) {
      const token = [...toWellFormed(text).replaceAll(' ', '▁')].slice(at, at + size).join('');
      // A byte that text spells too is refused.
      if (!BYTE_TOKENS.includes(token)) vocab.push([marked ? `▁${token}` : token, score]);
    }
    return new Unigram(vocab, { unkId: 0, byteFallback, singlePrecision });
  });

/** The model of the fixtures with other parts. */
const bare = Tokenizer.fromJSON({ model: unigramModel });
const withParts = (normalizer?: Normalizer, preTokenizer?: PreTokenizer) =>
  bare.with({ normalizer, preTokenizer });

describe.skipIf(absent !== '')(nativeTitle('Unigram by the addon'), () => {
  it.each(Object.entries(cutters))(
    'gives the ids, offsets and words of TypeScript for any model, %s',
    (_, preTokenizer) => {
      fc.assert(
        fc.property(anyModel, fc.array(anyText, { minLength: 1, maxLength: 6 }), (model, texts) => {
          const plain = new Tokenizer({ model, preTokenizer });
          const fast = useNative(plain, { threads: 1 });
          for (const text of texts) expectSame(fast.encode(text), plain.encode(text));
          expectSame(
            fast.encodeIdsBatch(texts),
            texts.map((text) => plain.encodeIds(text)),
          );
        }),
        { numRuns: 25 },
      );
    },
  );

  it.each(cases)(
    'gives the ids, offsets and words of TypeScript behind a normalizer: %s, %s',
    (_, cut, normalizer) => {
      const plain = withParts(normalizer, cutters[cut]);
      expect(nativeObstacle(plain)).toBeUndefined();
      const native = useNative(plain, { threads: 2 });
      fc.assert(
        fc.property(fc.array(anyText, { maxLength: 6 }), (texts) => {
          const expected = plain.encodeBatch(texts);
          expectSame(native.encodeBatch(texts), expected);
          expectSame(
            native.encodeIdsBatch(texts),
            expected.map(({ ids }) => ids),
          );
          texts.forEach((text, i) => {
            expectSame(native.encode(text), expected[i]);
            expectSame(native.encodeIds(text), expected[i]!.ids);
          });
        }),
        { numRuns: 60 },
      );
      expectAsTypeScript(plain.with({ addedTokens: addedWords }), 15);
    },
  );

  it.each(normalizers)(
    'knows every character as TypeScript does behind a normalizer: %s',
    (_, normalizer, [cut]) => {
      const plain = withParts(normalizer, cutters[cut!]);
      const native = useNative(plain, { threads: 1 });
      for (const block of characterBlocks()) {
        const text = Array.from(block, (char) => `b${char}a`).join(' ');
        // Most blocks are of characters that nothing changes.
        if (plain.normalize(block) !== block || block < '\u3000')
          expectSame(native.encode(text), plain.encode(text));
      }
      expect(leftBy(native)).toBeLessThan(3);
    },
  );

  it.each(normalizers)(
    'knows every pair of characters of kinds as TypeScript does behind a normalizer: %s',
    (_, normalizer, [cut]) => {
      const plain = withParts(normalizer, cutters[cut!]);
      const native = useNative(plain, { threads: 2 });
      const texts = kinds.flatMap((one) => kinds.flatMap((other) => [one + other, `x${one}${other}y`]));
      const expected = plain.encodeBatch(texts);
      // At first clusters are not known.
      for (let pass = 0; pass < 2; pass++) expectSame(native.encodeBatch(texts), expected);
    },
  );

  it('gives the columns of Hugging Face for a tokenizer with special tokens', () => {
    const { tokenizer: json, cases } = fixture<{
      tokenizer: object;
      cases: { text: string; ids: number[] }[];
    }>('whole-unigram.json');
    const native = useNative(Tokenizer.fromJSON(json), { threads: 1 });
    for (const { text, ids, ...wanted } of cases) {
      const { sequences: _, ...made } = columnsOf(
        native.encode(text, { allowedSpecial: 'all', offsetUnit: 'codePoint' }),
      );
      expect([text, made]).toEqual([text, expect.objectContaining({ ids })]);
      expect(wanted).toMatchObject({ offsets: made.offsets, words: made.words });
      expectSame(
        native.encode(text, { pair: 'ink stone' }),
        native.with({ engine: undefined }).encode(text, { pair: 'ink stone' }),
      );
    }
  });

  it.each(['unigram', 'unigram-raw', 'char'])('takes the SentencePiece model %s', (name) => {
    const { model, ids } = sentencePiece.models[name]!;
    const plain = fromSentencePiece(decodeBase64(model)!);
    expect(nativeObstacle(plain)).toBeUndefined();
    const native = useNative(plain, { threads: 1 });
    sentencePiece.texts.forEach((text, i) => {
      expect([text, ...native.encodeIds(text)]).toEqual([text, ...ids[i]!]);
    });
    expectAsTypeScript(plain, 60);
  });

  it.each(['a', 'in', ' ', '砚', '🙂', '\u0301', '▁', ' ink', '\0'])(
    'encodes long texts of %j as TypeScript does',
    (unit) => {
      const text = unit.repeat(Math.ceil(40_000 / unit.length));
      for (const [normalizer, cut] of [
        [undefined, 'none'],
        [rules, 'words'],
        [new NormalizerSequence([new Prepend('▁'), visible]), 'none'],
      ] as const) {
        const plain = withParts(normalizer, cutters[cut]);
        expectSame(useNative(plain, { threads: 1 }).encode(text), plain.encode(text));
      }
    },
  );

  it.each(['a', 'the', ' ', '砚', '🙂', 'the ink '])('takes steps in proportion to a text of %j', (unit) => {
    const steps = (cut: string, count: number) => {
      const native = useNative(withParts(undefined, cutters[cut]), { threads: 1 });
      native.encodeIds(unit.repeat(count));
      return (native.engine as unknown as { steps: number }).steps;
    };
    const longest = Math.max(
      ...new Unigram((unigramModel as { vocab: [string, number][] }).vocab).vocab.map(
        ([token]) => token.length,
      ),
    );
    for (const cut of ['none', 'always']) {
      const once = steps(cut, 10_000);
      expect(steps(cut, 20_000)).toBeLessThanOrEqual(2.02 * once + 4);
      expect(once).toBeLessThanOrEqual((3 * longest + 3) * 10_000 * unit.length);
    }
    // Words that come again are looked up no more.
    if (unit === 'the ink ') expect(steps('always', 10_000)).toBeLessThan(100);
  });

  it.each([true, false])(
    'rounds sums of long texts as TypeScript does, in single precision: %s',
    (singlePrecision) => {
      const { vocab } = unigramModel as { vocab: [string, number][] };
      // Words are remembered where no token goes on to a space.
      const model = new Unigram(vocab, { unkId: 0, singlePrecision });
      const normalizer = new NormalizerSequence([new Prepend('▁'), visible]);
      const plain = new Tokenizer({ model, normalizer });
      const native = useNative(plain, { threads: 1 });
      const text = golden.texts.join(' ').repeat(40);
      const expected = plain.encode(text);
      for (let pass = 0; pass < 2; pass++) {
        expectSame(native.encodeIds(text), expected.ids);
        expectSame(native.encode(text), expected);
      }
    },
  );

  it('refuses what has no unknown token as TypeScript does', () => {
    const options: UnigramOptions = {};
    const plain = new Tokenizer({ model: new Unigram([['a', -1]], options) });
    const fast = useNative(plain);
    expect(fast.encodeIds('aa')).toEqual(plain.encodeIds('aa'));
    expect(() => fast.encodeIds('ab')).toThrow(expect.objectContaining({ code: 'E_VOCAB' }));
    expect(() => fast.encodeIdsBatch(['a', 'ab'])).toThrow(expect.objectContaining({ code: 'E_VOCAB' }));
  });

  it('leaves all to TypeScript where rules are broken', () => {
    // A trie whose only rule is half a character.
    const broken = new Uint8Array(4 + 1024 + 2);
    const view = new DataView(broken.buffer);
    view.setUint32(0, 1024, true);
    view.setUint32(4 + 4 * 0xc3, 0x100 | 0xc3, true);
    const plain = withParts(new Precompiled(broken), cutters.always);
    const native = useNative(plain, { threads: 1 });
    for (const text of ['ink é', 'stone']) expectSame(native.encode(text), plain.encode(text));
  });

  it('says what it cannot take', () => {
    const behind = (normalizer?: Normalizer, preTokenizer?: PreTokenizer) =>
      nativeObstacle(withParts(normalizer, preTokenizer));
    expect(behind(undefined, new Digits(true))).toContain('Digits');
    expect(
      behind(undefined, new Metaspace({ replacement: '_', prependScheme: 'always', split: true })),
    ).toContain('Metaspace');
    expect(
      behind(undefined, new PreTokenizerSequence([new WhitespaceSplit(), metaspace('first', true)])),
    ).toContain('▁');
    expect(behind(new Replace({ Regex: 'a+' }, 'b'))).toContain('Replace');
    expect(behind(new NormalizerSequence([visible, new Strip(true, true), new Lowercase()]))).toContain(
      'Lowercase',
    );
    expect(behind(single('▁'))).toContain('several spaces');
    expect(behind(single('▁'), words)).toContain('several spaces');
    expect(behind(new Prepend('▁'), words)).toContain('before it cuts');
    const model = (vocab: [string, number][], options: UnigramOptions) =>
      nativeObstacle(new Tokenizer({ model: new Unigram(vocab, { unkId: 0, ...options }) }));
    const unk: [string, number] = ['<unk>', 0];
    expect(model([unk, ['a', -1]], { sampling: { alpha: 0.1 } })).toContain('random');
    expect(model([unk, ['\ud83d', -1]], {})).toContain('half');
    expect(model([unk, ['a', -1], ['a', -2]], { hidden: new Set([2]) })).toContain('twice');
  });

  it('keeps the addon from options that make no sense', () => {
    const { UnigramEncoder } = loadAddon();
    const cells = new Uint32Array(0x110000).map((_, point) => point * 128);
    const textRules = {
      ...{ cells, sequences: Uint32Array.of(1, 0x61 * 128) },
      ...{ words: false, visible: true, collapses: false, prefix: false, lead: 0 as const, marks: true },
    };
    const good = {
      bytes: Uint8Array.of(0x3f, 0x61),
      starts: Uint32Array.of(0, 1, 2),
      scores: Float64Array.of(0, -1),
      ...{ unknown: 0, unknownScore: -11, singlePrecision: false, rules: textRules },
    };
    const cell = (value: number) => ({
      rules: { ...textRules, cells: cells.map((old, point) => (point === 0x62 ? value : old)) },
    });
    expect(new UnigramEncoder({ ...good, ...cell(4) }).encode('ba', false)).toEqual(Int32Array.of(1, 1));
    expect(new UnigramEncoder({ ...good, ...cell(5) }).encode('ab', true)).toBe(null);
    expect(new UnigramEncoder({ ...good, ...cell(3) }).encode('ab', false)).toEqual(Int32Array.of(1));
    for (const bad of [
      { unknown: 2 },
      { unknown: Number.NaN },
      { scores: new Float64Array(1) },
      { byteIds: new Int32Array(5) },
      { byteIds: new Int32Array(256).fill(2) },
      { starts: Uint32Array.of(0, 3, 2) },
      { rules: { ...textRules, cells: new Uint32Array(5) } },
      { rules: { ...textRules, normalCells: new Uint32Array(5) } },
      { rules: { ...textRules, lead: 3 as 0 } },
      { rules: undefined as never },
      cell(6),
      cell(0x110000 * 128),
      cell(2 * 128 + 4),
      { rules: { ...cell(4).rules, sequences: Uint32Array.of(2, 128) } },
      { rules: { ...cell(4).rules, sequences: Uint32Array.of(1, 4) } },
    ]) {
      expect(() => new UnigramEncoder({ ...good, ...bad })).toThrow(TypeError);
    }
    const encoder = new UnigramEncoder(good);
    for (const parts of [[1], [3, 0, 1], [0x110000 * 128, 0, 1], [0, 1, 1], [0, 0, 3]])
      expect(() => encoder.learn('ab', Uint32Array.from(parts))).toThrow(TypeError);
    expect(() => encoder.learn(5 as unknown as string, undefined)).toThrow(TypeError);
    expect(() => encoder.learn('ab', [] as unknown as Uint32Array)).toThrow(TypeError);
    expect(() => encoder.encode(5 as unknown as string, false)).toThrow(TypeError);
    expect(() => encoder.encodeBatch(['a'], false, 1, new Uint8Array(2))).toThrow(TypeError);
  });
});
