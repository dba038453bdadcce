import { readFileSync } from 'node:fs';
import path from 'node:path';
import { loadAddon } from '@inkstone/native';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { fixture } from '../test/fixture.js';
import { unigramFamilies, unigramModel } from '../test/unigram-families.js';
import { AlignedText } from './aligned-text.js';
import { spellBytes } from './byte-alphabet.js';
import { nativeObstacle, useNative } from './native.js';
import { CLIP_PATTERN } from './pre-tokenizers/clip-cutter.js';
import { DEEPSEEK_PATTERN } from './pre-tokenizers/deepseek-cutter.js';
import { CL100K_PATTERN, QWEN2_PATTERN } from './pre-tokenizers/known-patterns.js';
import { KIMI_PATTERN, O200K_PATTERN, TEKKEN_PATTERN } from './pre-tokenizers/o200k-cutter.js';
import { Tokenizer } from './tokenizer.js';
import { trainBpe } from './trainers/bpe.js';
import { toWellFormed } from './unicode.js';

const split = (pattern: string, behavior = 'Isolated', invert = false) => ({
  type: 'Split',
  pattern: { Regex: pattern },
  behavior,
  invert,
});
const bytes = (use_regex = false) => ({
  type: 'ByteLevel',
  add_prefix_space: false,
  trim_offsets: true,
  use_regex,
});
const digits = (individual_digits: boolean) => ({ type: 'Digits', individual_digits });
const sequence = (...pretokenizers: object[]) => ({ type: 'Sequence', pretokenizers });
const NFC = { type: 'NFC' };
const replace = { type: 'Replace', pattern: { String: ' ' }, content: '▁' };
const lineBreaks = (pattern: string) => pattern.replaceAll('\\r', '\r').replaceAll('\\n', '\n');
interface Family {
  /** BPE of bytes, of bytes with an end of word, or of characters; or Unigram. */
  model: 'bytes' | 'words' | 'characters' | 'unigram';
  normalizer?: object;
  preTokenizer?: object | null;
  options?: object;
  /** What the engine has against it. */
  obstacle?: string;
}

const unigram = (name: string): Family => {
  const { normalizer, pre_tokenizer } = unigramFamilies[name]!.json;
  return { model: 'unigram', normalizer, preTokenizer: pre_tokenizer };
};

/** As the tokenizer.json of each has them. */
const families: Record<string, Family> = {
  'GPT-2, RoBERTa, BART, Phi-2': { model: 'bytes', preTokenizer: bytes(true) },
  'GPT-NeoX, Pythia, OLMo': { model: 'bytes', normalizer: NFC, preTokenizer: bytes(true) },
  'GPT-4, Llama 3, OLMo 2, GLM-4': {
    model: 'bytes',
    preTokenizer: sequence(split(CL100K_PATTERN), bytes()),
    options: { ignore_merges: true },
  },
  'GPT-4 and Phi-4, as converted': {
    model: 'bytes',
    preTokenizer: sequence(split(CL100K_PATTERN, 'Removed', true), bytes()),
  },
  'Qwen 2, 2.5, 3': {
    model: 'bytes',
    normalizer: NFC,
    preTokenizer: sequence(split(QWEN2_PATTERN), bytes()),
  },
  'GPT-4o, gpt-oss, Llama 4': {
    model: 'bytes',
    preTokenizer: sequence(split(O200K_PATTERN), bytes()),
  },
  'Mistral Tekken, NeMo': {
    model: 'bytes',
    preTokenizer: sequence(split(TEKKEN_PATTERN), bytes()),
    options: { ignore_merges: true },
  },
  'DeepSeek V3, R1': {
    model: 'bytes',
    normalizer: { type: 'Sequence', normalizers: [] },
    preTokenizer: sequence(
      split('\\p{N}{1,3}'),
      split('[一-龥぀-ゟ゠-ヿ]+'),
      split(lineBreaks(DEEPSEEK_PATTERN)),
      bytes(),
    ),
  },
  'DeepSeek Coder, V2': {
    model: 'bytes',
    normalizer: { type: 'Sequence', normalizers: [] },
    preTokenizer: sequence(
      split('[\r\n]'),
      split('\\s?\\p{L}+'),
      split('\\s?\\p{P}+'),
      split('[一-龥ࠀ-一가-퟿]+'),
      digits(true),
      bytes(),
    ),
  },
  'StarCoder, SmolLM': { model: 'bytes', preTokenizer: sequence(digits(true), bytes(true)) },
  'Command R': { model: 'bytes', normalizer: NFC, preTokenizer: sequence(digits(true), bytes(true)) },
  BLOOM: {
    model: 'bytes',
    preTokenizer: sequence(split(' ?[^(\\s|[.,!?…。，、।۔،])]+'), bytes()),
  },
  Falcon: {
    model: 'bytes',
    preTokenizer: sequence(
      { type: 'Punctuation', behavior: 'Contiguous' },
      bytes(true),
      digits(false),
      split('[0-9][0-9][0-9]'),
    ),
    obstacle: 'is not byte-level',
  },
  'Kimi K2': {
    model: 'bytes',
    preTokenizer: sequence(split(KIMI_PATTERN), bytes()),
  },
  CLIP: {
    model: 'words',
    normalizer: {
      type: 'Sequence',
      normalizers: [
        NFC,
        { type: 'Replace', pattern: { Regex: '\\s+' }, content: ' ' },
        { type: 'Lowercase' },
      ],
    },
    preTokenizer: sequence(split(CLIP_PATTERN, 'Removed', true), bytes(true)),
  },
  'Llama 2, TinyLlama, Phi-3, MiniCPM': {
    model: 'characters',
    normalizer: { type: 'Sequence', normalizers: [{ type: 'Prepend', prepend: '▁' }, replace] },
  },
  'Mistral 7B v0.3, CodeLlama, Llama 2 as converted since': {
    model: 'characters',
    preTokenizer: { type: 'Metaspace', replacement: '▁', prepend_scheme: 'first', split: false },
  },
  Gemma: {
    model: 'characters',
    normalizer: replace,
    preTokenizer: {
      type: 'Split',
      pattern: { String: ' ' },
      behavior: 'MergedWithPrevious',
      invert: false,
    },
  },
  T5: unigram('t5'),
  'XLM-RoBERTa, mBART': unigram('xlm-r'),
  'SentencePiece Unigram as converted since': unigram('converted since'),
  ALBERT: unigram('albert'),
  XLNet: unigram('xlnet'),
  'DeBERTa V3': unigram('deberta'),
};

