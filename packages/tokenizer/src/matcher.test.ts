import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { guardedMatcher } from './matcher.js';
import { patternMatcher } from './pattern.js';
import { costOf } from './regexp-cost.js';
import { Tokenizer } from './tokenizer.js';

afterEach(() => vi.unstubAllGlobals());

vi.resetModules();
const fresh = await import('./matcher.js');

const refused = (subject: string) => expect.objectContaining({ code: 'E_UNSUPPORTED', subject });

describe('an expression that would run forever', () => {
  const letters = `${'a'.repeat(60)}!`;
  it.each([
    ['nested repetition', '(a+)+$', letters],
    ['alternatives that overlap', '(a|a)*$', letters],
    ['alternatives of several lengths', '(?:a|aa)+$', letters],
    ['options one by one', `${'a?'.repeat(40)}${'a'.repeat(40)}$`, letters.slice(22)],
    ['nested in a lookahead', '(?=(?:a+)+$)', letters],
    ['nested in a lookbehind', '(?<=^(?:a+)+)x', `!${'a'.repeat(60)}x`],
    ['with a backreference', '(a*)*\\1$', letters],
    ['lazy', '(?:a+?)+?$', letters],
    ['quadratic on a long text', '\\s+$', `${' '.repeat(600_000)}x`],
    ['cubic', '\\s*\\s*$', `${' '.repeat(20_000)}x`],
  ])('is stopped: %s', (_, source, text) => {
    const matcher = guardedMatcher(new RegExp(source, 'gu'), 'pattern', 50);
    expect(() => matcher.matches(text)).toThrow(refused('pattern'));
    // Nothing is left of it: the next text is searched as ever.
    expect(guardedMatcher(/(?:b+)+/gu, 'pattern').matches('abbbc')).toEqual([[1, 4]]);
  });

  it('in a tokenizer.json is named, wherever it stands', () => {
    const pattern = { Regex: '(a+)+$' };
    const json = {
      version: '1.0',
      added_tokens: [],
      normalizer: null as unknown,
      pre_tokenizer: null as unknown,
      decoder: null as unknown,
      model: { type: 'WordLevel', vocab: { '<unk>': 0, [letters]: 1 }, unk_token: '<unk>' },
    };
    const normalizer = { type: 'Replace', pattern, content: '' };
    const splits = { type: 'Split', pattern, behavior: 'Isolated', invert: false };
    expect(() => Tokenizer.fromJSON({ ...json, normalizer }).encodeIds(letters)).toThrow(
      refused('normalizer.pattern'),
    );
    expect(() => Tokenizer.fromJSON({ ...json, pre_tokenizer: splits }).encode(letters)).toThrow(
      refused('pre_tokenizer.pattern'),
    );
    expect(() => Tokenizer.fromJSON({ ...json, decoder: normalizer }).decode([1])).toThrow(
      refused('decoder.pattern'),
    );
  });

  it('is refused where nothing could stop it, and harmless ones are not', () => {
    const { process } = globalThis;
    vi.stubGlobal('process', { ...process, getBuiltinModule: () => undefined });
    // A fresh copy of the module, which has no watch yet.
    expect(guardedMatcher(/a+/gu, 'pattern').matches('baa')).toEqual([[1, 3]]);
    expect(() => fresh.guardedMatcher(/(a+)+$/gu, 'pattern').matches('aa')).toThrow(refused('pattern'));
  });

  it.each([
    ['nested too deeply', `${'('.repeat(4000)}a${')'.repeat(4000)}`],
    ['longer than any in use', 'a'.repeat(10_001)],
    ['of no meaning', '(?<'],
  ])('is refused when it is read: %s', (_, source) => {
    expect(() => patternMatcher({ Regex: source }, 'pattern')).toThrow(refused('pattern'));
  });

  it('that overflows the stack is an error of this package', () => {
    const matcher = guardedMatcher(/^(?:a|b)*$/gu, 'pattern');
    expect(() => matcher.matches('ab'.repeat(8_000_000))).toThrow(refused('pattern'));
  });
});

describe('a guarded search', () => {
  it('finds what an unguarded one finds', () => {
    const part = fc.constantFrom(
      'a',
      'b',
      '[ab]',
      '\\w',
      '\\s',
      '(?:ab)',
      '(a|b)',
      '(?=b)',
      '.',
      '\\p{L}',
      '(?:a+b)',
    );
    const repeat = fc.constantFrom('', '*', '+', '?', '{1,2}', '+?');
    const source = fc
      .array(fc.tuple(part, repeat), { minLength: 1, maxLength: 4 })
      .map((parts) => parts.map(([p, r]) => p + (p.startsWith('(?=') ? '' : r)).join(''));
    fc.assert(
      fc.property(
        source,
        fc.string({ unit: fc.constantFrom('a', 'b', ' ', '🙂'), maxLength: 12 }),
        (given, text) => {
          const found = guardedMatcher(new RegExp(given, 'gu'), 'pattern').matches(text);
          const wanted = [...text.matchAll(new RegExp(given, 'gu'))];
          expect(found).toEqual(wanted.map((match) => [match.index, match.index + match[0].length]));
        },
      ),
    );
  });
});

describe('the bound on ways to match', () => {
  it.each([
    ['abc', 1],
    ['a*', 11],
    ['a+', 10],
    ['a?b?', 4],
    ['a|b|c', 3],
    ['a*b*', 121],
    ['(?:ab)*', 11],
    ['[^\\]a]{2,4}', 3],
    ['\\p{L}{3}', 1],
    ['\\u{1F642}*', 11],
    ['(?<name>a|b)c', 2],
    ['(?:x|y){2}', 4],
    ['(?<!a|b)c', 2],
    ['a{2,}', 9],
    ['(?:a+)+', Infinity],
    ['(?:a|b)*', Infinity],
    ['(?:a+){2}', 100],
    ['\\(a+\\)+', 100],
  ])('of %s on ten characters is %d', (source, ways) => {
    expect(new RegExp(source, 'u')).toBeDefined();
    expect(costOf(source)(10)).toBe(ways);
  });
});
