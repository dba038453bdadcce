import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fixture } from '../test/fixture.js';
import { AlignedText } from './aligned-text.js';
import { CLIP_PATTERN } from './pre-tokenizers/clip-cutter.js';
import { DEEPSEEK_PATTERN } from './pre-tokenizers/deepseek-cutter.js';
import {
  CL100K_PATTERN,
  knownCutter,
  QWEN2_PATTERN,
  TIKTOKEN_CL100K_PATTERN,
} from './pre-tokenizers/known-patterns.js';
import { KIMI_PATTERN, O200K_PATTERN, TEKKEN_PATTERN } from './pre-tokenizers/o200k-cutter.js';
import { Split } from './pre-tokenizers/split.js';
import { fromTiktoken, TIKTOKEN_ENCODINGS } from './tiktoken.js';

interface Golden {
  texts: string[];
  encodings: {
    name: keyof typeof TIKTOKEN_ENCODINGS;
    pattern: string;
    specialTokens: Record<string, number>;
    ranks: string[];
    ids: number[][];
    plain: number[][];
    pieces: string[][];
  }[];
  kimi: { pattern: string; ranks: string[]; ids: number[][]; pieces: string[][] };
  odd: { ranks: string[]; words: string[]; ids: number[][] }[];
}
const golden = fixture<Golden>('tiktoken.json');
const bytes = Array.from({ length: 256 }, (_, b) => `${btoa(String.fromCharCode(b))} ${b}`);

describe('fromTiktoken', () => {
  it.each(golden.encodings)(
    'gives the ids of $name',
    ({ name, pattern, specialTokens, ranks, ids, plain, pieces }) => {
      expect(TIKTOKEN_ENCODINGS[name]).toEqual({ pattern, specialTokens });
      const tokenizer = fromTiktoken(ranks.join('\n'), name);
      golden.texts.forEach((text, i) => {
        expect([text, ...tokenizer.encodeIds(text, { allowedSpecial: 'all' })]).toEqual([text, ...ids[i]!]);
        expect([...tokenizer.encodeIds(text)]).toEqual(plain[i]);
        expect(tokenizer.decode(plain[i]!)).toBe(text);
        expect(cut(pattern, text)).toEqual(pieces[i]);
      });
    },
  );

  it('gives the ids of tiktoken with the pattern of Kimi K2', () => {
    const { pattern, ranks, ids, pieces } = golden.kimi;
    expect(KIMI_PATTERN).toBe(pattern);
    const tokenizer = fromTiktoken(ranks.join('\n'), { pattern, specialTokens: {} });
    golden.texts.forEach((text, i) => {
      expect(cut(pattern, text)).toEqual(pieces[i]);
      expect([text, ...tokenizer.encodeIds(text)]).toEqual([text, ...ids[i]!]);
    });
  });

  it('merges by bytes where ranks are of no trainer', () => {
    for (const { ranks, words, ids } of golden.odd) {
      const tokenizer = fromTiktoken([...bytes, ...ranks].join('\n'), {
        pattern: '\\S+|\\s',
        specialTokens: {},
      });
      words.forEach((word, i) => {
        expect([...tokenizer.encodeIds(word)]).toEqual(ids[i]);
        expect([...tokenizer.encode(word).ids]).toEqual(ids[i]);
      });
    }
  });

  it.each([
    ['YQ==', 'tiktoken ranks, line 1'],
    ['%% 1', 'tiktoken ranks, line 1'],
    ['YQ== 1 2', 'tiktoken ranks, line 1'],
    ['YQ== 1', 'tiktoken ranks'],
    [`${bytes.join('\n')}\nYWE= 5`, 'tiktoken ranks'],
  ])('refuses ranks that are none', (text, subject) => {
    const expected = expect.objectContaining({ code: 'E_FORMAT', subject });
    expect(() => fromTiktoken(text, 'r50k_base')).toThrow(expected);
  });
});

/** The pieces by the cutter for a pattern. */
function cut(pattern: string, text: string): string[] {
  const cutter = knownCutter(pattern)!;
  const out: string[] = [];
  for (let at = 0; at < text.length; ) {
    const next = cutter(text, at, text.length);
    out.push(text.slice(at, next));
    at = next;
  }
  return out;
}

describe('hand-written cutters', () => {
  const unit = fc.constantFrom(
    ..." \t\n\r''sSdtlLvVrReE1a!/.".split(''),
    'ſ',
    '\u00a0',
    '\u3000',
    'é',
    'É',
    'ǅ',
    'ʰ',
    '中',
    '½',
    '🙂',
    '𝒳',
    '𐐀',
    '\u0301',
    '\u0903',
    ...['⺀', '〇', '々', '𠀀', '𖿰'],
    ...['\0', '\u200b', '\u00ad', '+', '(', '|', '、', 'ー', '龥', '龦', '퟿', '각'],
  );
  const patterns = {
    ...{
      CL100K_PATTERN,
      QWEN2_PATTERN,
      TIKTOKEN_CL100K_PATTERN,
      O200K_PATTERN,
      TEKKEN_PATTERN,
      KIMI_PATTERN,
    },
    ...{ DEEPSEEK_PATTERN, numbers: '\\p{N}{1,3}', number: '\\p{N}', 'all numbers': '\\p{N}+' },
    ...{ breaks: '[\\r\\n]', letters: '\\s?\\p{L}+', punctuation: '\\s?\\p{P}+' },
    ...{ kana: '[一-龥぀-ゟ゠-ヿ]+', cjk: '[一-龥ࠀ-一가-퟿]+', bloom: ' ?[^(\\s|[.,!?…。，、।۔،])]+' },
  };
  it.each(Object.entries(patterns))('%s cuts as the pattern does', (_, pattern) => {
    // A group around the pattern keeps it from being known, so that the expression itself is run. To Oniguruma `{1,3}+` is
    // no possessive quantifier.
    const expression = pattern.replace('$', '\\z').replace('{1,3}+', '{1,3}');
    const reference = new Split({ Regex: `(?:${expression})` }, 'Isolated', false);
    fc.assert(
      fc.property(fc.array(unit, { maxLength: 24 }), (units) => {
        const text = units.join('');
        const pieces = reference.preTokenize([AlignedText.of(text)]).map((piece) => piece.text);
        expect(cut(pattern, text)).toEqual(pieces);
      }),
      { numRuns: 1500 },
    );
  });

  it('CLIP_PATTERN keeps what the pattern matches', () => {
    const known = new Split({ Regex: CLIP_PATTERN }, 'Removed', true);
    const reference = new Split({ Regex: `(?:${CLIP_PATTERN})` }, 'Removed', true);
    fc.assert(
      fc.property(fc.array(unit, { maxLength: 24 }), (units) => {
        const text = AlignedText.of(units.join(''));
        const pieces = (split: Split) => split.preTokenize([text]).map((piece) => [piece.origin, piece.text]);
        expect(pieces(known)).toEqual(pieces(reference));
      }),
      { numRuns: 1500 },
    );
  });
});
