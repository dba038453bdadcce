import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  CounterfactualBias,
  findPii,
  lexiconScorer,
  Memorisation,
  NgramIndex,
  PiiLeakage,
  RefusalRate,
  SAMPLE_TOXIC_WORDS,
  StereotypePreference,
  scoreToxicity,
  swapTerms,
  Toxicity,
  unicodeWords,
} from '../index.js';

const code = (value: string) => expect.objectContaining({ code: value });

describe('toxicity', () => {
  test('lexicon: whole words, phrases, any script', async () => {
    const score = lexiconScorer([...SAMPLE_TOXIC_WORDS, '坏蛋']);
    expect(
      await score(['Shut  up!', 'shut the door, up there', 'IDIOT', 'idiotic', '你这个坏蛋', '']),
    ).toEqual([1, 0, 1, 0, 1, 0]);
    expect(() => lexiconScorer(['!!'])).toThrow(code('E_INPUT'));
    await expect(scoreToxicity([['a', 'b']], () => [0])).rejects.toThrow(code('E_INPUT'));
    const classifier = async (texts: readonly string[]) => texts.map((text) => text.length / 10);
    expect((await scoreToxicity([['aaaaaa', 'a'], ['b']], classifier)).score).toBeCloseTo(1 / 3, 12);
  });
  test('bounds, merge, order, misuse', () => {
    const sample = fc.record({
      scores: fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 4 }),
    });
    fc.assert(
      fc.property(fc.array(sample, { minLength: 1 }), fc.array(sample), (a, b) => {
        const whole = new Toxicity();
        whole.update([...a, ...b]);
        const left = new Toxicity();
        left.update([...b].reverse());
        const right = new Toxicity();
        right.update(a);
        left.merge(right);
        expect(left.compute()).toEqual(whole.compute());
        const { score, expectedMaximum, toxicityProbability } = whole.compute();
        for (const value of [score, expectedMaximum, toxicityProbability]) {
          expect(value).toBeGreaterThanOrEqual(0);
          expect(value).toBeLessThanOrEqual(1);
        }
        expect(toxicityProbability).toBeGreaterThanOrEqual(
          Math.min(score, 1 / (a.length + b.length)) - 1e-12,
        );
      }),
    );
    expect(() => new Toxicity().update([{ scores: [] }])).toThrow(code('E_INPUT'));
    expect(() => new Toxicity().update([{ scores: [2] }])).toThrow(code('E_INPUT'));
    expect(() => new Toxicity().update([{ scores: [Number.NaN] }])).toThrow(code('E_NAN'));
  });
});

describe('bias', () => {
  test('swapping the groups turns the direction round and nothing else', () => {
    const sample = fc.record({
      first: fc.integer({ min: -9, max: 9 }),
      second: fc.integer({ min: -9, max: 9 }),
    });
    fc.assert(
      fc.property(fc.array(sample, { minLength: 1 }), (samples) => {
        const bias = (list: { first: number; second: number }[]) => {
          const metric = new CounterfactualBias();
          metric.update(list);
          return metric.compute();
        };
        const there = bias(samples);
        const back = bias(samples.map(({ first, second }) => ({ first: second, second: first })));
        expect(back.score).toBe(there.score);
        expect(back.meanDifference + there.meanDifference).toBe(0);
        expect(back.flippedShare).toBe(there.flippedShare);
        const preference = (list: { first: number; second: number }[]) => {
          const metric = new StereotypePreference();
          metric.update(list.map((s) => ({ stereotypical: s.first, antiStereotypical: s.second })));
          return metric.compute().share;
        };
        const flipped = preference(samples.map(({ first, second }) => ({ first: second, second: first })));
        expect(preference(samples) + flipped).toBeCloseTo(1, 12);
      }),
    );
    expect(() => new CounterfactualBias().update([{ first: Number.NaN, second: 0 }])).toThrow(code('E_NAN'));
    expect(() =>
      new StereotypePreference().update([{ stereotypical: 0, antiStereotypical: Infinity }]),
    ).toThrow(code('E_NAN'));
  });
  test('swapping terms twice gives the text back', () => {
    const pairs = [
      ['he', 'she'],
      ['Mann', 'Frau'],
      ['男', '女'],
    ] as const;
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('he', 'She', 'HE', 'the', 'Mann', 'x', '男', 'she-wolf')),
        (words) => {
          const text = words.join(' ').replaceAll('mann', 'Mann');
          expect(swapTerms(swapTerms(text, pairs), pairs).toLowerCase()).toBe(text.toLowerCase());
        },
      ),
    );
    expect(swapTerms('the', pairs)).toBe('the');
    expect(swapTerms('x', [])).toBe('x');
    expect(() =>
      swapTerms('', [
        ['a', 'b'],
        ['b', 'c'],
      ]),
    ).toThrow(code('E_INPUT'));
  });
});

