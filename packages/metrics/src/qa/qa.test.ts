import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fixture, type Json, near } from '../../test/fixture.js';
import { type AnswerSample, Cmrc, normalizeAnswer, Squad, Squad2 } from '../index.js';

const golden = fixture('qa');

test('SQuAD 1.1', () => {
  const squad = new Squad();
  squad.update(golden.squad1);
  const rows = squad.rows();
  for (const [i, c] of golden.squad1.entries()) {
    expect(normalizeAnswer(c.prediction)).toBe(c.normal);
    expect(rows[2 * i]).toBe(c.exact);
    near(rows[2 * i + 1]!, c.f1);
  }
});

test('SQuAD 2.0 and its thresholds', () => {
  const { samples, summaries, best } = golden.squad2;
  for (const summary of summaries) {
    const squad = new Squad2({ threshold: summary.threshold });
    squad.update(samples);
    const result = squad.compute();
    near(result.exactMatch, summary.all[0]);
    near(result.f1, summary.all[1]);
    for (const [part, expected] of [
      [result.hasAnswer, summary.has] as const,
      [result.noAnswer, summary.no] as const,
    ]) {
      near(part.exactMatch, expected[0]);
      near(part.f1, expected[1]);
      expect(part.count).toBe(expected[2]);
    }
    const found = squad.bestThresholds();
    near(found.exactMatch.score, best[0][0]);
    near(found.exactMatch.threshold, best[0][1]);
    near(found.f1.score, best[1][0]);
    near(found.f1.threshold, best[1][1]);
  }
});

test('CMRC', () => {
  const cmrc = new Cmrc();
  cmrc.update(golden.cmrc);
  const rows = cmrc.rows();
  for (const [i, c] of (golden.cmrc as Json[]).entries()) {
    expect(rows[2 * i], c.prediction).toBe(c.exact);
    near(rows[2 * i + 1]!, c.f1);
  }
});

describe('laws', () => {
  const text = fc
    .array(fc.constantFrom('the', 'cat', '北京', 'a', 'x!', '12'), { maxLength: 5 })
    .map((w) => w.join(' '));
  const sample = fc.record({
    prediction: fc.option(text, { nil: undefined }),
    answers: fc.array(text, { minLength: 1, maxLength: 3 }),
  });
  const samples = fc.array(sample, { minLength: 1, maxLength: 8 });
  test.each([
    ['SQuAD', () => new Squad()],
    ['SQuAD 2.0', () => new Squad2()],
    ['CMRC', () => new Cmrc()],
  ] as const)('%s: bounds, merge, order', (_, make) => {
    fc.assert(
      fc.property(samples, samples, (a: AnswerSample[], b: AnswerSample[]) => {
        const whole = make();
        whole.update([...a, ...b]);
        const left = make();
        left.update([...b].reverse());
        const right = make();
        right.update(a);
        left.merge(right as never);
        expect(left.compute()).toEqual(whole.compute());
        const { f1, exactMatch } = whole.compute();
        expect(f1).toBeGreaterThanOrEqual(0);
        expect(f1).toBeLessThanOrEqual(100 + 1e-9);
        expect(exactMatch).toBeGreaterThanOrEqual(0);
        expect(exactMatch).toBeLessThanOrEqual(100);
      }),
    );
  });
  test('a gold answer predicted is perfect; normalising twice changes nothing', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (s) => {
        const squad = new Squad2();
        squad.update([{ prediction: s, answers: [s] }]);
        expect(squad.compute().exactMatch).toBe(100);
        expect(squad.compute().f1).toBeCloseTo(100, 9);
      }),
    );
    fc.assert(
      fc.property(text, (s) => {
        expect(normalizeAnswer(normalizeAnswer(s))).toBe(normalizeAnswer(s));
      }),
    );
  });
});

test('bad input', () => {
  const code = (value: string) => expect.objectContaining({ code: value });
  expect(() => new Squad().update([{ prediction: 'a', answers: [] }])).toThrow(code('E_INPUT'));
  expect(() => new Squad().update([{ prediction: 1 as never, answers: ['a'] }])).toThrow(code('E_INPUT'));
  expect(() =>
    new Squad2().update([{ prediction: '', answers: [], noAnswerProbability: Number.NaN }]),
  ).toThrow(code('E_NAN'));
  expect(() => new Squad().compute()).toThrow(code('E_EMPTY'));
  const unanswered = new Squad();
  unanswered.update([{ prediction: undefined, answers: ['a'] }]);
  expect(unanswered.compute().f1).toBe(0);
  expect(() => new Squad2().merge(new Squad2({ threshold: 0.5 }))).toThrow(code('E_MERGE'));
  const answerable = new Squad2();
  answerable.update([{ prediction: 'x', answers: ['x'] }]);
  expect(answerable.compute().noAnswer.f1).toBeNaN();
});
