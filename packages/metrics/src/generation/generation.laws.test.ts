import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  Bleu,
  Chrf,
  Cider,
  corpusBleu,
  corpusChrf,
  corpusRouge,
  corpusTer,
  DistinctN,
  documentFrequencies,
  editCounts,
  jackknifeInterval,
  lcsLength,
  Meteor,
  type Metric,
  Repetition,
  Rouge,
  type Scored,
  SelfBleu,
  segmenterTokenizer,
  sentenceBleu,
  Ter,
  type TextSample,
  tokenizer,
  WordErrorRate,
} from '../index.js';

const word = fc.constantFrom('a', 'b', 'the', 'cat', 'runs', '今天', '好', '3.5', 'x-y', "it's", '😀', 'é');
const text = fc.array(word, { maxLength: 12 }).map((words) => words.join(' '));
const odd = fc.string({ unit: 'binary', maxLength: 30 });
const sample = fc.record({
  hypothesis: fc.oneof(text, odd),
  references: fc.array(fc.oneof(text, odd), { minLength: 1, maxLength: 3 }),
});
const samples = fc.array(sample, { minLength: 1, maxLength: 8 });

interface Law {
  name: string;
  make(): Metric<TextSample, Scored>;
  /** Least and largest score. */
  bounds: [number, number];
  /** Score of texts (four words or more) against themselves, where it is fixed. */
  perfect?: number;
}

const frequencies = documentFrequencies([['a b the cat'], ['the cat runs', 'a'], ['好 今天']]);

const laws: Law[] = [
  { name: 'BLEU', make: () => new Bleu(), bounds: [0, 100], perfect: 100 },
  {
    name: 'BLEU floor intl',
    make: () => new Bleu({ smoothing: 'floor', tokenizer: 'intl' }),
    bounds: [0, 100],
    perfect: 100,
  },
  {
    name: 'BLEU none zh',
    make: () => new Bleu({ smoothing: 'none', tokenizer: 'zh', lowercase: true }),
    bounds: [0, 100],
    perfect: 100,
  },
  {
    name: 'BLEU ja',
    make: () => new Bleu({ tokenizer: 'ja', effectiveOrder: true }),
    bounds: [0, 100],
    perfect: 100,
  },
  { name: 'chrF', make: () => new Chrf(), bounds: [0, 100], perfect: 100 },
  { name: 'chrF++', make: () => new Chrf({ wordOrder: 2 }), bounds: [0, 100], perfect: 100 },
  { name: 'TER', make: () => new Ter(), bounds: [0, Infinity], perfect: 0 },
  { name: 'ROUGE', make: () => new Rouge({ stem: true }), bounds: [0, 1] },
  { name: 'ROUGE unicode', make: () => new Rouge({ tokenizer: 'unicode' }), bounds: [0, 1], perfect: 1 },
  { name: 'CIDEr-D', make: () => new Cider(), bounds: [0, 10 + 1e-9] },
  { name: 'CIDEr', make: () => new Cider({ variant: 'cider' }), bounds: [0, 10 + 1e-9] },
  {
    name: 'CIDEr-D given idf',
    make: () => new Cider({ documentFrequencies: frequencies }),
    bounds: [0, 10 + 1e-9],
  },
  { name: 'METEOR', make: () => new Meteor(), bounds: [0, 1] },
  { name: 'WER', make: () => new WordErrorRate(), bounds: [0, Infinity], perfect: 0 },
  { name: 'CER', make: () => new WordErrorRate({ unit: 'character' }), bounds: [0, Infinity], perfect: 0 },
];

const score = (metric: Metric<TextSample, Scored>, batch: TextSample[]): number => {
  metric.update(batch);
  return metric.compute().score;
};

