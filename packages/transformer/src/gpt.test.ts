import {
  adamw,
  type Device,
  Generator,
  noGrad,
  randn,
  Scope,
  scope,
  type Tensor,
  tensor,
  zerosLike,
} from '@inkstone/tensor-core';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { devices } from '../test/devices.js';
import { modelDir, readExpected, readFirstLosses } from '../test/expected.js';
import { gptConfig, readGPTConfig } from './config.js';
import { generate } from './generate.js';
import { GPT } from './gpt.js';
import { fromPretrained } from './pretrained.js';

const { tensors: expected, about } = readExpected();

// What the first kernels computed, on AVX-512; every other way to compute it came within 2e-7 of it.
const firstLosses = readFirstLosses();

const tiny = { vocab_size: 17, n_positions: 12, n_embd: 8, n_layer: 2, n_head: 2 };
const noDropout = { resid_pdrop: 0, embd_pdrop: 0, attn_pdrop: 0 };

let s: Scope;
let models: GPT[];
beforeEach(() => {
  s = new Scope();
  models = [];
});
afterEach(() => {
  for (const model of models) model.dispose();
  s[Symbol.dispose]();
});
const owned = (model: GPT): GPT => {
  models.push(model);
  return model;
};

const idsOf = (values: number[], shape: number[], device: Device) =>
  tensor(values, { shape, dtype: 'i32', device });

const largestDifference = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  expect(a.length).toBe(b.length);
  let worst = 0;
  for (let i = 0; i < a.length; i++) worst = Math.max(worst, Math.abs(a[i]! - b[i]!));
  return worst;
};

/** The losses of the fixture's AdamW steps, from the model's weights. */
function trainingLosses(model: GPT, device: Device): number[] {
  const { lr, betas, eps, weight_decay_of_matrices } = JSON.parse(about.training!) as {
    lr: number;
    betas: [number, number];
    eps: number;
    weight_decay_of_matrices: number;
  };
  const groups = [true, false].map((matrix) => {
    const list = [...model.parameters()].filter((p) => p.rank >= 2 === matrix);
    const moments = () => list.map((p) => zerosLike(p));
    return { list, m: moments(), v: moments(), weightDecay: matrix ? weight_decay_of_matrices : 0 };
  });
  const { shape, values } = expected.batches!;
  const [steps, B, length] = shape as [number, number, number];
  const T = length - 1;
  return Array.from({ length: steps }, (_, index) =>
    scope(() => {
      const rows = Array.from({ length: B }, (_, b) => (index * B + b) * length);
      const part = (from: number) => rows.flatMap((r) => values.slice(r + from, r + from + T));
      const loss = model.loss(idsOf(part(0), [B, T], device), idsOf(part(1), [B, T], device));
      loss.backward();
      for (const { list, m, v, weightDecay } of groups) {
        const gradients = list.map((p) => p.grad!);
        adamw(list, gradients, m, v, {
          lr,
          beta1: betas[0],
          beta2: betas[1],
          eps,
          weightDecay,
          step: index + 1,
        });
      }
      model.zeroGrad();
      return loss.item();
    }),
  );
}