const clip = fixture<{
  tokenizer: { model: object };
  cases: { text: string; ids: number[]; offsets: number[]; words: number[] }[];
}>('clip.json');
const golden = fixture<{ texts: string[] }>('bpe-train.json');
const text = fc
  .array(
    fc.oneof(
      {
        weight: 6,
        arbitrary: fc.constantFrom(
          ..." \t\n\r'sdtlvRe1aZ!/.,|()#_$+".split(''),
          ...[
            "'ll",
            "'ſ",
            '\r\n',
            '  ',
            '\u00a0',
            '\u3000',
            '\u0085',
            '\u200b',
            '\ufeff',
            '\0',
            '\u0001',
            '\u00ad',
          ],
          ...[
            'é',
            'e\u0301',
            '\u0301',
            'Å',
            '\u1100\u1161',
            '\u0903',
            'ǅ',
            'ʰ',
            'É',
            '한국어',
            '中',
            '龥',
            '龦',
            '々',
            '〇',
          ],
          ...[
            ...['⺀', '𠀀', '𖿰'],
            'ひ',
            'カ',
            'ー',
            '、',
            '。',
            '।',
            'ภาษา',
            'عربي،',
            'हिन्दी',
            '½',
            '²',
            '٣',
            '१२',
            'Ⅷ',
            '𝟘',
            '𐐀',
            '🙂',
            '\ud83d',
          ],
          ...['#include', 'the', ' ink', '12345', 'ab12cd', '!=', 'x.y', '▁', '▁▁a', '<|pad|>', '<s>', '   '],
        ),
      },
      { weight: 2, arbitrary: fc.constantFrom(...golden.texts).map((each) => each.slice(0, 60)) },
      { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 6 }) },
    ),
    { maxLength: 20 },
  )
  .map((parts) => parts.join(''));

let absent = '';
try {
  loadAddon();
} catch (error) {
  absent = (error as Error).message;
}

