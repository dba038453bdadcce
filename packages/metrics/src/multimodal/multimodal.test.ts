import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fixture, type Json, near } from '../../test/fixture.js';
import {
  ClipScore,
  cosine,
  type FeatureSample,
  FrechetDistance,
  type ImageData64,
  ImageTextMatching,
  InceptionScore,
  jackknifeInterval,
  KernelDistance,
  MultiScaleSsim,
  Pcg64,
  Psnr,
  Retrieval,
  retrievalSamples,
  Ssim,
} from '../index.js';
import { symmetricEigenvalues, traceSqrtProduct } from './linear-algebra.js';

const golden = fixture('multimodal');
const code = (value: string) => expect.objectContaining({ code: value });
const samplesOf = (real: number[][], fake: number[][]): FeatureSample[] => [
  ...real.map((features) => ({ features, real: true })),
  ...fake.map((features) => ({ features, real: false })),
];
const fid = (samples: FeatureSample[]): number => {
  const metric = new FrechetDistance();
  metric.update(samples);
  return metric.compute().score;
};
const gaussians = (count: number, d: number, seed: number): number[][] => {
  const random = new Pcg64(seed);
  return Array.from({ length: count }, () =>
    Array.from({ length: d }, () => random.random() + random.random() - 1),
  );
};

test('eigenvalues equal LAPACK', () => {
  for (const { matrix, n, values } of golden.eigenvalues) {
    const found = symmetricEigenvalues(Float64Array.from(matrix), n).sort();
    for (const [i, value] of found.entries()) near(value, values[i], 1e-12);
  }
  expect([...symmetricEigenvalues(Float64Array.from([0, 0, 0, 0, 0, 0, 0, 0, 0]), 3)]).toEqual([0, 0, 0]);
});