describe.each(devices)('GPT-2 on %s', (device, present) => {
  describe.skipIf(!present)(present ? 'present' : `${device} is not present: skipped`, () => {
    it('has the logits of transformers', async () => {
      const model = owned(await fromPretrained(modelDir, { device }));
      const { ids, logits } = expected;
      const y = noGrad(() => model.forward(idsOf(ids!.values, ids!.shape, device)));
      expect(y.shape).toEqual(logits!.shape);
      expect(y.dtype).toBe('f32');
      expect(largestDifference(y.numbers(), logits!.values)).toBeLessThan(2e-4);
    });

    it('has the logits of transformers with other settings', async () => {
      const model = owned(await fromPretrained(modelDir, { device }));
      const variant = owned(
        new GPT(
          {
            ...model.config,
            bos_token_id: 94,
            eos_token_id: 95,
            activation_function: 'gelu',
            scale_attn_by_inverse_layer_idx: true,
            scale_attn_weights: false,
          },
          { device },
        ).eval(),
      );
      variant.loadStateDict(model.stateDict());
      const logits = expected.variant_logits!;
      const y = variant.forward(idsOf(expected.ids!.values.slice(0, 8), [1, 8], device));
      expect(largestDifference(y.numbers(), logits.values)).toBeLessThan(2e-4);
    });

    it('has the losses of 20 steps of PyTorch, and of our first kernels', async () => {
      const losses = trainingLosses(owned(await fromPretrained(modelDir, { device })), device);
      const worst = (want: number[]) =>
        Math.max(...losses.map((loss, i) => Math.abs(loss - want[i]!) / want[i]!));
      expect(losses.length).toBe(firstLosses.length);
      expect(worst(expected.losses!.values), `PyTorch: ${losses}`).toBeLessThan(1e-3);
      // Kernels may change, a training run may not: a faster one that costs accuracy shows here.
      expect(worst(firstLosses), `first: ${losses}`).toBeLessThan(1e-5);
    });

    it('computes in bf16 nearly what it computes in f32', async () => {
      const [whole, half] = [
        owned(await fromPretrained(modelDir, { device })),
        owned(await fromPretrained(modelDir, { device, dtype: 'bf16' })),
      ];
      const ids = idsOf(expected.ids!.values.slice(0, 20), [1, 20], device);
      const y = half.forward(ids);
      expect(y.dtype).toBe('bf16');
      const exact = whole.forward(ids).numbers();
      const rms = (x: Float64Array) => Math.sqrt(x.reduce((a, b) => a + b * b, 0) / x.length);
      // bf16 has 8 bits: each of some ten roundings on the way loses up to 0.4 %.
      expect(rms(y.numbers().map((v, i) => v - exact[i]!)) / rms(exact)).toBeLessThan(0.03);
      using cache = half.createCache();
      const cached = half.forward(ids, cache).numbers();
      expect(largestDifference(cached, y.numbers())).toBeLessThan(0.1);
    });

    it('generates the tokens of transformers', async () => {
      const model = owned(await fromPretrained(modelDir, { device }));
      const prompt = expected.prompt!.values;
      const options = { prompt, maxNewTokens: 24, temperature: 0 };
      expect((await generate(model, options)).ids).toEqual(expected.greedy!.values);
      const penalized = await generate(model, { ...options, repetitionPenalty: 1.5 });
      expect(penalized.ids).toEqual(expected.greedy_penalty!.values);
    });

    it('computes the same with a cache, in any pieces', () => {
      const model = owned(
        new GPT({ ...tiny, initializer_range: 0.5 }, { device, generator: new Generator(1) }).eval(),
      );
      const token = fc.integer({ min: 0, max: 16 });
      fc.assert(
        fc.property(
          fc.array(token, { minLength: 1, maxLength: 12 }),
          fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 12, maxLength: 12 }),
          (ids, sizes) =>
            noGrad(() =>
              scope(() => {
                const whole = model.forward(idsOf(ids, [1, ids.length], device)).numbers();
                using cache = model.createCache();
                const pieces: number[] = [];
                for (let at = 0, i = 0; at < ids.length; i++) {
                  const piece = ids.slice(at, at + sizes[i]!);
                  pieces.push(...model.forward(idsOf(piece, [1, piece.length], device), cache).numbers());
                  at += piece.length;
                  expect(cache.length).toBe(at);
                }
                expect(largestDifference(pieces, whole)).toBeLessThan(1e-5);
              }),
            ),
        ),
        { numRuns: 25 },
      );
    });

    it('computes rows of a batch as if each were alone', () => {
      const model = owned(new GPT(tiny, { device, generator: new Generator(1) }).eval());
      const rows = [
        [1, 2, 3, 4, 5],
        [16, 0, 9, 9, 2],
        [7, 7, 7, 7, 7],
      ];
      const together = model.forward(idsOf(rows.flat(), [3, 5], device)).numbers();
      const alone = rows.flatMap((row) => [...model.forward(idsOf(row, [1, 5], device)).numbers()]);
      expect(largestDifference(together, alone)).toBeLessThan(1e-5);
    });

    it('never looks ahead', () => {
      const model = owned(new GPT(tiny, { device, generator: new Generator(2) }).eval());
      const prefix = (ids: number[]) =>
        model
          .forward(idsOf(ids, [1, 6], device))
          .slice(1, 0, 4)
          .numbers();
      expect(largestDifference(prefix([1, 2, 3, 4, 5, 6]), prefix([1, 2, 3, 4, 16, 0]))).toBe(0);
    });

    it('has the gradient of its loss, blocks in scopes and tied weights included', () => {
      const options = { device, dtype: 'f64' as const };
      const model = owned(
        new GPT(
          { ...tiny, ...noDropout, initializer_range: 0.5 },
          { ...options, generator: new Generator(3) },
        ),
      );
      const ids = idsOf([1, 5, 2, 8, 13, 1, 4, 4], [2, 4], device);
      const targets = idsOf([5, 2, 8, 13, 4, 4, -100, 0], [2, 4], device);
      model.loss(ids, targets).backward();
      const generator = new Generator(4);
      for (const [path, p] of model.namedParameters()) {
        const along = randn(p.shape, { ...options, generator });
        const slope = p.grad!.mul(along).sum().item();
        const at = (step: number) =>
          noGrad(() => {
            const before = p.clone();
            p.copy_(p.add(along.mul(step)));
            const loss = model.loss(ids, targets).item();
            p.copy_(before);
            return loss;
          });
        const h = 1e-5;
        const numeric = (at(h) - at(-h)) / (2 * h);
        expect(Math.abs(slope - numeric), path).toBeLessThan(1e-6 * Math.max(1, Math.abs(numeric)));
      }
    });

    it('attends the same way by either path, and drops weights while training', () => {
      const ids = idsOf([1, 5, 2, 8, 13, 1], [2, 3], device);
      // So small a probability drops nothing, and yet takes the path that could.
      const make = (attn_pdrop: number) =>
        owned(
          new GPT(
            { ...tiny, ...noDropout, attn_pdrop, initializer_range: 0.5 },
            { device, generator: new Generator(3) },
          ),
        );
      const [plain, long, dropping] = [make(0), make(1e-12), make(0.5)];
      const logits = plain.forward(ids).numbers();
      expect(largestDifference(long.forward(ids).numbers(), logits)).toBeLessThan(1e-5);
      expect(largestDifference(dropping.forward(ids).numbers(), logits)).toBeGreaterThan(1e-3);
      dropping.eval();
      expect(largestDifference(dropping.forward(ids).numbers(), logits)).toBeLessThan(1e-5);
    });

    it('leaves nothing but its result alive', () => {
      const model = owned(new GPT(tiny, { device, generator: new Generator(1) }).eval());
      using inner = new Scope();
      const live: Tensor[] = [];
      const ids = idsOf([1, 2, 3], [1, 3], device);
      live.push(noGrad(() => model.forward(ids)));
      // A tensor that was forgotten would still belong to the scope.
      const remaining = (inner as unknown as { owned: Tensor[] }).owned.filter((t) => !t.disposed);
      expect(remaining).toEqual([ids, ...live]);
    });
  });
});

