import { describe, expect, test } from 'vitest';
import { fixture, type Json, near } from '../test/fixture.js';
import * as m from './index.js';

const golden = fixture('definitions');

describe('self-BLEU by scoring each text against all others', () => {
  test.each(golden.selfBleu as Json[])('$options', ({ options, texts, scores, mean }) => {
    const metric = new m.SelfBleu({
      ...(options.tokenize && { tokenizer: options.tokenize }),
      ...(options.smooth_method && { smoothing: options.smooth_method }),
      ...(options.lowercase && { lowercase: true }),
      ...(options.max_ngram_order && { maxOrder: options.max_ngram_order }),
      effectiveOrder: options.effective_order ?? false,
    });
    metric.update(texts);
    const result = metric.compute();
    near(result.score, mean);
    expect(result.scores).toHaveLength(scores.length);
    for (const [i, score] of result.scores.entries()) near(score, scores[i]);
  });
});

test("distinct-n and repetition by NLTK's n-grams", () => {
  const { texts, orders } = golden.diversity;
  for (const { order, distinct, total, score, repetition } of orders) {
    const [pooled, within] = [new m.DistinctN({ order }), new m.Repetition({ order })];
    pooled.update(texts);
    within.update(texts);
    expect(pooled.compute()).toMatchObject({ distinct, total });
    near(pooled.compute().score, score, 1e-15);
    near(within.compute().score, repetition);
  }
});

test("CLIPScore, recall@k and Winoground's scores", () => {
  const { image, text, clip, scores, relevant, recall, meanRank, squares, winoground } = golden.alignment;
  const clipScore = new m.ClipScore();
  clipScore.update(image.map((vector: number[], i: number) => ({ image: vector, text: text[i] })));
  near(clipScore.compute().score, clip);
  const retrieval = new m.Retrieval({ k: [1, 5, 10] });
  retrieval.update(scores.map((row: number[], i: number) => ({ scores: row, relevant: relevant[i] })));
  near(retrieval.compute().meanRank, meanRank);
  for (const k of [1, 5, 10]) near(retrieval.compute().recall[k]!, recall[k]);
  const matching = new m.ImageTextMatching();
  matching.update(squares.map((pair: number[][]) => ({ scores: pair })));
  for (const key of ['text', 'image', 'group'] as const) near(matching.compute()[key], winoground[key]);
});

test('Elo, win rate and sign test', () => {
  const { matches, k, initial, ratings, outcomes, winRate, signTest } = golden.elo;
  for (const { name, rating } of m.elo(matches, { k, initial, resamples: 40 })) near(rating, ratings[name]);
  const result = m.winRate(outcomes);
  near(result.winRate, winRate);
  near(result.pValue, signTest);
});

test('toxicity, bias and memorisation', () => {
  const { scores, toxicity, first, second, bias, likelihoods, stereotype } = golden.safety;
  const toxic = new m.Toxicity();
  toxic.update(scores.map((list: number[]) => ({ scores: list })));
  const counterfactual = new m.CounterfactualBias();
  counterfactual.update(first.map((x: number, i: number) => ({ first: x, second: second[i] })));
  for (const [result, expected] of [
    [toxic.compute(), toxicity],
    [counterfactual.compute(), bias],
  ] as const)
    for (const [key, value] of Object.entries(expected)) near((result as Json)[key], value as number);
  const preference = new m.StereotypePreference();
  preference.update(
    likelihoods.map(([stereotypical, antiStereotypical]: number[]) => ({ stereotypical, antiStereotypical })),
  );
  near(preference.compute().share, stereotype);

  const { training, generated, memorisation, longest } = golden.safety;
  const index = new m.NgramIndex(memorisation.order);
  for (const text of training) index.add(text);
  const memory = new m.Memorisation(index);
  memory.update(generated);
  near(memory.compute().score, memorisation.score);
  near(memory.compute().affected, memorisation.affected);
  for (const [i, text] of generated.entries())
    expect(index.overlap(text).longest).toBeGreaterThanOrEqual(longest[i]);
});

test('intervals and tests over clusters by expanding every resample', () => {
  const { values, other, clusters, interval, paired, randomization, jackknife } = golden.resampling;
  const [a, b] = [new m.Mean(), new m.Mean()];
  a.update(values);
  b.update(other);
  const options = { seed: 7, resamples: 200, clusters };
  near(a.interval(options).low, interval[0]);
  near(a.interval(options).high, interval[1]);
  const mean = (xs: readonly number[]): number => xs.reduce((sum, x) => sum + x, 0) / xs.length;
  near(m.bootstrapInterval<number>(values, mean, options).low, interval[0]);
  const result = m.pairedBootstrap(a, b, options);
  near(result.pValue, paired.p);
  near(result.interval.low, paired.interval[0]);
  near(result.interval.high, paired.interval[1]);
  near(m.approximateRandomization(a, b, { seed: 7, trials: 300, clusters }).pValue, randomization);
  near(m.jackknifeInterval<number>(values, mean).low, jackknife[0]);
  near(m.jackknifeInterval<number>(values, mean).high, jackknife[1]);
});