describe('FID and KID', () => {
  test.each(golden.frechet as Json[])(
    'equal torchmetrics %#',
    ({ real, fake, fid: expected, kid, kidSize }) => {
      near(fid(samplesOf(real, fake)), expected);
      const metric = new KernelDistance({ subsets: 3, subsetSize: kidSize });
      metric.update(samplesOf(real.slice(0, kidSize), fake.slice(0, kidSize)));
      near(metric.compute().score, kid);
      near(metric.compute().standardDeviation, 0);
    },
  );
  test('singular covariances', () => {
    // Fewer samples than features: identical sets are at distance 0, shifted ones at the squared shift.
    const few = gaussians(5, 12, 1);
    near(fid(samplesOf(few, few)), 0, 1e-12);
    near(
      fid(
        samplesOf(
          few,
          few.map((x) => x.map((v) => v + 2)),
        ),
      ),
      48,
      1e-12,
    );
    // Commuting rank-one covariances diag(a, 0), diag(b, 0): (√a - √b)².
    near(
      fid(
        samplesOf(
          [
            [0, 1],
            [2, 1],
          ],
          [
            [0, 1],
            [6, 1],
          ],
        ),
      ),
      (1 - 3) ** 2 + (Math.sqrt(2) - Math.sqrt(18)) ** 2,
      1e-12,
    );
    // Orthogonal rank-one covariances: the cross term vanishes.
    near(
      fid(
        samplesOf(
          [
            [0, 0],
            [2, 0],
          ],
          [
            [1, -3],
            [1, 3],
          ],
        ),
      ),
      2 + 18,
      1e-12,
    );
    expect(traceSqrtProduct(new Float64Array(4), Float64Array.from([1, 0, 0, 1]), 2)).toBe(0);
  });
  test('symmetric, rotation invariant, at least 0, and shards merge', () => {
    fc.assert(
      fc.property(fc.nat(1000), fc.integer({ min: 2, max: 6 }), (seed, d) => {
        const a = gaussians(12, d, seed);
        const b = gaussians(9, d, seed + 1).map((x) => x.map((v) => 2 * v + 1));
        const value = fid(samplesOf(a, b));
        expect(value).toBeGreaterThanOrEqual(0);
        near(fid(samplesOf(b, a)), value, 1e-9);
        const rotate = (x: number[]): number[] => [
          0.6 * x[0]! - 0.8 * x[1]!,
          0.8 * x[0]! + 0.6 * x[1]!,
          ...x.slice(2),
        ];
        near(fid(samplesOf(a.map(rotate), b.map(rotate))), value, 1e-9);
        const left = new FrechetDistance();
        const right = new FrechetDistance();
        left.update(samplesOf(a.slice(0, 4), b.slice(0, 7)));
        right.update(samplesOf(a.slice(4), b.slice(7)));
        left.merge(right);
        near(left.compute().score, value, 1e-10);
      }),
      { numRuns: 40 },
    );
  });
  test('groups change the interval only', () => {
    const real = gaussians(60, 3, 1);
    const fake = gaussians(60, 3, 2).map((x) => x.map((v) => v + 0.3));
    const grouped = new FrechetDistance({ groups: 10 });
    grouped.update(samplesOf(real, fake));
    near(grouped.compute().score, fid(samplesOf(real, fake)), 1e-12);
    const kept = (list: number[][], g: number) => list.filter((_, i) => i % 10 !== g);
    const slow = jackknifeInterval(
      Array.from({ length: 10 }, (_, g) => g),
      (groups) =>
        groups.length === 10
          ? fid(samplesOf(real, fake))
          : [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
              .filter((g) => !groups.includes(g))
              .map((g) => fid(samplesOf(kept(real, g), kept(fake, g))))[0]!,
    );
    near(grouped.interval().low, slow.low, 1e-12);
    near(grouped.interval().high, slow.high, 1e-12);
    const plain = new FrechetDistance();
    plain.update(samplesOf(real, fake));
    expect(() => plain.interval()).toThrow(code('E_EMPTY'));
    expect(() => plain.merge(grouped)).toThrow(code('E_MERGE'));
    expect(() => new FrechetDistance({ groups: 0 })).toThrow(code('E_INPUT'));
  });
  test('misuse', () => {
    const metric = new FrechetDistance();
    expect(() => metric.compute()).toThrow(code('E_EMPTY'));
    expect(() => metric.update(samplesOf([[1, 2], [1]], []))).toThrow(code('E_INPUT'));
    expect(() => metric.update(samplesOf([[1, Number.NaN]], []))).toThrow(code('E_NAN'));
    metric.update(samplesOf([[1, 2]], []));
    const other = new FrechetDistance();
    other.update(samplesOf([[1]], []));
    expect(() => metric.merge(other)).toThrow(code('E_MERGE'));
    expect(() => new KernelDistance().compute()).toThrow(code('E_EMPTY'));
    expect(() => new KernelDistance().merge(new KernelDistance({ seed: 1 }))).toThrow(code('E_MERGE'));
  });
});

test('inception score', () => {
  const { probabilities, splits, mean, std } = golden.inception;
  const metric = new InceptionScore({ splits });
  metric.update(probabilities.slice(0, 11));
  const rest = new InceptionScore({ splits });
  rest.update(probabilities.slice(11));
  metric.merge(rest);
  near(metric.compute().score, mean);
  near(metric.compute().standardDeviation, std);
  expect(() => new InceptionScore().compute()).toThrow(code('E_EMPTY'));
  expect(() => metric.update([[0.5, 0.6, 0, 0, 0]])).toThrow(code('E_INPUT'));
  expect(() => metric.merge(new InceptionScore({ splits: 1 }))).toThrow(code('E_MERGE'));
});

/** The same formula as in the golden script. */
function image(seed: number, channels: number, height: number, width: number): ImageData64 {
  const data = Float64Array.from({ length: channels * height * width }, (_, i) => {
    const smooth = 0.5 + 0.35 * Math.sin(i * 0.013 * (seed + 1)) * Math.cos((i / width) * 0.11);
    return smooth * 0.8 + (((i * 7919 + seed * 104729) % 1009) / 1009) * 0.2;
  });
  return { data, channels, height, width };
}
const map = (a: ImageData64, f: (x: number, i: number) => number): ImageData64 => ({
  ...a,
  data: Float64Array.from(a.data, f),
});

describe('image quality', () => {
  test.each(golden.images.cases as Json[])(
    'equal torchmetrics $shape',
    ({ shape: [c, h, w], sigma, ssim, psnr }) => {
      const pairs = [0, 1, 2].map((s) => ({
        prediction: image(s, c, h, w),
        target: map(image(s + Number(s > 0), c, h, w), (x) => x * 0.9 + 0.05),
      }));
      const structural = new Ssim({ dataRange: 1, sigma });
      const peak = new Psnr({ dataRange: 1 });
      structural.update(pairs);
      peak.update(pairs);
      near(structural.compute().score, ssim);
      near(peak.compute().score, psnr);
    },
  );
  test('MS-SSIM equals torchmetrics', () => {
    const { shape, value } = golden.images.multiscale;
    const a = image(0, shape[0], shape[1], shape[2]);
    const b = image(5, shape[0], shape[1], shape[2]);
    const metric = new MultiScaleSsim({ dataRange: 1 });
    metric.update([{ prediction: a, target: map(a, (x, i) => x * 0.7 + b.data[i]! * 0.3) }]);
    near(metric.compute().score, value);
  });
  test('symmetric, bounded, perfect on itself', () => {
    fc.assert(
      fc.property(fc.nat(50), fc.nat(50), (s, t) => {
        const [a, b] = [image(s, 1, 13, 12), image(t, 1, 13, 12)];
        const score = (x: ImageData64, y: ImageData64): number => {
          const metric = new Ssim({ dataRange: 1 });
          metric.update([{ prediction: x, target: y }]);
          return metric.compute().score;
        };
        expect(score(a, b)).toBeCloseTo(score(b, a), 12);
        expect(Math.abs(score(a, b))).toBeLessThanOrEqual(1 + 1e-12);
        expect(score(a, a)).toBeCloseTo(1, 12);
      }),
      { numRuns: 20 },
    );
    const same = new Psnr({ dataRange: 1 });
    same.update([{ prediction: image(0, 1, 3, 3), target: image(0, 1, 3, 3) }]);
    expect(same.compute().score).toBe(Infinity);
  });
  test('misuse', () => {
    const small = image(0, 1, 5, 5);
    const metric = new Ssim({ dataRange: 1 });
    expect(() => metric.update([{ prediction: small, target: small }])).toThrow(code('E_INPUT'));
    expect(() => new MultiScaleSsim({ dataRange: 1 }).update([{ prediction: small, target: small }])).toThrow(
      code('E_INPUT'),
    );
    expect(() => metric.update([{ prediction: image(0, 1, 12, 12), target: image(0, 1, 12, 13) }])).toThrow(
      code('E_INPUT'),
    );
    expect(() => metric.update([{ prediction: { ...small, data: [1] }, target: small }])).toThrow(
      code('E_INPUT'),
    );
    expect(() => new Psnr({ dataRange: 0 })).toThrow(code('E_INPUT'));
    const broken = map(small, () => Number.NaN);
    expect(() => new Psnr({ dataRange: 1 }).update([{ prediction: broken, target: small }])).toThrow(
      code('E_NAN'),
    );
  });
});

describe('alignment', () => {
  test('cosine and CLIPScore', () => {
    const vector = fc
      .array(fc.integer({ min: -9, max: 9 }), { minLength: 3, maxLength: 3 })
      .filter((v) => v.some(Boolean));
    fc.assert(
      fc.property(vector, vector, fc.integer({ min: 1, max: 9 }), (a, b, scale) => {
        expect(cosine(a, b)).toBeCloseTo(cosine(b, a), 14);
        expect(
          cosine(
            a.map((x) => x * scale),
            b,
          ),
        ).toBeCloseTo(cosine(a, b), 12);
        expect(cosine(a, a)).toBeCloseTo(1, 12);
        const clip = new ClipScore();
        clip.update([{ image: a, text: b }]);
        expect(clip.compute().score).toBeCloseTo(Math.max(0, 100 * cosine(a, b)), 9);
      }),
    );
    expect(() => cosine([0], [1])).toThrow(code('E_INPUT'));
    expect(() => cosine([1], [1, 2])).toThrow(code('E_INPUT'));
    expect(() => cosine([Number.NaN], [1])).toThrow(code('E_NAN'));
  });
  test('retrieval agrees with sorting, and ties earn nothing', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.integer(), { minLength: 3, maxLength: 12 }),
        fc.nat(2),
        (scores, relevant) => {
          const metric = new Retrieval({ k: [1, 3] });
          metric.update([{ scores, relevant: [relevant] }]);
          const rank = [...scores].sort((a, b) => b - a).indexOf(scores[relevant]!) + 1;
          expect(metric.compute()).toMatchObject({
            meanRank: rank,
            recall: { 1: Number(rank <= 1), 3: Number(rank <= 3) },
          });
        },
      ),
    );
    const ties = new Retrieval({ k: [1] });
    ties.update([{ scores: [0, 0, 0], relevant: [1] }]);
    expect(ties.compute()).toMatchObject({ score: 0, meanRank: 3 });
    const both = new Retrieval();
    both.update(
      retrievalSamples(
        [
          [1, 0],
          [0, 1],
        ],
        [
          [0, 2],
          [3, 0],
        ],
        [[1], [0]],
      ),
    );
    expect(both.compute().score).toBe(1);
    expect(() => both.update([{ scores: [1], relevant: [] }])).toThrow(code('E_INPUT'));
    expect(() => both.update([{ scores: [1], relevant: [1] }])).toThrow(code('E_INPUT'));
    expect(() => both.update([{ scores: [Number.NaN], relevant: [0] }])).toThrow(code('E_NAN'));
  });
  test('image-text matching', () => {
    const metric = new ImageTextMatching();
    metric.update([
      {
        scores: [
          [1, 0],
          [0, 1],
        ],
      },
      {
        scores: [
          [1, 1],
          [1, 1],
        ],
      },
      {
        scores: [
          [0, 1],
          [1, 0],
        ],
      },
    ]);
    expect(metric.compute()).toEqual({
      score: 1 / 3,
      text: 1 / 3,
      image: 1 / 3,
      group: 1 / 3,
      accuracy: 1 / 3,
    });
    expect(() =>
      metric.update([
        {
          scores: [
            [1, 0],
            [0, Number.NaN],
          ],
        },
      ]),
    ).toThrow(code('E_NAN'));
  });
});
