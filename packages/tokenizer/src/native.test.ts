import { loadAddon } from '@inkstone/native';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { anyText as textOf } from '../test/any-text.js';
import { fixture } from '../test/fixture.js';
import { AddedTokens } from './added-tokens.js';
import { decodeBase64 } from './base64.js';
import { BYTE_TO_CHAR } from './byte-alphabet.js';
import type { EncoderParts } from './engine.js';
import { Bpe } from './models/bpe.js';
import { Vocab } from './models/vocab.js';
import { WordLevel } from './models/word-level.js';
import { nativeObstacle, useNative } from './native.js';
import { Lowercase, NormalizerSequence, Strip } from './normalizers/simple.js';
import { UnicodeForm } from './normalizers/unicode-form.js';
import { ByteLevel } from './pre-tokenizers/byte-level.js';
import { CL100K_PATTERN, QWEN2_PATTERN, TIKTOKEN_CL100K_PATTERN } from './pre-tokenizers/known-patterns.js';
import { Metaspace } from './pre-tokenizers/metaspace.js';
import { O200K_PATTERN } from './pre-tokenizers/o200k-cutter.js';
import { PreTokenizerSequence } from './pre-tokenizers/simple.js';
import { Split } from './pre-tokenizers/split.js';
import { fromSentencePiece } from './sentencepiece.js';
import { Tokenizer } from './tokenizer.js';
import { trainBpe } from './trainers/bpe.js';

const sequence = (pattern: string) =>
  new PreTokenizerSequence([
    new Split({ Regex: pattern }, 'Isolated', false),
    new ByteLevel({ useRegex: false }),
  ]);
const preTokenizers = {
  gpt2: new ByteLevel(),
  'gpt2 with a space before': new ByteLevel({ addPrefixSpace: true }),
  whole: new ByteLevel({ useRegex: false }),
  cl100k: sequence(CL100K_PATTERN),
  'cl100k of tiktoken': sequence(TIKTOKEN_CL100K_PATTERN),
  qwen2: sequence(QWEN2_PATTERN),
  o200k: sequence(O200K_PATTERN),
};
const golden = fixture<{ texts: string[] }>('bpe-train.json');

interface LlamaJson {
  model: { vocab: Record<string, number>; merges: string[][] };
  normalizer: { normalizers: object[] };
  added_tokens: { special: boolean }[];
}

let absent = '';
try {
  loadAddon();
} catch (error) {
  absent = (error as Error).message;
}

/** Units and words that patterns and UTF-8 treat in ways of their own, lone surrogates among them. */
const special = [
  ...[
    "'s",
    "'RE",
    "'ſ",
    "'ll",
    "'",
    "''",
    "'v",
    ' ',
    '  ',
    '\t',
    '\n',
    '\r\n',
    '\n\n',
    '\u00a0',
    '\u3000',
    '\u0085',
  ],
  ...[
    '\0',
    '\ufeff',
    '\ufffd',
    '\u200d',
    '👩‍👩‍👧',
    '🙂',
    '\ud83d',
    '\ude42',
    '𝕏',
    '𐐀',
    'é',
    'e\u0301',
    '\u0301',
    'ǅ',
  ],
  ...[
    '砚',
    '墨水',
    '你好,世界。',
    'ภาษาไทย',
    'ที่',
    'مرحبا',
    'हिन्दी',
    '한국어',
    'Привет',
    'ﬁ',
    'ªº',
    'Ⅷ',
    '²',
    '½',
    '٣',
    '१२३',
  ],
  ...[
    '1',
    '1234567',
    'a',
    'A',
    'AAb',
    'aB',
    'the',
    ' the',
    'tion',
    '/',
    '//\n',
    '...',
    '^',
    '_',
    '{',
    '<|endoftext|>',
    '<|pad|>',
  ],
];
const anyText = textOf(special, golden.texts, ['a', ' ', '砚', '🙂', 'ab'], 300);

