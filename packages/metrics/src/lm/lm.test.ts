import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fixture, type Json, near } from '../../test/fixture.js';
import {
  MultipleChoice,
  Perplexity,
  rollingLogLikelihood,
  rollingWindows,
  splitContext,
  type TokenRequest,
} from '../index.js';

const golden = fixture('qa').languageModel;
const code = (value: string) => expect.objectContaining({ code: value });

test('perplexities and bits per byte', () => {
  const metric = new Perplexity();
  metric.update(golden.samples);
  const result = metric.compute();
  for (const key of ['perplexity', 'bitsPerByte', 'bytePerplexity', 'wordPerplexity'] as const)
    near(result[key], golden[key]);
  metric.update([{ logLikelihood: -1, tokens: 1 }]);
  expect(metric.compute().bitsPerByte).toBeNaN();
  expect(() => metric.update([{ logLikelihood: Number.NaN, tokens: 1 }])).toThrow(code('E_NAN'));
  expect(() => metric.update([{ logLikelihood: -1, tokens: 0 }])).toThrow(code('E_INPUT'));
});

describe('rolling windows', () => {
  test.each(golden.windows as Json[])('$max, context $context', ({ tokens, max, context, windows }) => {
    expect(rollingWindows(tokens, 0, max, context).map((w) => [w.context, w.continuation])).toEqual(windows);
  });
  test('score every token once, within the limit', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(99)), fc.integer({ min: 1, max: 9 }), fc.nat(8), (tokens, max, back) => {
        const windows = rollingWindows(tokens, -1, max, Math.min(max, 1 + back));
        expect(windows.flatMap((w) => w.continuation)).toEqual(tokens);
        for (const w of windows) {
          expect(w.context.length).toBeGreaterThan(0);
          expect(w.context.length + w.continuation.length).toBeLessThanOrEqual(max + 1);
        }
      }),
    );
  });
  test('equals the unlimited model for a model that sees one token back', async () => {
    const bigram = (request: TokenRequest): number => {
      let last = request.context.at(-1)!;
      let sum = 0;
      for (const token of request.continuation) {
        sum -= Math.log(2 + ((last * 7 + token) % 5));
        last = token;
      }
      return sum;
    };
    const encode = (text: string): number[] => [...Buffer.from(text)];
    const text = 'the quick brown fox jumps';
    const options = {
      encode,
      prefixToken: 0,
      logLikelihood: (rs: readonly TokenRequest[]) => rs.map(bigram),
    };
    const whole = await rollingLogLikelihood(text, { ...options, maxLength: 1000 });
    const progress: number[] = [];
    const pieces = await rollingLogLikelihood(text, {
      ...options,
      maxLength: 4,
      batchSize: 2,
      onProgress: (done) => progress.push(done),
    });
    expect(pieces.tokens).toBe(whole.tokens);
    near(pieces.logLikelihood, whole.logLikelihood, 1e-12);
    expect(progress).toEqual([2, 4, 6, 7]);
    expect(await rollingLogLikelihood('', { ...options, maxLength: 4 })).toEqual({
      logLikelihood: 0,
      tokens: 0,
    });
  });
  test('misuse', async () => {
    expect(() => rollingWindows([1], 0, 2, 3)).toThrow(code('E_INPUT'));
    const base = { encode: () => [1, 2], prefixToken: 0, maxLength: 1 };
    await expect(rollingLogLikelihood('x', { ...base, logLikelihood: () => [] })).rejects.toThrow(
      code('E_INPUT'),
    );
    await expect(
      rollingLogLikelihood('x', { ...base, logLikelihood: (r) => r.map(() => Number.NaN) }),
    ).rejects.toThrow(code('E_NAN'));
    const aborted = { ...base, logLikelihood: () => [0], signal: AbortSignal.abort() };
    await expect(rollingLogLikelihood('x', aborted)).rejects.toThrow(code('E_ABORTED'));
  });
});

test('contexts give their trailing space away', () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), (a, b) => {
      const { context, continuation } = splitContext(a, b);
      expect(context + continuation).toBe(a + b);
      expect(context).toBe(context.trimEnd());
    }),
  );
});

describe('multiple choice', () => {
  test('normalisations', () => {
    const metric = new MultipleChoice('accBytes');
    metric.update([
      { gold: 0, choices: ['北京人', 'abcd'], logLikelihoods: [-6, -10], unconditional: [-1, -9] },
      { gold: 1, choices: ['北京人', 'abcdefgh'], logLikelihoods: [-6, -6.2], unconditional: [-6, -9] },
    ]);
    expect(metric.compute()).toEqual({
      score: 0.5,
      acc: 0.5,
      accNorm: 1,
      accBytes: 0.5,
      accMutualInformation: 0.5,
    });
    const bytes = new MultipleChoice();
    bytes.update([{ gold: 0, choices: ['北', 'ab'], logLikelihoods: [-3, -2.5] }]);
    expect(bytes.compute()).toMatchObject({ acc: 0, accNorm: 0, accBytes: 1 });
    expect(bytes.compute().accMutualInformation).toBeNaN();
  });
  test('adding a constant to all likelihoods changes no acc; ties take the first', () => {
    const lists = fc.array(fc.integer({ min: -50, max: -1 }), { minLength: 2, maxLength: 5 });
    fc.assert(
      fc.property(lists, fc.integer({ min: -9, max: 9 }), (lls, shift) => {
        const choices = lls.map((_, i) => `c${i}`);
        const acc = (values: number[]): number => {
          const metric = new MultipleChoice();
          metric.update([{ gold: 0, choices, logLikelihoods: values }]);
          return metric.compute().acc;
        };
        expect(acc(lls)).toBe(acc(lls.map((x) => x + shift)));
        expect(acc(lls.map(() => -1))).toBe(1);
      }),
    );
  });
  test('bad input', () => {
    const metric = new MultipleChoice();
    const good = { gold: 0, choices: ['a', 'b'], logLikelihoods: [-1, -2] };
    expect(() => metric.update([{ ...good, gold: 2 }])).toThrow(code('E_INPUT'));
    expect(() => metric.update([{ ...good, choices: ['a', ''] }])).toThrow(code('E_INPUT'));
    expect(() => metric.update([{ ...good, logLikelihoods: [-1] }])).toThrow(code('E_INPUT'));
    expect(() => metric.update([{ ...good, logLikelihoods: [-1, Number.NaN] }])).toThrow(code('E_NAN'));
    metric.update([{ ...good, logLikelihoods: [-1, -Infinity] }]);
    expect(metric.compute().acc).toBe(1);
  });
});
