import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fixture, type Json, near } from '../../test/fixture.js';
import {
  averagePrecision,
  BinaryRanking,
  Brier,
  CalibrationError,
  Classification,
  classify,
  LogLoss,
  MulticlassRanking,
  multiclassRocAuc,
  Pcg64,
  type ProbabilitySample,
  precisionRecallCurve,
  rocAuc,
  rocCurve,
  TopKAccuracy,
} from '../index.js';

const golden = fixture('classification');

describe('equal to scikit-learn', () => {
  test.each(golden.labelled as Json[])('confusion scores %#', (c) => {
    const result = classify(c.labels, c.predictions);
    near(result.accuracy, c.accuracy);
    for (const average of ['micro', 'macro', 'weighted'] as const) {
      const { precision, recall, f1 } = result[average];
      [precision, recall, f1].forEach((value, i) => {
        near(value, c[average][i]);
      });
    }
    for (const [k, scores] of result.perClass.entries()) {
      const { precision, recall, f1, support } = scores;
      [precision, recall, f1, support].forEach((value, i) => {
        near(value, c.perClass[k][i]);
      });
    }
    expect(result.matrix).toEqual(c.matrix);
    near(result.mcc, c.mcc);
    for (const weights of ['none', 'linear', 'quadratic'] as const) {
      const expected = c.kappa[weights === 'none' ? 'None' : weights];
      near(classify(c.labels, c.predictions, { kappaWeights: weights }).kappa, expected);
    }
  });

  test.each(golden.probabilities as Json[])('probabilities of $classes classes', (c) => {
    const samples: ProbabilitySample[] = c.labels.map((label: number, i: number) => ({
      label,
      probabilities: c.probabilities[i],
    }));
    const over = <R>(metric: { update(s: ProbabilitySample[]): void; compute(): R }): R => {
      metric.update(samples);
      return metric.compute();
    };
    near(over(new LogLoss()).score, c.logLoss);
    near(over(new Brier()).score, c.brier);
    for (const [bins, [l1, max]] of Object.entries<[number, number]>(c.ece)) {
      const result = over(new CalibrationError({ bins: Number(bins) }));
      near(result.score, l1);
      near(result.maximum, max);
    }
    const scored = samples.map(({ label }, i) => ({ label, scores: c.probabilities[i] }));
    for (const [k, expected] of Object.entries<number>(c.topK)) {
      const metric = new TopKAccuracy({ k: Number(k) });
      metric.update(scored);
      near(metric.compute().score, expected);
    }
    for (const [key, expected] of Object.entries<number>(c.auc ?? {})) {
      const [scheme, average] = key.split(' ') as ['ovr', 'macro'];
      near(multiclassRocAuc(scored, { scheme, average }), expected);
    }
  });

  test.each(golden.ranking as Json[])('ranking %#', (c) => {
    near(rocAuc(c.labels, c.scores), c.rocAuc);
    near(averagePrecision(c.labels, c.scores), c.averagePrecision);
    const roc = rocCurve(c.labels, c.scores);
    expect(roc.falsePositiveRate).toEqual(c.fpr);
    expect(roc.truePositiveRate).toEqual(c.tpr);
    const pr = precisionRecallCurve(c.labels, c.scores);
    // scikit-learn's curve starts where recall first reaches 1; ours goes on to the loosest threshold.
    const reach = pr.recall.indexOf(1) + 1;
    expect(pr.precision.slice(0, c.precision.length)).toEqual(c.precision);
    expect(pr.recall.slice(0, reach)).toEqual(c.recall.slice(0, reach));
  });
});