/** The trained model with other parts: merges as they are, or tiktoken's ranks, by which whole pieces are tokens. */
async function pairOf(name: keyof typeof preTokenizers, ranked: boolean) {
  const trained = await trainBpe(golden.texts, {
    vocabSize: 700,
    specialTokens: ['<|endoftext|>', '<|pad|>'],
  });
  const { merges, vocab } = trained.model.toJSON() as {
    merges: [string, string][];
    vocab: Record<string, number>;
  };
  const mergeRanks = Int32Array.from(merges, ([left, right]) => vocab[left + right]!);
  const options = ranked ? { ignoreMerges: true, mergeRanks } : {};
  const model = new Bpe(Vocab.fromJSON(vocab), merges, options);
  const plain = trained.with({ model, preTokenizer: preTokenizers[name] });
  return { plain, native: useNative(plain, { threads: 2 }) };
}

const title = absent ? `skipped: the native engine (${absent})` : 'the native engine';
const names = Object.keys(preTokenizers) as (keyof typeof preTokenizers)[];

describe.skipIf(absent !== '').each(names)(`${title}, %s`, (name) => {
  for (const ranked of [false, true]) {
    describe(ranked ? 'by tiktoken ranks' : 'by merges', () => {
      let plain: Tokenizer;
      let native: Tokenizer;
      beforeAll(async () => {
        ({ plain, native } = await pairOf(name, ranked));
      });

      it('gives the ids, offsets and words of TypeScript, twice', () => {
        fc.assert(
          fc.property(
            anyText,
            fc.constantFrom('none' as const, 'all' as const, ['<|pad|>']),
            (text, allowedSpecial) => {
              const options = { allowedSpecial };
              const expected = plain.encode(text, options);
              for (let pass = 0; pass < 2; pass++) {
                expect(native.encodeIds(text, options)).toEqual(expected.ids);
                const encoding = native.encode(text, options);
                expect(encoding.ids).toEqual(expected.ids);
                expect(encoding.offsets).toEqual(expected.offsets);
                expect(encoding.wordIds).toEqual(expected.wordIds);
              }
              expect(native.decode(expected.ids)).toBe(plain.decode(expected.ids));
            },
          ),
          { numRuns: 300 },
        );
      });

      it('encodes batches as one by one', () => {
        fc.assert(
          fc.property(fc.array(anyText, { maxLength: 12 }), (texts) => {
            const ids = texts.map((text) => plain.encodeIds(text));
            expect(native.encodeIdsBatch(texts)).toEqual(ids);
            expect(plain.encodeIdsBatch(texts)).toEqual(ids);
            expect(native.encodeBatch(texts)).toEqual(plain.encodeBatch(texts));
          }),
          { numRuns: 60 },
        );
      });
    });
  }
});

