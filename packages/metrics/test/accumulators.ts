import fc from 'fast-check';
import * as m from '../src/index.js';

/** An accumulator of the package and what the laws need to know about it. */
export interface Accumulator {
  make(): m.Metric<never, m.Scored>;
  /** Its samples. */
  readonly sample: fc.Arbitrary<unknown>;
  /** Samples added to every batch, so that a score exists (both classes, two of each side). */
  readonly always?: readonly unknown[];
  /** Least and largest score. */
  readonly bounds: readonly [number, number];
  /** Whether the score depends on the order of samples. */
  readonly ordered?: boolean;
  /** Allowed relative difference between shards and one pass; 0 where sums are exact. */
  readonly rounding?: number;
  /** Whether its interval cannot honour clusters. */
  readonly clusterless?: boolean;
  /** Batches that agree perfectly, and what they score. */
  readonly perfect?: readonly [samples: fc.Arbitrary<readonly unknown[]>, score: number];
}

const word = fc.constantFrom(
  'a',
  'the',
  'cat',
  'runs',
  '今天',
  '好',
  '3.5',
  'x-y',
  '😀',
  'é',
  'idiot',
  "I can't",
);
const text = fc.oneof(
  { weight: 3, arbitrary: fc.array(word, { maxLength: 9 }).map((words) => words.join(' ')) },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 20 }) },
);
const pair = fc.record({ hypothesis: text, references: fc.array(text, { minLength: 1, maxLength: 3 }) });
const samePairs = fc
  .array(fc.array(word, { minLength: 4, maxLength: 8 }), { minLength: 1, maxLength: 4 })
  .map((lists) => lists.map((words) => ({ hypothesis: words.join(' '), references: [words.join(' ')] })));
const number = fc.double({ noNaN: true, min: -100, max: 100 });
const share = fc.double({ noNaN: true, min: 0, max: 1 });
const distribution = fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 3, maxLength: 3 }).map((xs) => {
  const sum = xs.reduce((a, b) => a + b, 0);
  return xs.map((x) => x / sum);
});
const scores = fc.array(number, { minLength: 3, maxLength: 3 });
const onePerClass = [0, 1, 2].map((label) => ({ label, scores: [0, 1, 2].map((k) => Number(k === label)) }));
const probable = fc.record({ label: fc.nat(2), probabilities: distribution });
const sure = many(fc.nat(2)).map((labels) =>
  labels.map((label) => ({ label, probabilities: [0, 1, 2].map((k) => Number(k === label)) })),
);
const answer = fc.record({
  prediction: fc.option(text, { nil: undefined }),
  answers: fc.array(text, { minLength: 1, maxLength: 3 }),
});
const sameAnswers = many(fc.constantFrom('cat', 'Paris 3', '北京', 'New York')).map((list) =>
  list.map((prediction) => ({ prediction, answers: ['x', prediction] })),
);
const features = fc.array(fc.integer({ min: -20, max: 20 }), { minLength: 2, maxLength: 2 });
const featured = fc.record({ features, real: fc.boolean() });
const bothSides = [
  [0, 1],
  [1, 0],
  [2, 3],
].flatMap((list) => [true, false].map((real) => ({ features: list, real })));
const picture = (size: number) =>
  fc.nat(1000).map((seed) => ({
    data: Float64Array.from({ length: size * size }, (_, i) => ((i * 7919 + seed * 104729) % 1009) / 1009),
    channels: 1,
    height: size,
    width: size,
  }));
const pictures = (size: number) => fc.record({ prediction: picture(size), target: picture(size) });
const samePictures = (size: number) => picture(size).map((image) => [{ prediction: image, target: image }]);
const vector = features.filter((v) => v.some((x) => x !== 0));
const ratings = fc.array(fc.option(fc.nat(3)), { minLength: 2, maxLength: 4 });

function many<T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T[]> {
  return fc.array(arbitrary, { minLength: 1, maxLength: 6 });
}

const index = new m.NgramIndex(2);
index.add('the cat runs 今天');