test('refusals', () => {
  const metric = new RefusalRate();
  metric.update([
    'I cannot do that.',
    '抱歉，我无法回答。',
    'You can not only swim but dive.',
    'Here you are.',
    '',
  ]);
  expect(metric.compute().score).toBe(0.4);
  const custom = new RefusalRate({ refusals: (text) => text.startsWith('NO') });
  custom.update(['NO', 'yes']);
  expect(custom.compute().score).toBe(0.5);
  const sticky = new RefusalRate({ refusals: [/no/g] });
  sticky.update(['no', 'no', 'no']);
  expect(sticky.compute().score).toBe(1);
  expect(() => metric.update([1 as never])).toThrow(code('E_INPUT'));
});

describe('PII', () => {
  test.each([
    ['ann.b@mail.example.co.uk', 'email'],
    ['4111-1111-1111-1111', 'creditCard'],
    ['GB82 WEST 1234 5698 7654 32', 'iban'],
    ['192.168.1.254', 'ipv4'],
    ['078-05-1120', 'usSocialSecurity'],
    ['11010519491231002X', 'chineseId'],
    ['+44 20 7946 0958', 'phone'],
    ['13800138000', 'phone'],
    ['(415) 555-0132', 'phone'],
  ])('%s is %s', (text, kind) => {
    expect(findPii(`see ${text}, ok`)).toEqual([{ kind, text, start: 4 }]);
  });
  test.each([
    '4111 1111 1111 1112',
    'GB82 WEST 1234 5698 7654 33',
    '999.1.1.1',
    '000-12-3456',
    '110105194912310021',
    '3.14159265358979',
    'a@b',
    '2024-01-02',
    '0000 0000 0000 0000',
    'version 1.2.3.4.5',
  ])('%s is nothing', (text) => {
    expect(findPii(text)).toEqual([]);
  });
  test('what the prompt held is no leak; counts by kind', () => {
    const metric = new PiiLeakage();
    metric.update([{ text: 'a@b.org c@d.org', prompt: 'a@b.org' }, { text: 'nothing' }]);
    expect(metric.compute()).toMatchObject({ score: 0.5, findings: { email: 1, phone: 0 } });
    expect(() => metric.update([{ text: 1 as never }])).toThrow(code('E_INPUT'));
  });
  test('never hangs or throws on any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'a1.@-+ ()X男'), maxLength: 200 }), (text) => {
        for (const finding of findPii(text)) expect(text.startsWith(finding.text, finding.start)).toBe(true);
      }),
    );
  });
});

describe('memorisation', () => {
  test('the index agrees with a plain set', () => {
    const words = fc.array(fc.constantFrom('a', 'b', 'c', '北', '京'), { maxLength: 25 });
    fc.assert(
      fc.property(
        fc.array(words, { maxLength: 5 }),
        words,
        fc.integer({ min: 1, max: 4 }),
        (training, generated, n) => {
          const index = new NgramIndex(n);
          const split = new NgramIndex(n);
          const plain = new Set<string>();
          for (const [i, text] of training.entries()) {
            (i % 2 ? split : index).add(text.join(' '));
            for (let j = 0; j + n <= text.length; j++) plain.add(text.slice(j, j + n).join(' '));
          }
          index.merge(split);
          expect(index.size).toBe(plain.size);
          let found = 0;
          for (let j = 0; j + n <= generated.length; j++)
            found += Number(plain.has(generated.slice(j, j + n).join(' ')));
          const overlap = index.overlap(generated.join(' '));
          expect(overlap.found).toBe(found);
          expect(overlap.total).toBe(Math.max(0, generated.length - n + 1));
          expect(overlap.longest > 0).toBe(found > 0);
        },
      ),
    );
  });
  test('a training text is memorised whole, whatever its case', () => {
    const index = new NgramIndex(3);
    index.add('今天天气很好，We go OUT!');
    const metric = new Memorisation(index);
    metric.update(['今天天气很好 we go out']);
    expect(metric.compute()).toEqual({ score: 1, affected: 1, meanLongest: 9 });
    expect(() => index.merge(new NgramIndex(2))).toThrow(code('E_MERGE'));
    expect(() => new NgramIndex(0)).toThrow(code('E_INPUT'));
    expect(unicodeWords('')).toEqual([]);
  });
  test('grows past its first table', () => {
    const index = new NgramIndex(1);
    index.add(Array.from({ length: 5000 }, (_, i) => `w${i}`).join(' '));
    expect(index.size).toBe(5000);
    expect(index.overlap('w0 w4999 w5000').found).toBe(2);
  });
});
