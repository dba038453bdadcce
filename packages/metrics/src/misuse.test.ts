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

test('an accumulator merged with itself counts everything twice', () => {
  const text = { hypothesis: 'a b c', references: ['a b d'] };
  const cider = new m.Cider();
  cider.update([text, { hypothesis: 'x', references: ['x y'] }]);
  cider.merge(cider);
  expect(cider.count).toBe(4);
  expect(cider.compute().scores).toHaveLength(4);
  const bleu = new m.Bleu();
  bleu.update([text]);
  bleu.merge(bleu);
  expect([bleu.count, bleu.compute().hypothesisLength, bleu.rows().length]).toEqual([2, 6, 20]);
  const self = new m.SelfBleu();
  self.update(['a', 'b']);
  self.merge(self);
  expect(self.compute().scores).toHaveLength(4);
  const classes = new m.Classification();
  classes.update([{ label: 'a', prediction: 'b' }]);
  classes.merge(classes);
  expect(classes.compute().matrix).toEqual([
    [0, 2],
    [0, 0],
  ]);
  const ranking = new m.BinaryRanking();
  ranking.update([
    { label: true, score: 1 },
    { label: false, score: 0 },
  ]);
  ranking.merge(ranking);
  expect(ranking.compute().positives).toBe(2);
  const fid = new m.FrechetDistance();
  for (const real of [true, false]) fid.update([[0], [real ? 2 : 4]].map((features) => ({ features, real })));
  fid.merge(fid);
  expect(fid.compute().score).toBeCloseTo(1 + (Math.sqrt(4 / 3) - Math.sqrt(16 / 3)) ** 2, 12);
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
