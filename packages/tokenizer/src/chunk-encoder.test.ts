import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fixture } from '../test/fixture.js';
import { longestRules } from '../test/unigram-families.js';
import { AlignedText } from './aligned-text.js';
import { ChunkEncoder, type PartEncoder } from './chunk-encoder.js';
import { IdBuffer } from './id-buffer.js';
import type { Normalizer } from './normalizers/normalizer.js';
import { Precompiled } from './normalizers/precompiled.js';
import { Replace } from './normalizers/replace.js';
import { Lowercase, NormalizerSequence, Prepend, Strip, StripAccents } from './normalizers/simple.js';
import { UnicodeForm } from './normalizers/unicode-form.js';
import { Metaspace } from './pre-tokenizers/metaspace.js';
import { Punctuation, Whitespace } from './pre-tokenizers/simple.js';
import { Tokenizer } from './tokenizer.js';
import { toWellFormed } from './unicode.js';

const bert = Tokenizer.fromJSON(fixture<{ tokenizer: object }>('whole-bert.json').tokenizer);
const unigram = Tokenizer.fromJSON(fixture<{ tokenizer: object }>('whole-unigram.json').tokenizer);
const words = Tokenizer.fromJSON(fixture<{ tokenizer: object }>('whole-words.json').tokenizer);

/** Every part in one go, counting how often it is asked. */
function whole({ model, normalizer, preTokenizer }: Tokenizer): { encode: PartEncoder; calls: () => number } {
  let calls = 0;
  const encode: PartEncoder = (part, out, word) => {
    calls++;
    const normalized = normalizer ? normalizer.normalize(part) : part;
    if (normalized.text === '') return word;
    const spans = new IdBuffer();
    for (const piece of preTokenizer ? preTokenizer.preTokenize([normalized]) : [normalized]) {
      const before = out.ids.length;
      spans.length = 0;
      model.tokenize(piece.text, { ids: out.ids, spans });
      for (let i = 0; i < out.ids.length - before; i++) {
        for (const place of piece.span(spans.data[2 * i]!, spans.data[2 * i + 1]!)) out.offsets!.push(place);
        out.words!.push(word);
      }
      word++;
    }
    return word;
  };
  return { encode, calls: () => calls };
}

function tokensOf(encode: PartEncoder, text: string, origin: number) {
  const out = { ids: new IdBuffer(), offsets: new IdBuffer(), words: new IdBuffer() };
  const next = encode(AlignedText.of(text, origin), out, 3);
  return [next, out.ids.finish(), out.offsets.finish(), out.words.finish()];
}

const text = fc
  .array(
    fc.oneof(
      {
        weight: 4,
        arbitrary: fc.constantFrom(
          ' ',
          ' ',
          'the',
          'ink',
          'Stone',
          '砚',
          '石',
          '㐀',
          '，',
          '“',
          '〈',
          'Ａ',
          'x',
          '.',
          '`',
          "'s",
          ...[
            'мир',
            'Ёж',
            'й',
            'été',
            'œuvre',
            'سلام',
            'مُحَ',
            '،',
            '한국어',
            'ᄒ',
            'ᅡ',
            'ΟΣ',
            'Σ',
            'ภาษา',
            'ที่',
            'ำ',
            'हिन्',
            'ൎ',
            'ß',
          ],
        ),
      },
      fc.constantFrom(
        '  ',
        '\n',
        '\t',
        '\u00a0',
        '\u0301',
        'é',
        'ﬁ',
        'Σ',
        '▁',
        '\u0000',
        '\u200d',
        '〪',
        '‧',
        '\u3099',
        '｡',
        '🙂',
        '𠀀',
        '가',
        ...[
          '\u0308',
          '\u0653',
          '\u0600',
          '´',
          '¨',
          '\u3000',
          '\u1161',
          '\u11a8',
          'İ',
          '℀',
          '…',
          '\u05b0',
          'ﷺ',
          '\ufe0f',
        ],
      ),
      fc.string({ unit: 'binary', maxLength: 3 }),
    ),
    { maxLength: 20 },
  )
  .map((parts) => parts.join(''))
  .map(toWellFormed);

const nfkc = new NormalizerSequence([
  new Replace({ String: '``' }, '"'),
  new UnicodeForm('NFKC'),
  new StripAccents(),
  new Lowercase(),
  new Replace({ Regex: ' {2,}' }, ' '),
]);
const spaces = (prependScheme: 'always' | 'first' | 'never') =>
  new Metaspace({ replacement: '▁', prependScheme, split: true });

const { json } = fixture<{ normalizers: { Precompiled: { json: { precompiled_charsmap: string } } } }>(
  'components.json',
).normalizers.Precompiled;
const charsmap = Precompiled.fromBase64(json.precompiled_charsmap, 'charsmap');