describe('families', () => {
  let byteModel: { vocab: Record<string, number>; merges: string[][] };
  let characterJson: { model: { vocab: Record<string, number>; merges: string[][] } };
  beforeAll(async () => {
    const trained = await trainBpe(golden.texts, { vocabSize: 700, specialTokens: ['<|pad|>'] });
    byteModel = trained.model.toJSON() as typeof byteModel;
    characterJson = fixture<{ tokenizer: typeof characterJson }>('whole-llama.json').tokenizer;
  });

  const added = (id: number, content: string, special: boolean, normalized: boolean) => ({
    ...{ id, content, special, normalized },
    ...{ single_word: false, lstrip: false, rstrip: false },
  });

  function make({ model, normalizer, preTokenizer, options }: Family): Tokenizer {
    const ofBytes = model === 'bytes' || model === 'words';
    const models = {
      ...{ bytes: byteModel, words: clip.tokenizer.model },
      ...{ characters: characterJson.model, unigram: unigramModel },
    };
    return Tokenizer.fromJSON({
      version: '1.0',
      normalizer: normalizer ?? null,
      pre_tokenizer: preTokenizer ?? null,
      added_tokens: ofBytes
        ? [added(0, '<|pad|>', true, false), added(800, '   ', false, true)]
        : [added(1, '<s>', true, false), added(1000, 'ink', false, model === 'characters')],
      decoder: ofBytes ? bytes() : null,
      model: { ...models[model], ...options },
    });
  }

  describe.each(Object.entries(families))('%s', (_, family) => {
    it('cuts at once as one step after the other', () => {
      const { preTokenizer } = make(family);
      const cut = preTokenizer?.byteCutter ?? preTokenizer?.wordCutter;
      if (!preTokenizer || !cut) return;
      fc.assert(
        fc.property(text, (given) => {
          const whole = toWellFormed(given);
          const pieces: string[] = [];
          for (let at = 0; at < whole.length; ) {
            const next = cut(whole, at, whole.length);
            const piece = whole.slice(at, next);
            if (preTokenizer.byteCutter || /\P{White_Space}/u.test(piece)) pieces.push(spellBytes(piece));
            at = next;
          }
          const steps = preTokenizer.preTokenize([AlignedText.of(whole)]);
          expect(pieces).toEqual(steps.map((piece) => piece.text));
        }),
        { numRuns: 200 },
      );
    });

    it.skipIf(absent !== '')('runs natively as the table says', () => {
      const plain = make(family);
      if (family.obstacle) {
        expect(nativeObstacle(plain)).toContain(family.obstacle);
        return;
      }
      expect(nativeObstacle(plain)).toBeUndefined();
      const native = useNative(plain, { threads: 2 });
      fc.assert(
        fc.property(fc.array(text, { maxLength: 3 }), fc.boolean(), (texts, all) => {
          const options = { allowedSpecial: all ? ('all' as const) : ('none' as const) };
          const expected = texts.map((each) => plain.encode(each, options));
          expect(native.encodeBatch(texts, options)).toEqual(expected);
          expect(native.encodeIdsBatch(texts, options)).toEqual(expected.map(({ ids }) => ids));
          texts.forEach((each, i) => {
            expect(plain.encodeIds(each, options)).toEqual(expected[i]!.ids);
            expect(native.encode(each, options)).toEqual(expected[i]);
          });
        }),
        { numRuns: 150 },
      );
      const long = golden.texts.join('\n').repeat(3);
      expect(native.encodeIds(long)).toEqual(plain.encodeIds(long));
    });
  });

  it('CLIP gives the ids, offsets and words of Hugging Face, in both engines', () => {
    const plain = Tokenizer.fromJSON(clip.tokenizer);
    for (const tokenizer of absent === '' ? [plain, useNative(plain)] : [plain]) {
      for (const { text, ids, offsets, words } of clip.cases) {
        const made = tokenizer.encode(text, { offsetUnit: 'codePoint', allowedSpecial: 'all' });
        expect([text, ...made.ids]).toEqual([text, ...ids]);
        expect([...made.offsets]).toEqual(offsets);
        expect([...made.wordIds]).toEqual(words);
        expect([...tokenizer.encodeIds(text, { allowedSpecial: 'all' })]).toEqual(ids);
      }
      for (const part of ['a', 'the', 'в', '中', 'é', '!中']) {
        const long = part.repeat(40_000);
        expect(tokenizer.encodeIds(long)).toEqual(plain.encode(long).ids);
      }
    }
  });

  it('are those of the table in the README', () => {
    const readme = readFileSync(path.join(import.meta.dirname, '..', 'README.md'), 'utf8');
    const rows = readme
      .split('## Families')[1]!
      .split('\n## ')[0]!
      .split('\n')
      .filter((line) => line.startsWith('|'))
      .slice(2)
      .map((line) => line.split('|').map((cell) => cell.trim()));
    expect(rows.map((row) => [row[1], row[3]!.startsWith('yes')])).toEqual(
      Object.entries(families).map(([name, { obstacle }]) => [name, obstacle === undefined]),
    );
  });
});