describe.skipIf(absent !== '')(title, () => {
  let plain: Tokenizer;
  let native: Tokenizer;
  beforeAll(async () => {
    ({ plain, native } = await pairOf('cl100k', false));
  });

  it('merges as TypeScript does across characters, whatever the order of the rules', async () => {
    // Characters that share their bytes, so that rules across them are as frequent as rules within.
    const units = ['é', 'è', '\u0249', '砚', '砖', '\u7a9a', '\ua082', 'a', 'b', '🙂', '🙃', '\ud83d'];
    const text = (maxLength: number) =>
      fc.string({ unit: fc.constantFrom(...units), minLength: 1, maxLength });
    await fc.assert(
      fc.asyncProperty(
        fc.array(text(30), { minLength: 5, maxLength: 30 }),
        fc.array(fc.tuple(fc.nat(), fc.nat()), { maxLength: 8 }),
        fc.boolean(),
        fc.array(text(300), { minLength: 1, maxLength: 12 }),
        async (corpus, swaps, ignoreMerges, texts) => {
          const preTokenizer = new ByteLevel({ useRegex: false });
          const options = { vocabSize: 360, minFrequency: 1, specialTokens: [], preTokenizer };
          const trained = await trainBpe(corpus, options);
          const { merges, vocab } = trained.model.toJSON() as {
            merges: [string, string][];
            vocab: Record<string, number>;
          };
          for (const [a, b] of swaps) {
            const [i, j] = [a % merges.length, b % merges.length];
            [merges[i], merges[j]] = [merges[j]!, merges[i]!];
          }
          const model = new Bpe(Vocab.fromJSON(vocab), merges, { ignoreMerges });
          const one = trained.with({ model });
          const two = useNative(one, { threads: 1 });
          for (const each of [...texts, ...corpus]) expect(two.encodeIds(each)).toEqual(one.encodeIds(each));
        },
      ),
      { numRuns: 200 },
    );
  });

  it.each(['a', ' ', '^', '砚', '🙂', 'ab', 'the'])('encodes a megabyte of %j as TypeScript does', (unit) => {
    const text = unit.repeat(Math.ceil(1_000_000 / unit.length));
    const expected = plain.encode(text);
    const encoding = native.encode(text);
    // Far sooner than a comparison element by element.
    expect(Buffer.from(encoding.ids.buffer).equals(Buffer.from(expected.ids.buffer))).toBe(true);
    expect(Buffer.from(encoding.offsets.buffer).equals(Buffer.from(expected.offsets.buffer))).toBe(true);
    expect(native.decode(encoding.ids) === text).toBe(true);
  });

  it.each(['a', '^', '砚', 'ab', 'xyzzy'])('takes steps in proportion to a piece of %j', (unit) => {
    const steps = (count: number) => {
      const before = (native.engine as unknown as { steps: number }).steps;
      native.encodeIds(unit.repeat(count));
      return (native.engine as unknown as { steps: number }).steps - before;
    };
    const once = steps(10_000);
    // Windows overlap by less than one hundredth.
    expect(steps(20_000)).toBeLessThanOrEqual(2.02 * once + 4);
    expect(once).toBeLessThan(2 * 3 * unit.length * 10_000);
  });

  it.each([
    ['two letters', ['a', 'b']],
    ['letters', [...'etaoin']],
    ['characters that share bytes', ['é', 'è', '砚', '砖', '\u7a9a', '🙂', '🙃', 'a']],
    ['runs', ['aaaaaaa', 'aaaaaaaaaaaaaaaaa', 'b', 'ab']],
  ])('merges long pieces of %s as TypeScript does', async (_, units) => {
    let seed = 7;
    const next = (limit: number) => (seed = (seed * 48271) % 2147483647) % limit;
    const text = (count: number) => Array.from({ length: count }, () => units[next(units.length)]).join('');
    const preTokenizer = new ByteLevel({ useRegex: false });
    const corpus = Array.from({ length: 60 }, () => text(50));
    const trained = await trainBpe(corpus, {
      vocabSize: 500,
      minFrequency: 1,
      specialTokens: [],
      preTokenizer,
    });
    const { merges, vocab } = trained.model.toJSON() as {
      merges: [string, string][];
      vocab: Record<string, number>;
    };
    // In any order, rules for a part may come behind those for the whole.
    const shuffled = merges.map((pair) => [next(1000), pair] as const).sort(([a], [b]) => a - b);
    for (const rules of [merges, shuffled.map(([, pair]) => pair)]) {
      const one = trained.with({ model: new Bpe(Vocab.fromJSON(vocab), rules, {}) });
      const two = useNative(one, { threads: 1 });
      for (const size of [33_000, 120_000]) {
        const long = text(size);
        expect(Buffer.from(two.encodeIds(long)).equals(Buffer.from(one.encodeIds(long)))).toBe(true);
      }
    }
  });

  it('encodes many texts as one by one, whatever the threads', () => {
    const texts = Array.from({ length: 2000 }, (_, i) =>
      golden.texts[i % golden.texts.length]!.slice(i % 50),
    );
    texts.push('', '🙂'.repeat(20_000), '');
    const many = Array.from({ length: 70_000 }, (_, i) => texts[i % texts.length]!.slice(0, 3));
    for (const threads of [1, 2, 3]) {
      const tokenizer = useNative(plain, { threads });
      expect(tokenizer.encodeIdsBatch(texts)).toEqual(texts.map((text) => native.encodeIds(text)));
      expect(tokenizer.encodeBatch(texts.slice(-20))).toEqual(plain.encodeBatch(texts.slice(-20)));
      const ids = tokenizer.encodeIdsBatch(many);
      expect(ids.length).toBe(many.length);
      for (let i = 0; i < ids.length; i += 997) expect(ids[i]).toEqual(native.encodeIds(many[i]!));
    }
    expect(native.encodeIdsBatch([])).toEqual([]);
  });

  it('keeps to its arrays where a batch has more ids than the one before, and fewer', () => {
    const few = Array.from({ length: 20 }, () => ' the'.repeat(5000));
    const many = Array.from({ length: 20 }, (_, i) => '\u{1f54a}\u{ff21}'.repeat(4000) + i);
    const one = '\u{1f54a}'.repeat(30_000);
    const single = (texts: string[]) => texts.map((text) => plain.encodeIds(text));
    for (const threads of [1, 2]) {
      const tokenizer = useNative(plain, { threads });
      for (const texts of [few, many, few, [one], ['a'.repeat(100_000)], [...many, one]]) {
        const ids = tokenizer.encodeIdsBatch(texts);
        single(texts).forEach((expected, i) => {
          expect(Buffer.from(Int32Array.from(ids[i]!).buffer).equals(Buffer.from(expected.buffer))).toBe(
            true,
          );
        });
      }
      expect(tokenizer.encodeBatch(many.slice(0, 2))).toEqual(plain.encodeBatch(many.slice(0, 2)));
    }
  });

  it('needs no turn of the event loop to free what a loop over texts has dropped', () => {
    const texts = Array.from({ length: 100 }, (_, i) => ` the stone ${i}`.repeat(1500));
    const work = (rounds: number) => {
      for (let i = 0; i < rounds; i++) {
        native.encodeIdsBatch(texts);
        native.encodeIds(texts[0]!.repeat(40));
      }
      return process.memoryUsage().rss / 2 ** 20;
    };
    // 5 MB of ids a round: kept, they would be a gigabyte.
    const before = work(40);
    expect(work(200) - before).toBeLessThan(300);
  });

  it('decodes bytes that are no UTF-8 as TextDecoder does', () => {
    const bytes = fc.oneof(
      { weight: 2, arbitrary: fc.uint8Array({ maxLength: 4 }) },
      {
        weight: 3,
        arbitrary: fc.constantFrom(
          ...[[0xc0, 0xaf], [0xc3], [0xe0, 0x9f, 0xbf], [0xe0, 0xa0], [0xe4, 0xb8], [0xad]],
          ...[
            [0xed, 0x9f, 0xbf],
            [0xed, 0xa0, 0x80],
            [0xef, 0xbb, 0xbf],
            [0xef, 0xbf, 0xbf],
          ],
          ...[
            [0xf0, 0x8f, 0xbf, 0xbf],
            [0xf0, 0x9f, 0x99],
            [0xf4, 0x8f, 0xbf, 0xbf],
            [0xf4, 0x90, 0x80],
            [0xff],
          ],
        ),
      },
      {
        weight: 2,
        arbitrary: fc
          .constantFrom('砚墨纸笔是文房四宝', 'é', '🙂', 'the ink stone is old', '\0', 'ÿ')
          .map((text) => [...new TextEncoder().encode(text)]),
      },
    );
    fc.assert(
      fc.property(fc.array(bytes, { minLength: 16, maxLength: 40 }), (parts) => {
        const all = Uint8Array.from([...parts.flatMap((part) => [...part]), ...new Array(16).fill(0x41)]);
        const ids = Array.from(all, (byte) => plain.tokenToId(BYTE_TO_CHAR[byte]!)!);
        for (const end of [0, 15, 16]) {
          const cut = all.subarray(0, all.length - end);
          const expected = new TextDecoder('utf-8', { ignoreBOM: true }).decode(cut);
          expect(native.decode(ids.slice(0, cut.length))).toBe(expected);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('decodes as TypeScript does and refuses ids that do not exist', () => {
    const limit = plain.vocabSize;
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: limit - 1 }), { minLength: 16, maxLength: 60 }),
        fc.boolean(),
        (ids, skipSpecialTokens) => {
          const options = { skipSpecialTokens };
          expect(native.decode(ids, options)).toBe(plain.decode(ids, options));
          expect(native.decodeBytes(Int32Array.from(ids), options)).toEqual(plain.decodeBytes(ids, options));
        },
      ),
    );
    const good = new Array<number>(20).fill(40);
    for (const bad of [-1, limit, 1.5, Number.NaN, 2 ** 32 + 40]) {
      expect(() => native.decode([...good, bad])).toThrow(expect.objectContaining({ code: 'E_VOCAB' }));
    }
    for (const bad of [-1, limit]) {
      const ids = Int32Array.from([...good, bad]);
      expect(() => native.decode(ids)).toThrow(expect.objectContaining({ code: 'E_VOCAB' }));
    }
  });

  /** The tokenizer of the Llama 2 kind without added tokens that are words, and with other merges and normalizer. */
  function characterPair(across: boolean, prepend: boolean) {
    const { tokenizer: json } = fixture<{ tokenizer: LlamaJson }>('whole-llama.json');
    const { model, normalizer, added_tokens } = json;
    const joins = ([left, right]: string[]) => /[^▁]▁/.test(left! + right!);
    const more = [
      ['e', '▁'],
      ['▁', '▁'],
      ['d', '▁▁'],
      ['e▁', 'a'],
    ];
    const merges = across ? [...model.merges, ...more] : model.merges.filter((pair) => !joins(pair));
    const vocab = { ...model.vocab };
    if (across) for (const pair of more) vocab[pair.join('')] ??= Object.keys(vocab).length;
    const one = Tokenizer.fromJSON({
      ...json,
      model: { ...model, merges, vocab },
      normalizer: { ...normalizer, normalizers: normalizer.normalizers.slice(prepend ? 0 : 1) },
      added_tokens: added_tokens.filter(({ special }) => special),
    });
    return { one, two: useNative(one, { threads: 2 }) };
  }

  it.each([
    ['as of Llama 2', false, true],
    ['as of Gemma', false, false],
    ['with merges that go on to a space', true, true],
  ])('gives the ids, offsets and words of TypeScript for BPE of characters, %s', (_, across, prepend) => {
    const { one, two } = characterPair(across, prepend);
    const text = fc.oneof(
      anyText,
      fc.constantFrom(...golden.texts),
      fc.constantFrom('▁', ' ▁▁a', '▁ b▁', 'e  a'),
    );
    fc.assert(
      fc.property(
        fc.array(text, { maxLength: 4 }),
        fc.constantFrom('none' as const, 'all' as const),
        (texts, allowedSpecial) => {
          const options = { allowedSpecial };
          for (let pass = 0; pass < 2; pass++) {
            expect(two.encodeIdsBatch(texts, options)).toEqual(one.encodeIdsBatch(texts, options));
            expect(two.encodeBatch(texts, options)).toEqual(one.encodeBatch(texts, options));
          }
          for (const each of texts) {
            const ids = one.encodeIds(each, options);
            expect(two.encodeIds(each, options)).toEqual(ids);
            expect(two.decode(ids)).toBe(one.decode(ids));
          }
        },
      ),
      { numRuns: 200 },
    );
    const long = golden.texts.join(' ').repeat(20);
    expect(two.encodeIds(long)).toEqual(one.encodeIds(long));
    expect(() => two.decodeBytes(new Int32Array(20))).toThrow(
      expect.objectContaining({ code: 'E_UNSUPPORTED' }),
    );
  });

  const metaspaces = (['always', 'first', 'never'] as const).flatMap((prependScheme) =>
    [true, false].map((split) => new Metaspace({ replacement: '▁', prependScheme, split })),
  );
  const word = { id: 5, singleWord: false, lstrip: false, rstrip: false };
  const words = [
    { ...word, id: 1000, content: 'ink', normalized: true, special: false },
    { ...word, id: 1001, content: 'Stone', normalized: true, special: false, lstrip: true },
    { ...word, id: 1002, content: '<x>', normalized: false, special: false, rstrip: true },
    { ...word, id: 1003, content: '<s>', normalized: false, special: true },
    { ...word, id: 1004, content: '<y>', normalized: true, special: true },
  ];
  const normalizers = {
    none: undefined,
    NFC: new UnicodeForm('NFC'),
    'NFKD and lower case': new NormalizerSequence([new UnicodeForm('NFKD'), new Lowercase()]),
    'without spaces around': new Strip(true, true),
  };

  /** Text that normalizers change, and that spells added tokens. */
  const changing = fc
    .array(
      fc.oneof(
        { weight: 3, arbitrary: anyText },
        fc.constantFrom(
          'e\u0301',
          'A\u030a\u0323',
          '\u1100\u1161\u11a8',
          'ﬁ',
          'Å',
          '\u2126',
          '가\u11a8',
          '\u0344',
        ),
        fc.constantFrom('ink', ' Stone', '<x> ', '<s>', '<y>', ' ', 'INK', '▁', '▁▁a', '▁ b▁'),
      ),
      { maxLength: 5 },
    )
    .map((parts) => parts.join(''));

  function expectSame(one: Tokenizer, numRuns = 40) {
    const two = useNative(one, { threads: 2 });
    const bare = one.with({ engine: undefined });
    fc.assert(
      fc.property(
        fc.array(changing, { maxLength: 4 }),
        fc.constantFrom('none' as const, 'all' as const),
        (texts, allowedSpecial) => {
          const options = { allowedSpecial };
          expect(two.encodeBatch(texts, options)).toEqual(bare.encodeBatch(texts, options));
          expect(two.encodeIdsBatch(texts, options)).toEqual(
            bare.encodeBatch(texts, options).map(({ ids }) => ids),
          );
          for (const text of texts) {
            const expected = bare.encode(text, options);
            expect(bare.encodeIds(text, options)).toEqual(expected.ids);
            expect(two.encodeIds(text, options)).toEqual(expected.ids);
            expect(two.encode(text, options)).toEqual(expected);
          }
        },
      ),
      { numRuns },
    );
  }

  it.each(Object.entries(normalizers))(
    'encodes bytes as TypeScript does where the normalizer is %s',
    async (_, normalizer) => {
      const { plain: one } = await pairOf('cl100k', false);
      expectSame(one.with({ normalizer }));
      expectSame(one.with({ normalizer, addedTokens: new AddedTokens(words) }));
      expectSame(one.with({ normalizer, preTokenizer: new ByteLevel({ addPrefixSpace: true }) }));
    },
  );

  it.each(metaspaces.map((each) => [JSON.stringify(each), each] as const))(
    'encodes characters as TypeScript does with %s',
    (_, preTokenizer) => {
      for (const across of [false, true]) {
        const { one } = characterPair(across, true);
        for (const normalizer of Object.values(normalizers)) {
          expectSame(one.with({ preTokenizer, normalizer, addedTokens: new AddedTokens(words) }), 15);
        }
      }
    },
  );

  it.each(['Llama 2', 'Gemma'])(
    'encodes characters as TypeScript does with added tokens in normalized text, as of %s',
    (name) => {
      const { one } = characterPair(false, name === 'Llama 2');
      const preTokenizer =
        name === 'Gemma' ? new Split({ String: ' ' }, 'MergedWithPrevious', false) : undefined;
      expectSame(one.with({ preTokenizer, addedTokens: new AddedTokens(words) }), 200);
    },
  );

  it('takes texts of characters that are tokens as a whole', () => {
    const { one } = characterPair(false, true);
    const model = one.model as Bpe;
    const { vocab } = model.toJSON() as { vocab: Record<string, number> };
    const merges = (model.toJSON() as { merges: [string, string][] }).merges.slice(0, 5);
    const hidden = new Set([vocab['<s>']!]);
    const ignoring = new Bpe(model.vocab, merges, { byteFallback: true, ignoreMerges: true, hidden });
    const tokenizer = one.with({ model: ignoring });
    expectSame(tokenizer);
    const two = useNative(tokenizer.with({ normalizer: undefined }), { threads: 1 });
    const long = Object.keys(vocab).filter((token) => /^▁?\p{L}{2,}$/u.test(token));
    for (const token of [...long, '<s>', '<0x41>', 'a', '\ud83d']) {
      expect(two.encode(token)).toEqual(two.with({ engine: undefined }).encode(token));
    }
    expect(long.length).toBeGreaterThan(20);
    expect(two.encodeBatch(long, { addSpecialTokens: false }).map(({ ids }) => ids[0])).toEqual(
      long.map((token) => vocab[token]),
    );
  });

  it.each(['bpe-llama', 'bpe-suffix'])('takes the SentencePiece model %s', (name) => {
    const { models, texts } = fixture<{
      models: Record<string, { model: string; ids: number[][] }>;
      texts: string[];
    }>('sentencepiece.json.gz');
    const one = fromSentencePiece(decodeBase64(models[name]!.model)!);
    expectSame(one);
    const two = useNative(one, { threads: 1 });
    expect(texts.map((text) => [...two.encodeIds(text)])).toEqual(models[name]!.ids);
  });

  it('says what it cannot take', () => {
    const obstacle = (parts: Partial<EncoderParts>) => nativeObstacle(plain.with(parts));
    expect(nativeObstacle(plain)).toBeUndefined();
    const regex = new PreTokenizerSequence([
      new Split({ Regex: 'a+' }, 'Isolated', false),
      new ByteLevel({ useRegex: false }),
    ]);
    expect(obstacle({ preTokenizer: regex })).toContain('expression');
    expect(obstacle({ preTokenizer: new ByteLevel({ addPrefixSpace: true }) })).toBeUndefined();
    expect(
      obstacle({ preTokenizer: new Metaspace({ replacement: '▁', prependScheme: 'always', split: true }) }),
    ).toContain('Metaspace');
    expect(obstacle({ normalizer: new Lowercase() })).toBeUndefined();
    const vocab = new Vocab([['a', 0]]);
    expect(obstacle({ model: new Bpe(vocab, []) })).toContain('byte-level');
    const bytes = new Vocab(BYTE_TO_CHAR.map((char, id) => [char, id] as const));
    expect(obstacle({ model: new Bpe(bytes, [], { dropout: 0.5 }) })).toContain('random');
    expect(obstacle({ model: new WordLevel(vocab, 'a') })).toContain('WordLevel');
    const { one } = characterPair(false, true);
    expect(nativeObstacle(one)).toBeUndefined();
    const model = one.model as Bpe;
    const changed = (parts: Partial<EncoderParts>) => nativeObstacle(one.with(parts));
    const optioned = (options: object) => {
      const merges = model.toJSON() as { merges: [string, string][] };
      return changed({ model: new Bpe(model.vocab, merges.merges, { byteFallback: true, ...options }) });
    };
    expect(optioned({})).toBeUndefined();
    expect(optioned({ byteFallback: false })).toContain('byte-level');
    expect(optioned({ ignoreMerges: true })).toBeUndefined();
    expect(optioned({ endOfWordSuffix: '</w>' })).toContain('word');
    expect(changed({ preTokenizer: new ByteLevel() })).toContain('byte-level');
    const metaspace = (replacement: string) =>
      new Metaspace({ replacement, prependScheme: 'first', split: true });
    expect(changed({ preTokenizer: metaspace('▁') })).toBeUndefined();
    expect(changed({ preTokenizer: metaspace('_') })).toContain('Metaspace');
    expect(changed({ preTokenizer: new PreTokenizerSequence([metaspace('▁'), metaspace('▁')]) })).toContain(
      'Sequence',
    );
    const atSpaces = new Split({ String: ' ' }, 'MergedWithPrevious', false);
    expect(changed({ preTokenizer: atSpaces })).toBeUndefined();
    expect(changed({ preTokenizer: atSpaces, normalizer: undefined })).toContain('Split');
    const { merges } = model.toJSON() as { merges: [string, string][] };
    const whole = new Bpe(model.vocab, merges, { byteFallback: true, ignoreMerges: true });
    expect(changed({ model: whole, preTokenizer: metaspace('▁') })).toContain('whole');
    expect(() => native.with({ preTokenizer: regex })).toThrow(
      expect.objectContaining({ code: 'E_UNSUPPORTED', subject: 'native engine' }),
    );
    expect(native.with({ preTokenizer: regex, engine: undefined }).engine).toBeUndefined();
    for (const threads of [0, 1.5, 2000]) {
      expect(() => useNative(plain, { threads })).toThrow(expect.objectContaining({ code: 'E_OPTION' }));
    }
  });

  it('keeps the addon from options that make no sense', () => {
    const { BpeEncoder, ByteDecoder } = loadAddon();
    const good = {
      pattern: 1,
      digits: 3,
      wholeTail: false,
      contractions: true,
      classes: new Uint8Array(0x110000),
      bytes: new Uint8Array(256).map((_, i) => i),
      starts: new Uint32Array(257).map((_, i) => i),
      byteIds: new Int32Array(256).map((_, i) => i),
      rules: Int32Array.of(1, 2, 3),
      ranks: Int32Array.of(0),
      wholePieces: false,
    };
    expect(new BpeEncoder(good).encode('\x01\x02', false)).toEqual(Int32Array.of(3));
    for (const bad of [
      { rules: Int32Array.of(1, 2, 256) },
      { rules: Int32Array.of(1, 2) },
      { ranks: Int32Array.of(-1) },
      { ranks: Float64Array.of(0) },
      { byteIds: new Int32Array(255) },
      { starts: new Uint32Array(257).fill(300) },
      { classes: new Uint8Array(10) },
      { classes: new Uint8Array(0x110000).fill(1) },
      { pattern: 9 },
      { pattern: 7 },
      { runs: new Uint16Array(10), most: Int32Array.of(1) },
      { runs: new Uint16Array(0x110000), most: Int32Array.of(0) },
      { runs: new Uint16Array(0x110000), most: new Int32Array(0) },
      { runs: new Uint16Array(0x110000), most: new Int32Array(9).fill(1) },
      { runs: new Uint16Array(0x110000), most: Int32Array.of(1), pattern: 4 },
      { runs: new Uint8Array(0x110000), most: Int32Array.of(1) },
      { points: Uint32Array.of(0x20ac), pointIds: Int32Array.of(256) },
      { points: Uint32Array.of(0x20ac), pointIds: Int32Array.of(1, 2) },
      { points: Int32Array.of(0x20ac), pointIds: Int32Array.of(1) },
    ]) {
      expect(() => new BpeEncoder({ ...good, ...bad } as typeof good)).toThrow(TypeError);
    }
    expect(() => new ByteDecoder({ ...good, kinds: new Uint8Array(3) })).toThrow(TypeError);
    const decoder = new ByteDecoder({ ...good, kinds: new Uint8Array(256) });
    expect(decoder.decodeText(Int32Array.of(0x41, 0xe9), false)).toBe('A\ufffd');
    for (const call of ['decode', 'decodeText'] as const) {
      expect(decoder[call](Int32Array.of(1, 256), false)).toBe(1);
      expect(decoder[call](Int32Array.of(-1), true)).toBe(0);
      expect(() => decoder[call]([1] as unknown as Int32Array, false)).toThrow(TypeError);
    }
    const encoder = new BpeEncoder(good);
    expect(() => encoder.encode(5 as unknown as string, false)).toThrow(TypeError);
    expect(() => encoder.encodeBatch([5 as unknown as string], false, 2)).toThrow(TypeError);
    expect(() => Reflect.apply(encoder.encode, {}, ['a', false])).toThrow(TypeError);
  });
});
