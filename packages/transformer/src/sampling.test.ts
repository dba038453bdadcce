import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TransformerError } from './errors.js';
import {
  applyMinP,
  applyRepetitionPenalty,
  applyTemperature,
  applyTopK,
  applyTopP,
  chooseToken,
  greedyToken,
  type SamplingOptions,
  sampleToken,
  samplingOptions,
} from './sampling.js';

const fixture = JSON.parse(
  readFileSync(new URL('../test/fixtures/sampling.json', import.meta.url), 'utf8'),
) as {
  rows: Record<string, number[]>;
  cases: { row: string; options: SamplingOptions; seen: number[]; kept: (number | null)[] }[];
};

/** The steps of chooseToken without the draw. */
function process(logits: Float64Array, options: SamplingOptions, seen: number[]): Float64Array {
  const { temperature, topK, topP, minP, repetitionPenalty } = samplingOptions(options);
  applyRepetitionPenalty(logits, seen, repetitionPenalty);
  applyTemperature(logits, temperature);
  applyTopK(logits, topK);
  applyTopP(logits, topP);
  applyMinP(logits, minP);
  return logits;
}

const logits = fc
  .array(fc.double({ min: -30, max: 30, noNaN: true }), { minLength: 1, maxLength: 30 })
  .map((x) => Float64Array.from(x));
const kept = (x: Float64Array) => x.filter((v) => v > Number.NEGATIVE_INFINITY).length;
const softmax = (x: Float64Array) => {
  const e = x.map((v) => Math.exp(v - Math.max(...x)));
  const total = e.reduce((a, b) => a + b);
  return e.map((v) => v / total);
};

describe('processing of logits', () => {
  it('keeps what transformers keeps, ties counted', () => {
    expect(fixture.cases.length).toBeGreaterThan(40);
    for (const { row, options, seen, kept } of fixture.cases) {
      const got = process(Float64Array.from(fixture.rows[row]!), options, seen);
      const label = `${row} ${JSON.stringify(options)}`;
      // Which of equally likely tokens top-p drops is left to the sort, so only their values are compared.
      const values = (x: Iterable<number | null>) =>
        [...x].map((v) => v ?? Number.NEGATIVE_INFINITY).sort((a, b) => a - b);
      const [a, b] = 'topP' in options ? [values(got), values(kept)] : [[...got], kept];
      a.forEach((v, i) => {
        expect(v, `${label} at ${i}`).toBeCloseTo(b[i] ?? Number.NEGATIVE_INFINITY, 8);
      });
    }
  });

  it('top-k keeps the k largest and their equals', () => {
    fc.assert(
      fc.property(logits, fc.integer({ min: 1, max: 40 }), (x, k) => {
        const y = x.slice();
        applyTopK(y, k);
        const limit = x.slice().sort().reverse()[Math.min(k, x.length) - 1]!;
        expect(y).toEqual(x.map((v) => (v >= limit ? v : Number.NEGATIVE_INFINITY)));
      }),
    );
  });

  it('top-p keeps the smallest set that reaches p', () => {
    fc.assert(
      fc.property(logits, fc.double({ min: 0.01, max: 0.99, noNaN: true }), (x, p) => {
        const y = x.slice();
        applyTopP(y, p);
        const probabilities = softmax(x);
        const inside = probabilities.filter((_, i) => y[i]! > Number.NEGATIVE_INFINITY);
        const mass = inside.reduce((a, b) => a + b, 0);
        expect(mass).toBeGreaterThanOrEqual(p - 1e-9);
        expect(mass - Math.min(...inside)).toBeLessThan(p + 1e-9);
        expect(Math.min(...inside)).toBeGreaterThanOrEqual(
          Math.max(0, ...probabilities.filter((_, i) => y[i] === Number.NEGATIVE_INFINITY)),
        );
      }),
    );
  });

  it('min-p keeps at least the likeliest', () => {
    fc.assert(
      fc.property(logits, fc.double({ min: 0, max: 1, noNaN: true }), (x, p) => {
        const y = x.slice();
        applyMinP(y, p);
        expect(kept(y)).toBeGreaterThan(0);
        expect(y.includes(Math.max(...x))).toBe(true);
      }),
    );
  });
});

describe('the choice of a token', () => {
  it('is the first of the likeliest at temperature 0, and draws nothing', () => {
    const draw = () => {
      throw new Error('drawn');
    };
    expect(chooseToken(Float64Array.of(1, 3, 3, 2), [], { temperature: 0 }, draw)).toBe(1);
    expect(greedyToken(Float32Array.of(Number.NEGATIVE_INFINITY, -5))).toBe(1);
    // The penalty counts before: 3 / 2 < 2.
    expect(chooseToken(Float64Array.of(1, 3, 2), [1], { temperature: 0, repetitionPenalty: 2 }, draw)).toBe(
      2,
    );
  });

  it('has the probabilities of the softmax', () => {
    fc.assert(
      fc.property(logits, fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (x, u) => {
        const p = softmax(x);
        const id = sampleToken(x, u);
        const below = p.slice(0, id).reduce((a, b) => a + b, 0);
        expect(below).toBeLessThanOrEqual(u + 1e-12);
        expect(below + p[id]!).toBeGreaterThan(u - 1e-12);
        expect(p[id]).toBeGreaterThan(0);
      }),
    );
  });

  it('never falls on a removed token', () => {
    const x = Float64Array.of(
      Number.NEGATIVE_INFINITY,
      0,
      Number.NEGATIVE_INFINITY,
      0,
      Number.NEGATIVE_INFINITY,
    );
    for (const u of [0, 0.25, 0.5, 0.75, 1 - Number.EPSILON / 2]) expect([1, 3]).toContain(sampleToken(x, u));
  });

  it('refuses logits that are not numbers', () => {
    for (const x of [[Number.NaN, 1], [Number.NEGATIVE_INFINITY], [Number.POSITIVE_INFINITY, 0]])
      for (const temperature of [0, 1])
        expect(() => chooseToken(Float64Array.from(x), [], { temperature }, () => 0)).toThrow(
          TransformerError,
        );
  });

  it.each<[SamplingOptions, RegExp]>([
    [{ temperature: -1 }, /^temperature: .*received -1/],
    [{ temperature: Number.NaN }, /temperature/],
    [{ temperature: Number.POSITIVE_INFINITY }, /temperature/],
    [{ topK: 1.5 }, /topK/],
    [{ topK: -1 }, /topK/],
    [{ topP: 0 }, /topP/],
    [{ topP: 1.1 }, /topP/],
    [{ minP: -0.1 }, /minP/],
    [{ repetitionPenalty: 0 }, /repetitionPenalty/],
  ])('refuses %j', (options, message) => {
    expect(() => samplingOptions(options)).toThrow(message);
  });
});