describe('a new model', () => {
  it('has the weights that GPT-2 starts from', () => {
    const config = { vocab_size: 500, n_positions: 64, n_embd: 64, n_layer: 8, n_head: 4 };
    const model = owned(new GPT(config, { device: 'ref', generator: new Generator(7) }));
    for (const [path, p] of model.namedParameters()) {
      const values = p.numbers();
      const mean = values.reduce((a, b) => a + b, 0) / values.length;
      const std = Math.sqrt(values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length);
      const want = path.endsWith('c_proj.weight') ? 0.02 / 4 : 0.02;
      if (p.rank === 2) {
        // Five standard errors of the mean and of the deviation.
        expect(Math.abs(mean), path).toBeLessThan((5 * want) / Math.sqrt(values.length));
        expect(Math.abs(std - want), path).toBeLessThan((5 * want) / Math.sqrt(2 * values.length));
      } else expect(new Set(values), path).toEqual(new Set([/ln_.*weight/.test(path) ? 1 : 0]));
    }
    // 500 * 64 + 64 * 64 + 8 * (12 * 64^2 + 13 * 64) + 2 * 64
    expect(model.size).toBe(436_096);
  });

  it('is decided by its generator', () => {
    const make = (seed: number) => owned(new GPT(tiny, { device: 'ref', generator: new Generator(seed) }));
    const weights = (model: GPT) => [...model.parameters()].map((p) => [...p.numbers()]);
    const [a, b, c] = [make(1), make(1), make(2)].map(weights);
    expect(a).toEqual(b);
    expect(a).not.toEqual(c);
  });

  it('may have an output matrix of its own', () => {
    const model = owned(new GPT({ ...tiny, tie_word_embeddings: false }, { device: 'ref' }));
    expect([...model.namedParameters()].map(([path]) => path).filter((p) => p.startsWith('lm_head'))).toEqual(
      ['lm_head.weight'],
    );
    model.lm_head!.weight.fill_(0);
    const y = model.eval().forward(idsOf([1, 2], [1, 2], 'ref'));
    expect(y.numbers().every((v) => v === 0)).toBe(true);
  });

  it('keeps its configuration', async () => {
    const { config } = await readGPTConfig(modelDir);
    expect(owned(new GPT(config, { device: 'ref' })).config).toEqual(config);
    expect(() => new GPT({ ...tiny, n_head: 3 }, { device: 'ref' })).toThrow(/n_embd: must be a multiple/);
    expect(gptConfig(tiny).n_layer).toBe(2);
  });
});

describe('bad input', () => {
  it('is refused before anything is computed', () => {
    const model = owned(new GPT(tiny, { device: 'ref' }).eval());
    const ids = (n: number) => idsOf(Array(n).fill(1), [1, n], 'ref');
    expect(() => model.forward(ids(13))).toThrow(expect.objectContaining({ code: 'E_LENGTH' }));
    expect(() => model.forward(idsOf([1, 2], [2], 'ref'))).toThrow(
      expect.objectContaining({ code: 'E_ARGUMENT' }),
    );
    expect(() => model.forward(ids(0))).toThrow(expect.objectContaining({ code: 'E_ARGUMENT' }));
    expect(() => model.forward(idsOf([17], [1, 1], 'ref'))).toThrow(
      expect.objectContaining({ code: 'E_INDEX' }),
    );
    expect(() => model.forward(tensor([[1]], { device: 'ref' }))).toThrow(
      expect.objectContaining({ code: 'E_DTYPE' }),
    );
    expect(() => model.loss(ids(3), ids(2))).toThrow(expect.objectContaining({ code: 'E_SHAPE' }));
    using cache = model.createCache(1, 4);
    model.forward(ids(3), cache);
    expect(() => model.forward(ids(2), cache)).toThrow(expect.objectContaining({ code: 'E_LENGTH' }));
    expect(cache.length).toBe(3);
    model.forward(ids(1), cache);
    cache.truncate(2);
    expect(cache.length).toBe(2);
  });
});