describe('laws', () => {
  const pair = fc.record({ label: fc.nat(3), prediction: fc.nat(3) });
  const pairs = fc.array(pair, { minLength: 1, maxLength: 40 });
  const probability = fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 3, maxLength: 3 }).map((xs) => {
    const sum = xs.reduce((a, b) => a + b, 0);
    return xs.map((x) => x / sum);
  });
  const samples = fc.array(fc.record({ label: fc.nat(2), probabilities: probability }), {
    minLength: 1,
    maxLength: 30,
  });

  test('confusion: bounds, merge, order, perfection, symmetry', () => {
    fc.assert(
      fc.property(pairs, pairs, fc.nat(), (a, b, seed) => {
        const whole = new Classification();
        whole.update([...a, ...b]);
        const left = new Classification();
        left.update(new Pcg64(seed).shuffle([...b]));
        const right = new Classification();
        right.update(a);
        left.merge(right);
        const result = whole.compute();
        expect(left.compute()).toEqual(result);
        for (const value of [result.accuracy, result.macro.f1, result.weighted.precision]) {
          expect(value).toBeGreaterThanOrEqual(0);
          expect(value).toBeLessThanOrEqual(1 + 1e-12);
        }
        expect(Math.abs(result.mcc)).toBeLessThanOrEqual(1 + 1e-12);
        const labels = a.map((s) => s.label);
        const predictions = a.map((s) => s.prediction);
        near(classify(labels, predictions).mcc, classify(predictions, labels).mcc, 1e-12);
        expect(classify(labels, labels).macro.f1).toBe(1);
      }),
    );
  });

  test('probability metrics merge to one pass and stay in bounds', () => {
    fc.assert(
      fc.property(samples, samples, (a, b) => {
        for (const make of [
          () => new LogLoss(),
          () => new Brier(),
          () => new CalibrationError({ bins: 7 }),
        ]) {
          const whole = make();
          whole.update([...a, ...b]);
          const left = make();
          left.update(b);
          const right = make();
          right.update(a);
          left.merge(right as never);
          expect(left.compute()).toEqual(whole.compute());
          expect(whole.compute().score).toBeGreaterThanOrEqual(0);
        }
      }),
    );
  });

  test('ROC-AUC ignores monotone transforms, turns over under negation, ignores order', () => {
    const ranked = fc.array(fc.record({ label: fc.boolean(), score: fc.integer({ min: -9, max: 9 }) }), {
      maxLength: 30,
    });
    fc.assert(
      fc.property(ranked, (list) => {
        const all = [...list, { label: true, score: 0 }, { label: false, score: 1 }];
        const area = (f: (x: number) => number, items = all): number =>
          rocAuc(
            items.map((s) => s.label),
            items.map((s) => f(s.score)),
          );
        const value = area((x) => x);
        expect(area((x) => Math.atan(x) * 3 + 1)).toBe(value);
        expect(area((x) => -x)).toBeCloseTo(1 - value, 12);
        expect(area((x) => x, [...all].reverse())).toBe(value);
        const left = new BinaryRanking();
        left.update(all.slice(0, 1));
        const right = new BinaryRanking();
        right.update(all.slice(1));
        left.merge(right);
        expect(left.compute().score).toBe(value);
      }),
    );
  });

  test('intervals cover the score', () => {
    const generator = new Pcg64(3);
    const metric = new Classification({ headline: 'macroF1' });
    const ranking = new BinaryRanking('averagePrecision');
    for (let i = 0; i < 60; i++) {
      const label = generator.below(3);
      metric.update([{ label, prediction: generator.random() < 0.7 ? label : generator.below(3) }]);
      ranking.update([{ label: label > 0, score: label + 2 * generator.random() }]);
    }
    for (const [{ low, high }, { score }] of [
      [metric.interval(), metric.compute()],
      [ranking.interval(), ranking.compute()],
    ] as const) {
      expect(low).toBeLessThan(score);
      expect(high).toBeGreaterThanOrEqual(score);
    }
    expect(metric.interval()).toEqual(metric.interval());
  });
});

describe('bad input', () => {
  const code = (value: string) => expect.objectContaining({ code: value });
  test('a class never seen counts as zero; an unlisted one is refused', () => {
    const metric = new Classification({ classes: ['a', 'b', 'c'] });
    metric.update([{ label: 'a', prediction: 'a' }]);
    expect(metric.compute().macro.f1).toBeCloseTo(1 / 3, 12);
    expect(() => metric.update([{ label: 'd', prediction: 'a' }])).toThrow(code('E_INPUT'));
    expect(() => new Classification({ classes: ['a', 'a'] })).toThrow(code('E_INPUT'));
    expect(() => metric.merge(new Classification())).toThrow(code('E_MERGE'));
  });
  test('one class only', () => {
    const result = classify(['a', 'a'], ['a', 'a']);
    expect(result.mcc).toBe(0);
    expect(result.kappa).toBeNaN();
    expect(() => rocAuc([true], [1])).toThrow(code('E_EMPTY'));
    expect(() => averagePrecision([false], [1])).toThrow(code('E_EMPTY'));
  });
  test('NaN, lengths, ranges, nothing', () => {
    expect(() => classify([0], [])).toThrow(code('E_INPUT'));
    expect(() => classify([Number.NaN], [0])).toThrow(code('E_INPUT'));
    expect(() => new Classification().compute()).toThrow(code('E_EMPTY'));
    expect(() => rocAuc([true, false], [1, Number.NaN])).toThrow(code('E_NAN'));
    expect(() => new BinaryRanking().update([{ label: true, score: Number.NaN }])).toThrow(code('E_NAN'));
    expect(() => new BinaryRanking().update([{ label: 1 as never, score: 1 }])).toThrow(code('E_INPUT'));
    expect(() => new BinaryRanking().compute()).toThrow(code('E_EMPTY'));
    expect(() => new Brier().update([{ label: 1, probabilities: [0.5, 0.6] }])).toThrow(code('E_INPUT'));
    expect(() => new Brier().update([{ label: 2, probabilities: [0.5, 0.5] }])).toThrow(code('E_INPUT'));
    expect(() => new LogLoss().update([{ label: 0, probabilities: [Number.NaN, 1] }])).toThrow(code('E_NAN'));
    expect(() => new TopKAccuracy({ k: 0 })).toThrow(code('E_INPUT'));
    expect(() =>
      multiclassRocAuc([
        { label: 0, scores: [1, 2] },
        { label: 0, scores: [1] },
      ]),
    ).toThrow(code('E_INPUT'));
    expect(() => new MulticlassRanking({ scheme: 'x' as never })).toThrow(code('E_INPUT'));
    const oneClass = new MulticlassRanking();
    oneClass.update([{ label: 0, scores: [1, 2] }]);
    expect(() => oneClass.compute()).toThrow(code('E_EMPTY'));
    expect(() => oneClass.interval()).toThrow(code('E_EMPTY'));
    expect(() => oneClass.merge(new MulticlassRanking({ scheme: 'ovo' }))).toThrow(code('E_MERGE'));
    const sure = new LogLoss();
    sure.update([{ label: 0, probabilities: 1 }]);
    near(sure.compute().score, 52 * Math.LN2, 1e-12);
  });
});
