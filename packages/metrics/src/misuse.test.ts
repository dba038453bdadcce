import { describe, expect, test } from 'vitest';
import * as m from './index.js';

/** Every accumulator of the package, with a sample that is missing its parts. */
const accumulators: Record<string, () => { update(batch: never): void; merge(other: never): void }> = {
  Mean: () => new m.Mean(),
  Bleu: () => new m.Bleu(),
  Chrf: () => new m.Chrf(),
  Ter: () => new m.Ter(),
  Rouge: () => new m.Rouge(),
  Cider: () => new m.Cider(),
  Meteor: () => new m.Meteor(),
  WordErrorRate: () => new m.WordErrorRate(),
  DistinctN: () => new m.DistinctN(),
  Repetition: () => new m.Repetition(),
  SelfBleu: () => new m.SelfBleu(),
  Classification: () => new m.Classification(),
  TopKAccuracy: () => new m.TopKAccuracy(),
  LogLoss: () => new m.LogLoss(),
  Brier: () => new m.Brier(),
  CalibrationError: () => new m.CalibrationError(),
  BinaryRanking: () => new m.BinaryRanking(),
  Squad: () => new m.Squad(),
  Squad2: () => new m.Squad2(),
  Cmrc: () => new m.Cmrc(),
  Perplexity: () => new m.Perplexity(),
  MultipleChoice: () => new m.MultipleChoice(),
  FrechetDistance: () => new m.FrechetDistance(),
  KernelDistance: () => new m.KernelDistance(),
  InceptionScore: () => new m.InceptionScore(),
  Ssim: () => new m.Ssim({ dataRange: 1 }),
  MultiScaleSsim: () => new m.MultiScaleSsim({ dataRange: 1 }),
  Psnr: () => new m.Psnr({ dataRange: 1 }),
  ClipScore: () => new m.ClipScore(),
  Retrieval: () => new m.Retrieval(),
  ImageTextMatching: () => new m.ImageTextMatching(),
  Toxicity: () => new m.Toxicity(),
  CounterfactualBias: () => new m.CounterfactualBias(),
  StereotypePreference: () => new m.StereotypePreference(),
  RefusalRate: () => new m.RefusalRate(),
  PiiLeakage: () => new m.PiiLeakage(),
  Memorisation: () => new m.Memorisation(new m.NgramIndex(2)),
};

test('the list above is complete', () => {
  const exported = Object.entries(m)
    .filter(
      ([, value]) =>
        typeof value === 'function' && 'update' in ((value as { prototype?: object }).prototype ?? {}),
    )
    .map(([name]) => name)
    .filter((name) => name !== 'AdditiveMetric');
  expect(Object.keys(accumulators).sort()).toEqual(exported.sort());
});

describe.each(Object.entries(accumulators))('%s', (_, make) => {
  test.each([
    ['null for a sample', [null]],
    ['undefined for a sample', [undefined]],
    ['an empty object for a sample', [{}]],
    ['a symbol for a sample', [Symbol('x')]],
    ['an object for a batch', {}],
    ['null for a batch', null],
  ])('%s is refused with a typed error', (_name, batch) => {
    expect(() => make().update(batch as never)).toThrow(m.MetricError);
  });
});

test('merging large shards does not overflow the stack', () => {
  const size = 300_000;
  const ranking = new m.BinaryRanking();
  const shard = new m.BinaryRanking();
  shard.update(Array.from({ length: size }, (_, i) => ({ label: i >= size / 2, score: i })));
  ranking.merge(shard);
  expect(ranking.compute().score).toBe(1);
  const inception = new m.InceptionScore({ splits: 1 });
  inception.update(Array.from({ length: size }, () => [1, 0]));
  const other = new m.InceptionScore({ splits: 1 });
  other.merge(inception);
  expect(other.compute().score).toBe(1);
});