describe.each(laws)('$name', ({ make, bounds, perfect }) => {
  test('stays within its bounds', () => {
    fc.assert(
      fc.property(samples, (batch) => {
        const value = score(make(), batch);
        expect(value).toBeGreaterThanOrEqual(bounds[0]);
        expect(value).toBeLessThanOrEqual(bounds[1] * (1 + 1e-12));
      }),
    );
  });

  test('shards merge to one pass, bit for bit', () => {
    fc.assert(
      fc.property(samples, samples, samples, (a, b, c) => {
        const whole = make();
        whole.update([...a, ...b, ...c]);
        const left = make();
        left.update(a);
        const right = make();
        right.update(b);
        right.update(c);
        left.merge(right as never);
        expect(left.compute()).toEqual(whole.compute());
      }),
      { numRuns: 50 },
    );
  });

  test('does not care for the order of samples', () => {
    fc.assert(
      fc.property(samples, (batch) => {
        expect(score(make(), batch)).toBe(score(make(), [...batch].reverse()));
      }),
      { numRuns: 50 },
    );
  });

  if (perfect !== undefined) {
    test('identical texts are perfect', () => {
      fc.assert(
        fc.property(
          fc.array(fc.array(word, { minLength: 4, maxLength: 9 }), { minLength: 1, maxLength: 5 }),
          (lists) => {
            const batch = lists.map((words) => ({
              hypothesis: words.join(' '),
              references: [words.join(' ')],
            }));
            expect(score(make(), batch)).toBeCloseTo(perfect, 9);
          },
        ),
      );
    });
  }

  test('bad input is refused whole', () => {
    const metric = make();
    const good = { hypothesis: 'a b', references: ['a b'] };
    for (const bad of [
      { hypothesis: 'a', references: [] },
      { hypothesis: null, references: ['a'] },
      { hypothesis: 'a', references: 'a' },
      { hypothesis: 'a', references: [undefined] },
    ]) {
      expect(() => metric.update([good, bad as never])).toThrow(expect.objectContaining({ code: 'E_INPUT' }));
    }
    expect(() => metric.compute()).toThrow(expect.objectContaining({ code: 'E_EMPTY' }));
  });

  test('empty texts are defined', () => {
    for (const [hypothesis, reference] of [
      ['', ''],
      ['', 'a'],
      ['a', ''],
    ] as const) {
      expect(Number.isFinite(score(make(), [{ hypothesis, references: [reference] }]))).toBe(true);
    }
  });
});

test('documented values for empty texts', () => {
  expect(corpusBleu([''], ['a b']).score).toBe(0);
  expect(corpusChrf([''], ['a b']).score).toBe(0);
  expect(corpusRouge([''], ['a b']).score).toBe(0);
  expect(corpusTer([''], ['a b']).score).toBe(100);
  expect(corpusTer(['a b'], ['']).score).toBe(100);
  expect(corpusTer([''], ['']).score).toBe(0);
  const wer = new WordErrorRate();
  wer.update([{ hypothesis: 'a', references: [''] }]);
  expect(wer.compute().score).toBe(1);
});

test('unequal lengths and unknown settings are refused', () => {
  const input = expect.objectContaining({ code: 'E_INPUT' });
  expect(() => corpusBleu(['a'], [])).toThrow(input);
  expect(() => corpusBleu([], [])).toThrow(expect.objectContaining({ code: 'E_EMPTY' }));
  expect(() => new Bleu({ tokenizer: 'klingon' as never })).toThrow(input);
  expect(() => new Bleu({ smoothing: 'x' as never })).toThrow(input);
  expect(() => new Bleu({ maxOrder: 0 })).toThrow(input);
  expect(() => new Rouge({ types: ['rouge0' as never] })).toThrow(input);
  expect(() => new Rouge({ tokenizer: 'x' as never })).toThrow(input);
  expect(() => new Cider({ variant: 'x' as never })).toThrow(input);
  expect(() => new Meteor({ alpha: 2 })).toThrow(input);
  expect(() => new Bleu().merge(new Bleu({ lowercase: true }))).toThrow(
    expect.objectContaining({ code: 'E_MERGE' }),
  );
  expect(() => new Cider().merge(new Cider({ sigma: 5 }))).toThrow(
    expect.objectContaining({ code: 'E_MERGE' }),
  );
});

test('signatures tell varying reference counts', () => {
  const bleu = new Bleu();
  const other = new Bleu();
  bleu.update([{ hypothesis: 'a', references: ['a'] }]);
  other.update([{ hypothesis: 'a', references: ['a', 'b'] }]);
  bleu.merge(other);
  expect(bleu.signature()).toMatch(/^nrefs:var\|/);
});

test('a supplied tokenizer is used and named', () => {
  const flores = { name: 'flores200', tokenize: (line: string) => line.split('|') };
  const bleu = new Bleu({ tokenizer: flores });
  bleu.update([{ hypothesis: 'a|b|c|d', references: ['a|b|c|d'] }]);
  expect(bleu.compute().totals).toEqual([4, 3, 2, 1]);
  expect(bleu.signature()).toContain('tok:flores200');
  expect(tokenizer(flores)).toBe(flores);
  expect(segmenterTokenizer('th').tokenize('สวัสดีครับ').length).toBeGreaterThan(1);
});

test('LCS is symmetric and bounded', () => {
  const list = fc.array(fc.nat(4), { maxLength: 20 });
  fc.assert(
    fc.property(list, list, (a, b) => {
      expect(lcsLength(a, b)).toBe(lcsLength(b, a));
      expect(lcsLength(a, a)).toBe(a.length);
      expect(lcsLength(a, b)).toBeLessThanOrEqual(Math.min(a.length, b.length));
      expect(lcsLength([...a, 9], [...b, 9])).toBe(lcsLength(a, b) + 1);
    }),
  );
});