/** Every accumulator that the package exports, by class name. */
export const ACCUMULATORS: Readonly<Record<string, Accumulator>> = {
  Mean: { make: () => new m.Mean(), sample: number, bounds: [-100, 100] },
  Bleu: { make: () => new m.Bleu(), sample: pair, bounds: [0, 100], perfect: [samePairs, 100] },
  Chrf: { make: () => new m.Chrf(), sample: pair, bounds: [0, 100], perfect: [samePairs, 100] },
  Ter: { make: () => new m.Ter(), sample: pair, bounds: [0, Infinity], perfect: [samePairs, 0] },
  Rouge: {
    make: () => new m.Rouge({ tokenizer: 'unicode' }),
    sample: pair,
    bounds: [0, 1],
    perfect: [samePairs.map((list) => [...list, { hypothesis: '今天', references: ['今天'] }].slice(-1)), 1],
  },
  Cider: { make: () => new m.Cider(), sample: pair, bounds: [0, 10] },
  Meteor: { make: () => new m.Meteor(), sample: pair, bounds: [0, 1] },
  WordErrorRate: {
    make: () => new m.WordErrorRate(),
    sample: pair,
    bounds: [0, Infinity],
    perfect: [samePairs, 0],
  },
  DistinctN: { make: () => new m.DistinctN(), sample: text, bounds: [0, 1] },
  Repetition: { make: () => new m.Repetition({ order: 1 }), sample: text, bounds: [0, 1] },
  SelfBleu: {
    make: () => new m.SelfBleu(),
    sample: text,
    always: ['a cat runs', 'the cat', 'x'],
    bounds: [0, 100],
    perfect: [word.map((w) => [`a ${w} the cat`, `a ${w} the cat`]), 100],
  },
  Classification: {
    make: () => new m.Classification({ headline: 'macroF1' }),
    sample: fc.record({ label: fc.nat(3), prediction: fc.nat(3) }),
    bounds: [0, 1],
    perfect: [many(fc.nat(3)).map((list) => list.map((label) => ({ label, prediction: label }))), 1],
  },
  TopKAccuracy: {
    make: () => new m.TopKAccuracy({ k: 2 }),
    sample: fc.record({ label: fc.nat(2), scores }),
    bounds: [0, 1],
    perfect: [
      many(fc.nat(2)).map((list) =>
        list.map((label) => ({ label, scores: [label, 0, 0].map((_, k) => Number(k === label)) })),
      ),
      1,
    ],
  },
  LogLoss: {
    make: () => new m.LogLoss(),
    sample: probable,
    bounds: [0, 37],
    perfect: [sure, 52 * Number.EPSILON],
  },
  Brier: { make: () => new m.Brier(), sample: probable, bounds: [0, 2], perfect: [sure, 0] },
  CalibrationError: {
    make: () => new m.CalibrationError(),
    sample: probable,
    bounds: [0, 1],
    perfect: [sure, 0],
  },
  BinaryRanking: {
    make: () => new m.BinaryRanking(),
    sample: fc.record({ label: fc.boolean(), score: number }),
    always: [
      { label: true, score: 1 },
      { label: false, score: 0 },
    ],
    bounds: [0, 1],
    perfect: [
      many(fc.boolean()).map((list) =>
        [true, false, ...list].map((label) => ({ label, score: Number(label) })),
      ),
      1,
    ],
  },
  MulticlassRanking: {
    make: () => new m.MulticlassRanking(),
    sample: fc.record({ label: fc.nat(2), scores }),
    always: onePerClass,
    bounds: [0, 1],
    perfect: [fc.constant(onePerClass), 1],
  },
  Squad: { make: () => new m.Squad(), sample: answer, bounds: [0, 100], perfect: [sameAnswers, 100] },
  Squad2: { make: () => new m.Squad2(), sample: answer, bounds: [0, 100], perfect: [sameAnswers, 100] },
  Cmrc: { make: () => new m.Cmrc(), sample: answer, bounds: [0, 100], perfect: [sameAnswers, 100] },
  Perplexity: {
    make: () => new m.Perplexity(),
    sample: fc.record({
      logLikelihood: share.map((x) => -9 * x),
      tokens: fc.integer({ min: 1, max: 9 }),
      text,
    }),
    bounds: [1, Infinity],
    perfect: [fc.constant([{ logLikelihood: 0, tokens: 3 }]), 1],
  },
  MultipleChoice: {
    make: () => new m.MultipleChoice(),
    sample: fc.record({
      gold: fc.nat(2),
      choices: fc.constant(['a', '北京', 'ccc']),
      logLikelihoods: scores.map((list) => list.map((x) => -Math.abs(x))),
    }),
    bounds: [0, 1],
    perfect: [fc.constant([{ gold: 1, choices: ['a', 'b'], logLikelihoods: [-Infinity, 0] }]), 1],
  },
  FrechetDistance: {
    make: () => new m.FrechetDistance({ groups: 3 }),
    clusterless: true,
    sample: featured,
    always: [...bothSides, ...bothSides],
    bounds: [0, Infinity],
    rounding: 1e-9,
    perfect: [fc.constant(bothSides), 0],
  },
  KernelDistance: {
    make: () => new m.KernelDistance({ subsets: 40, subsetSize: 2 }),
    clusterless: true,
    sample: featured,
    always: bothSides,
    bounds: [-Infinity, Infinity],
    ordered: true,
  },
  InceptionScore: {
    make: () => new m.InceptionScore({ splits: 2 }),
    clusterless: true,
    sample: distribution,
    always: [
      [1, 0, 0],
      [0, 1, 0],
    ],
    bounds: [1, 3],
    ordered: true,
  },
  Ssim: {
    make: () => new m.Ssim({ dataRange: 1 }),
    sample: pictures(12),
    bounds: [-1, 1],
    perfect: [samePictures(12), 1],
  },
  MultiScaleSsim: {
    make: () => new m.MultiScaleSsim({ dataRange: 1, sigma: 0.3 }),
    sample: pictures(48),
    bounds: [0, 1],
    perfect: [samePictures(48), 1],
  },
  Psnr: {
    make: () => new m.Psnr({ dataRange: 1 }),
    sample: pictures(4),
    always: [
      {
        prediction: { data: [1], channels: 1, height: 1, width: 1 },
        target: { data: [0], channels: 1, height: 1, width: 1 },
      },
    ],
    bounds: [0, Infinity],
  },
  ClipScore: {
    make: () => new m.ClipScore(),
    sample: fc.record({ image: vector, text: vector }),
    bounds: [0, 100],
    perfect: [vector.map((image) => [{ image, text: image }]), 100],
  },
  Retrieval: {
    make: () => new m.Retrieval({ k: [1, 2] }),
    sample: fc.record({ scores, relevant: fc.array(fc.nat(2), { minLength: 1, maxLength: 2 }) }),
    bounds: [0, 1],
    perfect: [fc.nat(2).map((k) => [{ scores: [0, 1, 2].map((j) => Number(j === k)), relevant: [k] }]), 1],
  },
  ImageTextMatching: {
    make: () => new m.ImageTextMatching(),
    sample: fc.record({ scores: fc.tuple(fc.tuple(share, share), fc.tuple(share, share)) }),
    bounds: [0, 1],
    perfect: [
      fc.constant([
        {
          scores: [
            [1, 0],
            [0, 1],
          ],
        },
      ]),
      1,
    ],
  },
  Toxicity: {
    make: () => new m.Toxicity(),
    sample: fc.record({ scores: fc.array(share, { minLength: 1, maxLength: 4 }) }),
    bounds: [0, 1],
  },
  CounterfactualBias: {
    make: () => new m.CounterfactualBias(),
    sample: fc.record({ first: number, second: number }),
    bounds: [0, 200],
    perfect: [number.map((x) => [{ first: x, second: x }]), 0],
  },
  StereotypePreference: {
    make: () => new m.StereotypePreference(),
    sample: fc.record({ stereotypical: number, antiStereotypical: number }),
    bounds: [0, 0.5],
    perfect: [number.map((x) => [{ stereotypical: x, antiStereotypical: x }]), 0],
  },
  RefusalRate: { make: () => new m.RefusalRate(), sample: text, bounds: [0, 1] },
  PiiLeakage: {
    make: () => new m.PiiLeakage(),
    sample: fc.record({ text: fc.oneof(text, fc.emailAddress(), fc.ipV4()), prompt: text }),
    bounds: [0, 1],
  },
  Memorisation: { make: () => new m.Memorisation(index), sample: text, bounds: [0, 1] },
  FleissAgreement: {
    make: () => new m.FleissAgreement({ classes: 3, raters: 4 }),
    sample: fc.constantFrom([4, 0, 0], [0, 4, 0], [1, 1, 2], [2, 2, 0], [0, 1, 3]),
    always: [
      [2, 2, 0],
      [0, 1, 3],
    ],
    bounds: [-1, 1],
    perfect: [
      fc.constant([
        [4, 0, 0],
        [0, 0, 4],
      ]),
      1,
    ],
  },
  KrippendorffAgreement: {
    make: () => new m.KrippendorffAgreement({ level: 'ordinal' }),
    sample: ratings,
    always: [
      [1, 2],
      [3, 3],
      [2, 0],
    ],
    bounds: [-2, 1],
    rounding: 1e-12,
    perfect: [
      fc.constant([
        [1, 1],
        [3, 3],
      ]),
      1,
    ],
  },
  PairwiseWinRate: {
    make: () => new m.PairwiseWinRate(),
    sample: fc.constantFrom('win', 'tie', 'loss'),
    bounds: [0, 1],
    perfect: [fc.constant(['win', 'win']), 1],
  },
};
