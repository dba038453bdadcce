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

  it('gives what merging any two neighbours that make a token gives, whatever the ranks', () => {
    const letters = fc.constantFrom('a', 'b', 'c');
    const token = fc.array(letters, { minLength: 2, maxLength: 6 }).map((list) => list.join(''));
    const word = fc.array(letters, { minLength: 1, maxLength: 24 }).map((list) => list.join(''));
    fc.assert(
      fc.property(
        fc.uniqueArray(token, { maxLength: 24 }),
        fc.array(word, { maxLength: 12 }),
        (made, words) => {
          const lines = made.map((text, i) => `${btoa(text)} ${256 + i}`);
          const tokenizer = fromTiktoken([...bytes, ...lines].join('\n'), {
            pattern: '\\S+|\\s',
            specialTokens: {},
          });
          for (const text of words)
            expect([text, ...tokenizer.encodeIds(text)]).toEqual([text, ...mergedByRank(text, made)]);
        },
      ),
      { numRuns: 1000 },
    );
  });

  it('keeps one rule a token where a trainer made the ranks', () => {
    const { ranks, name } = golden.encodings[0]!;
    const { merges } = fromTiktoken(ranks.join('\n'), name).model.toJSON() as { merges: unknown[] };
    expect(merges.length).toBe(ranks.length - 256);
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

/** Tiktoken's own words for it: a token as a whole, or the neighbours of the lowest rank, again and again. */
function mergedByRank(text: string, made: readonly string[]): number[] {
  const rank = (token: string) => {
    const at = made.indexOf(token);
    return at < 0 ? Number.POSITIVE_INFINITY : 256 + at;
  };
  if (rank(text) < Number.POSITIVE_INFINITY) return [rank(text)];
  const parts = [...text];
  for (;;) {
    const ranks = parts.slice(1).map((part, i) => rank(parts[i]! + part));
    const least = Math.min(...ranks);
    if (least === Number.POSITIVE_INFINITY) break;
    const at = ranks.indexOf(least);
    parts.splice(at, 2, parts[at]! + parts[at + 1]!);
  }
  return parts.map((part) => (part.length === 1 ? part.charCodeAt(0) : rank(part)));
}

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