test('what is symmetric in hypothesis and reference', () => {
  fc.assert(
    fc.property(text, text, (a, b) => {
      const f1 = (hypothesis: string, reference: string) => {
        const { types } = corpusRouge([hypothesis], [reference], {
          types: ['rouge1', 'rouge2', 'rougeL'],
          tokenizer: 'unicode',
        });
        return Object.values(types).map((type) => type.f1);
      };
      expect(f1(a, b)).toEqual(f1(b, a));
      const edits = (x: string, y: string) => {
        const { substitutions, deletions, insertions } = editCounts([...x], [...y]);
        return substitutions + deletions + insertions;
      };
      expect(edits(a, b)).toBe(edits(b, a));
      // With one reference and beta 1 precision and recall trade places.
      const chrf = (x: string, y: string) => corpusChrf([x], [y], { beta: 1, whitespace: true }).score;
      if (a.length >= 6 && b.length >= 6) expect(chrf(a, b)).toBeCloseTo(chrf(b, a), 9);
    }),
  );
});

test('one image alone scores 0 with corpus idf, not with given idf', () => {
  const one = [{ hypothesis: 'a b the cat', references: ['a b the cat'] }];
  expect(score(new Cider(), one)).toBe(0);
  expect(score(new Cider({ documentFrequencies: frequencies }), one)).toBeGreaterThan(5);
  const corpus = [
    ...one,
    { hypothesis: 'the cat', references: ['the cat runs', 'a'] },
    { hypothesis: '好', references: ['好 今天'] },
  ];
  const own = documentFrequencies(corpus.map((s) => s.references));
  const metric = new Cider();
  metric.update(corpus);
  expect(score(new Cider({ documentFrequencies: own }), corpus)).toBeCloseTo(metric.compute().score, 12);
  expect(metric.interval().low).toBeLessThanOrEqual(metric.compute().score);
});

describe('diversity', () => {
  const texts = fc.array(text, { minLength: 2, maxLength: 8 });

  test('self-BLEU equals scoring each text against all others', () => {
    fc.assert(
      fc.property(texts, (list) => {
        const self = new SelfBleu();
        self.update(list);
        const { scores, score: mean } = self.compute();
        const naive = list.map((hypothesis, i) => sentenceBleu(hypothesis, list.toSpliced(i, 1)).score);
        for (const [i, value] of naive.entries()) expect(scores[i]).toBeCloseTo(value, 9);
        expect(mean).toBeCloseTo(naive.reduce((a, b) => a + b, 0) / list.length, 9);
      }),
    );
  });

  test('shards merge to one pass', () => {
    fc.assert(
      fc.property(texts, texts, (a, b) => {
        for (const make of [
          () => new DistinctN({ order: 1 }),
          () => new Repetition({ order: 1 }),
          () => new SelfBleu(),
        ]) {
          const whole = make();
          whole.update([...a, ...b]);
          const left = make();
          left.update(a);
          const right = make();
          right.update(b);
          left.merge(right as never);
          expect(left.compute()).toEqual(whole.compute());
          expect(whole.compute().score).toBeGreaterThanOrEqual(0);
        }
      }),
      { numRuns: 50 },
    );
  });

  test('the interval of distinct-n is the jackknife that leaves each text out', () => {
    fc.assert(
      fc.property(texts, texts, (a, b) => {
        const distinct = new DistinctN({ order: 1 });
        distinct.update(a);
        const rest = new DistinctN({ order: 1 });
        rest.update(b);
        distinct.merge(rest);
        const all = [...a, ...b];
        const slow = jackknifeInterval(
          all,
          (list) => {
            const metric = new DistinctN({ order: 1 });
            metric.update(list);
            return metric.compute().score;
          },
          { groups: all.length },
        );
        const fast = distinct.interval();
        expect(fast.low).toBeCloseTo(slow.low, 12);
        expect(fast.high).toBeCloseTo(slow.high, 12);
      }),
    );
  });

  test('extremes and misuse', () => {
    const distinct = new DistinctN({ order: 1 });
    expect(() => distinct.compute()).toThrow(expect.objectContaining({ code: 'E_EMPTY' }));
    distinct.update(['']);
    expect(distinct.compute().score).toBe(0);
    distinct.update(['a b c d']);
    expect(distinct.compute().score).toBe(1);
    expect(() => distinct.update([1 as never])).toThrow(expect.objectContaining({ code: 'E_INPUT' }));
    expect(() => distinct.merge(new DistinctN({ order: 2 }))).toThrow(
      expect.objectContaining({ code: 'E_MERGE' }),
    );
    const self = new SelfBleu();
    self.update(['a']);
    expect(() => self.compute()).toThrow(expect.objectContaining({ code: 'E_EMPTY' }));
    expect(() => self.update([null as never])).toThrow(expect.objectContaining({ code: 'E_INPUT' }));
    expect(() => self.merge(new SelfBleu({ lowercase: true }))).toThrow(
      expect.objectContaining({ code: 'E_MERGE' }),
    );
  });
});