const kinds: [string, Tokenizer][] = [
  ['BERT', bert],
  ['Unigram', unigram],
  ['Unigram, first words apart', unigram.with({ preTokenizer: spaces('first'), normalizer: nfkc })],
  ['Unigram, rules', unigram.with({ normalizer: charsmap })],
  [
    'Unigram, rules and spaces that become one',
    unigram.with({ normalizer: new NormalizerSequence([charsmap, new Replace({ Regex: ' {2,}' }, ' ')]) }),
  ],
  ['Unigram, no space before', unigram.with({ preTokenizer: spaces('never') })],
  ['words', words.with({ preTokenizer: new Whitespace(), normalizer: undefined })],
];

describe('encoding by chunks', () => {
  it.each(kinds)('gives the tokens of the whole text: %s', (_, tokenizer) => {
    const { encode, calls } = whole(tokenizer);
    const chunks = ChunkEncoder.of(tokenizer, encode)!;
    fc.assert(
      fc.property(text, fc.constantFrom(0, 0, 7), (each, origin) => {
        const expected = tokensOf(encode, each, origin);
        for (let i = 0; i < 2; i++) {
          expect(tokensOf((...args) => chunks.encode(...args), each, origin)).toEqual(expected);
        }
      }),
      { numRuns: 2000 },
    );
    const long = 'the ink stone of the ink, '.repeat(400);
    const before = calls();
    tokensOf((...args) => chunks.encode(...args), long, 5);
    expect(calls() - before).toBeLessThan(10);
    for (const words of ['привет мир', 'été à Noël', 'مرحبا يا عالم', '한국어 문장', 'γεια σας']) {
      const now = calls();
      tokensOf((...args) => chunks.encode(...args), ` ${words}`.repeat(400), 5);
      expect(calls() - now).toBeLessThan(12);
    }
  });

  it('cuts at no space beside a mark that is gone with what it stands on', () => {
    const rules = new Precompiled(longestRules.charsmap);
    const normalizer = new NormalizerSequence([rules, new Replace({ Regex: ' {2,}' }, ' ')]);
    const tokenizer = unigram.with({ preTokenizer: spaces('first'), normalizer });
    const { encode } = whole(tokenizer);
    const chunks = ChunkEncoder.of(tokenizer, encode)!;
    const each = 'ink▁\u0323\u0301 stone';
    expect(tokensOf((...args) => chunks.encode(...args), each, 7)).toEqual(tokensOf(encode, each, 7));
  });

  it('starts over when it knows too many', () => {
    const { encode, calls } = whole(bert);
    const chunks = ChunkEncoder.of(bert, encode)!;
    const some = (from: number, to: number) =>
      Array.from({ length: to - from }, (_, i) => ` w${from + i}`).join('');
    const by = (each: string) => tokensOf((...args) => chunks.encode(...args), each, 7);
    const texts = [some(0, 100), some(100, (1 << 17) + 50), some(0, 100), some(0, 100)];
    const asked = texts.map((each) => {
      const before = calls();
      const found = by(each);
      const times = calls() - before;
      if (each.length < 1000) expect(found).toEqual(tokensOf(encode, each, 7));
      return times;
    });
    // The first was forgotten when the second was too much, and then known again.
    expect(asked).toEqual([100, (1 << 17) - 50, 100, 0]);
  });

  const apart: [string, Partial<{ normalizer: Normalizer; preTokenizer: Metaspace | Punctuation }>][] = [
    ['a normalizer that strips', { normalizer: new Strip(true, true) }],
    ['one that puts something before', { normalizer: new Prepend('▁') }],
    ['one that makes words of letters', { normalizer: new Replace({ String: 'x' }, ' ') }],
    ['one that drops letters', { normalizer: new Replace({ String: '!' }, '') }],
    ['an expression', { normalizer: new Replace({ Regex: 'a b' }, 'c') }],
    ['rules that span a space', { normalizer: new Precompiled(charsmap.charsmap, 'charsmap', 'longest') }],
    ['a string with a space', { normalizer: new Replace({ String: 'a b' }, 'c') }],
    [
      'words that are not cut',
      { preTokenizer: new Metaspace({ replacement: '▁', prependScheme: 'always', split: false }) },
    ],
    ['pieces that begin at marks', { preTokenizer: new Punctuation('MergedWithNext') }],
  ];
  it.each(apart)('is not done with %s', (_, change) => {
    const tokenizer = unigram.with({ normalizer: undefined, ...change });
    expect(ChunkEncoder.of(tokenizer, whole(tokenizer).encode)).toBeUndefined();
  });
});
