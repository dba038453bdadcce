import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import {
  crossEntropy,
  dropout,
  embedding,
  Generator,
  linear,
  memory,
  randn,
  scope,
  type Tensor,
  tensor,
} from '@inkstone/tensor-core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { listCheckpoints, loadCheckpoint, readState, saveCheckpoint } from './checkpoint.js';
import { readMetrics } from './metrics-log.js';
import type { TrainableModel } from './model.js';
import { learningRate } from './schedule.js';
import { tokensInMemory } from './token-file.js';
import { train } from './train.js';
import type { BatchInfo, TrainOptions } from './train-options.js';
import { type TokenWindows, WindowSampler } from './windows.js';

const V = 11;
const C = 6;
const device = 'cpu' as const;
const T = 5;

let folder: string;
const models: Tiny[] = [];
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'inkstone-train-'));
});
afterEach(() => {
  for (const model of models.splice(0)) model.dispose();
  rmSync(folder, { recursive: true, force: true });
});

/** Embedding, dropout, linear: enough to have matrices, a vector and random numbers. */
class Tiny implements TrainableModel {
  readonly embed: Tensor;
  readonly head: Tensor;
  readonly bias: Tensor;
  training = true;
  constructor(
    readonly generator = new Generator(3),
    private readonly p = 0.2,
  ) {
    const options = { generator: new Generator(5), requiresGrad: true, std: 0.5, device };
    this.embed = randn([V, C], options);
    this.head = randn([V, C], options);
    this.bias = randn([V], options);
    models.push(this);
  }
  *namedParameters(): Iterable<readonly [string, Tensor]> {
    yield ['embed.weight', this.embed];
    yield ['head.weight', this.head];
    yield ['head.bias', this.bias];
    yield ['tied.weight', this.embed];
  }
  train(on = true) {
    this.training = on;
  }
  eval() {
    this.training = false;
  }
  loss = ({ inputs, targets, batch, context }: TokenWindows): Tensor => {
    const shape = [batch, context];
    let h = embedding(this.embed, tensor(inputs, { shape, dtype: 'i32', device }));
    if (this.training) h = dropout(h, this.p, { generator: this.generator });
    return crossEntropy(linear(h, this.head, this.bias), tensor(targets, { shape, dtype: 'i32', device }));
  };
  dispose() {
    for (const t of [this.embed, this.head, this.bias]) t.dispose();
  }
}

const tokens = (length: number, seed: number) => {
  let x = seed;
  const ids = Int32Array.from({ length }, () => {
    x = (x * 1103515245 + 12345) % 2147483648;
    return x % 7 === 0 ? Math.floor(x / 7) % V : (x >> 8) % 3;
  });
  return new WindowSampler(tokensInMemory(ids, V), { context: T, seed: 2 });
};
const data = () => ({ train: tokens(403, 1), validation: tokens(101, 9) });
const out = (name = 'run') => path.join(folder, name);

const run = (extra: Partial<Omit<TrainOptions<TokenWindows>, 'config'>> & { config?: object } = {}) => {
  const model = new Tiny();
  const { config, ...rest } = extra;
  return train({
    model,
    loss: model.loss,
    generator: model.generator,
    data: data(),
    ...rest,
    config: {
      out: out(),
      steps: 24,
      batchSize: 4,
      lr: 0.02,
      warmup: 3,
      validationBatches: 3,
      seed: 7,
      ...config,
    },
  });
};

/** Everything of a run but the clock. */
const outcome = (name: string) => {
  const [last] = readdirSync(out(name)).filter((f) => f.startsWith('checkpoint-'));
  const file = (f: string) => readFileSync(path.join(out(name), last!, f));
  const { elapsed, ...state } = JSON.parse(file('state.json').toString());
  const metrics = readMetrics(path.join(out(name), 'metrics.jsonl')).map((r) =>
    r.kind === 'step' ? { ...r, tokensPerSecond: 0 } : r,
  );
  return {
    last,
    state,
    metrics,
    model: file('model.safetensors').toString('hex'),
    optimizer: file('optimizer.safetensors').toString('hex'),
  };
};

describe('train', () => {
  it('lowers the loss, and leaves a checkpoint, a log and a report', async () => {
    const saved: number[] = [];
    const events: string[] = [];
    const result = await run({
      config: { steps: 60 },
      save: async (to) => {
        expect(to).toBe(out());
        saved.push(events.length);
      },
      sample: async (step) => [`text of step ${step}`],
      onEvent: ({ kind }) => void events.push(kind),
    });
    expect(result).toMatchObject({ reason: 'finished', step: 60, tokens: 60 * 4 * T });
    const records = readMetrics(path.join(out(), 'metrics.jsonl'));
    const validations = records.filter((r) => r.kind === 'validation');
    expect(validations.map((r) => r.step)).toEqual([0, 8, 16, 24, 32, 40, 48, 56, 60]);
    expect(validations.at(-1)!.loss).toBeLessThan(validations[0]!.loss * 0.7);
    expect(result.best!.loss).toBe(Math.min(...validations.map((r) => r.loss)));
    expect(saved).toHaveLength(validations.filter((r) => r.best).length);
    expect(readdirSync(out()).sort()).toEqual(['checkpoint-00000060', 'metrics.jsonl', 'report.html']);
    expect(readFileSync(path.join(out(), 'report.html'), 'utf8')).toContain('text of step 60');
    expect(events.filter((kind) => kind === 'step')).toHaveLength(60);
  });

  it('does what AdamW with clipping, warmup, cosine and accumulation is defined to do', async () => {
    // Bigram model: logits = W[x]. Its gradient has a closed form, so everything can be done again in float64. The
    // batches have different numbers of targets that count: the loss must be the mean over all of them.
    const start = Float64Array.from({ length: V * V }, (_, i) => Math.sin(i * 7.3));
    const weight = tensor(Float32Array.from(start), { shape: [V, V], requiresGrad: true, device });
    const bias = tensor(new Float32Array(V).fill(0.3), { requiresGrad: true, device });
    const sampler = tokens(200, 4);
    const masked = {
      count: sampler.count,
      batch: (position: number, size: number) => {
        const batch = sampler.batch(position, size);
        const targets = batch.targets.map((id, i) =>
          (i * 7 + position) % 3 === 0 && position % 4 ? -100 : id,
        );
        return { ...batch, targets, tokens: targets.filter((id) => id >= 0).length };
      },
    };
    const config = {
      steps: 12,
      batchSize: 2,
      accumulation: 3,
      lr: 0.1,
      minLr: 0.01,
      warmup: 1,
      weightDecay: 0.2,
      clip: 0.15,
    };
    await train({
      config: { out: out(), ...config, beta2: 0.98, eps: 1e-6 },
      model: {
        namedParameters: () => [['w', weight] as const, ['b', bias] as const],
        train: () => {},
        eval: () => {},
      },
      loss: ({ inputs, targets, batch, context }) => {
        const shape = [batch, context];
        const logits = embedding(weight, tensor(inputs, { shape, dtype: 'i32', device })).add(bias);
        return crossEntropy(logits, tensor(targets, { shape, dtype: 'i32', device }));
      },
      data: { train: masked },
    });

    const p = [start.map(Math.fround), new Float64Array(V).fill(Math.fround(0.3))];
    const m = p.map((x) => new Float64Array(x.length));
    const v = p.map((x) => new Float64Array(x.length));
    let clipped = 0;
    const losses: number[] = [];
    for (let step = 0; step < 12; step++) {
      const g = p.map((x) => new Float64Array(x.length));
      const pairs = [0, 1, 2].flatMap((a) => {
        const { inputs, targets } = masked.batch(step * 6 + a * 2, 2);
        return [...inputs].map((x, i) => [x, targets[i]!] as const).filter(([, y]) => y >= 0);
      });
      let loss = 0;
      for (const [x, y] of pairs) {
        const z = Array.from({ length: V }, (_, k) => p[0]![x * V + k]! + p[1]![k]!);
        const total = z.reduce((sum, value) => sum + Math.exp(value), 0);
        loss -= (z[y]! - Math.log(total)) / pairs.length;
        for (let k = 0; k < V; k++) {
          const d = (Math.exp(z[k]!) / total - (k === y ? 1 : 0)) / pairs.length;
          g[0]![x * V + k]! += d;
          g[1]![k]! += d;
        }
      }
      losses.push(loss);
      const norm = Math.sqrt(g.flatMap((x) => [...x]).reduce((sum, value) => sum + value * value, 0));
      const factor = Math.min(1, 0.15 / (norm + 1e-6));
      if (factor < 1) clipped++;
      const lr = learningRate(step, { lr: 0.1, minLr: 0.01, warmup: 1, total: 12 });
      p.forEach((x, k) => {
        for (let i = 0; i < x.length; i++) {
          const gradient = g[k]![i]! * factor;
          m[k]![i] = 0.9 * m[k]![i]! + 0.1 * gradient;
          v[k]![i] = 0.98 * v[k]![i]! + 0.02 * gradient ** 2;
          const mh = m[k]![i]! / (1 - 0.9 ** (step + 1));
          const vh = v[k]![i]! / (1 - 0.98 ** (step + 1));
          x[i] = x[i]! * (1 - lr * (k === 0 ? 0.2 : 0)) - (lr * mh) / (Math.sqrt(vh) + 1e-6);
        }
      });
    }
    expect(clipped).toBeGreaterThan(3);
    const logged = readMetrics(path.join(out(), 'metrics.jsonl')).filter((r) => r.kind === 'step');
    for (const [i, r] of logged.entries()) expect(r.loss).toBeCloseTo(losses[i]!, 5);
    for (const [i, value] of weight.numbers().entries()) expect(value).toBeCloseTo(p[0]![i]!, 4);
    for (const [i, value] of bias.numbers().entries()) expect(value).toBeCloseTo(p[1]![i]!, 4);
    weight.dispose();
    bias.dispose();
  });

  it.each([[[5]], [[1, 2, 3]], [[8, 17, 23]]])(
    'stopped after step %j and resumed, ends with the same bits',
    async (stops) => {
      await run({ config: { out: out('whole') } });
      for (const stop of [...stops, 24]) {
        const controller = new AbortController();
        const result = await run({
          config: { out: out('pieces') },
          resume: existsSync(out('pieces')),
          signal: controller.signal,
          onEvent: (event) => {
            if (event.kind === 'step' && event.step === stop && stop < 24) controller.abort();
          },
        });
        expect(result).toMatchObject({ step: stop, reason: stop < 24 ? 'stopped' : 'finished' });
      }
      expect(outcome('pieces')).toEqual(outcome('whole'));
    },
  );

  it('goes back to its last checkpoint when more was done than saved', async () => {
    await run({ config: { out: out('whole'), checkpointEvery: 5 } });
    await expect(
      run({
        config: { out: out('crashed'), checkpointEvery: 5 },
        onEvent: (event) => {
          if (event.kind === 'step' && event.step === 13) throw new Error('crash');
        },
      }),
    ).rejects.toThrow('crash');
    expect((await listCheckpoints(out('crashed')))[0]!.step).toBe(10);
    await run({ config: { out: out('crashed'), checkpointEvery: 5 }, resume: true });
    expect(outcome('crashed')).toEqual(outcome('whole'));
  });

  it('can be made longer, and does nothing more when it is done', async () => {
    await run();
    expect(await run({ resume: true })).toMatchObject({ reason: 'finished', step: 24 });
    expect(await run({ resume: true, config: { steps: 30 } })).toMatchObject({
      reason: 'finished',
      step: 30,
    });
  });

  it('of a length in minutes settles on a number of steps, and can be given more time', async () => {
    const timed = (minutes: number, resume: boolean) =>
      run({ config: { steps: undefined, minutes }, resume });
    const first = await timed(0.01, false);
    expect(first.reason).toBe('finished');
    const state = await readState(first.checkpoint);
    expect(state).toMatchObject({ step: first.step, settled: true });
    expect(state.plan.total).toBe(first.step);
    expect(state.plan.validationBatches).toBeLessThanOrEqual(8);
    const second = await timed(0.02, true);
    expect(second.reason).toBe('finished');
    expect(second.step).toBeGreaterThan(first.step);
    expect(second.seconds).toBeGreaterThan(first.seconds);
  });

  it('stops at a loss that is no number and names the step and the batch', async () => {
    const model = new Tiny();
    let calls = 0;
    const failing = run({
      model,
      generator: model.generator,
      config: { steps: 24, checkpointEvery: 4, accumulation: 2 },
      data: { train: tokens(403, 1) },
      loss: (batch) =>
        ++calls === 12 ? model.loss(batch).div(0).sub(model.loss(batch).div(0)) : model.loss(batch),
    });
    const expected = tokens(403, 1)
      .batch(11 * 4, 4)
      .windows.join(', ');
    await expect(failing).rejects.toMatchObject({
      code: 'E_DIVERGED',
      message: expect.stringContaining(`received a loss of NaN on batch 2 of 2, windows ${expected};`),
      subject: 'step 6',
    });
    expect((await listCheckpoints(out()))[0]!.step).toBe(4);
    expect(readFileSync(path.join(out(), 'report.html'), 'utf8')).toContain('diverged');
    expect(readMetrics(path.join(out(), 'metrics.jsonl')).at(-1)!.step).toBe(5);
    expect(existsSync(path.join(out(), '.lock'))).toBe(false);
  });

  it('keeps as many bytes alive after ten steps as after a hundred', async () => {
    const live = new Map<number, number>();
    await run({
      config: { steps: 110, validateEvery: 50 },
      onEvent: (event) => {
        if (event.kind === 'step') live.set(event.step, memory().live);
      },
    });
    expect(live.get(100)).toBe(live.get(10));
  });

  it('leaves no tensor behind, finished or failed', async () => {
    await run();
    const before = memory().storages;
    await run({ config: { out: out('a') } });
    await expect(
      run({ config: { out: out('b') }, loss: () => scope(() => randn([2], { device })) }),
    ).rejects.toThrow('loss: it must return a scalar; received a tensor of shape [2]');
    // Each run made a model of three tensors.
    expect(memory().storages).toBe(before + 6);
  });

  it('multiplies in bf16 when asked to, with weights in f32', async () => {
    await run({ config: { out: out('f32') } });
    await run({ config: { out: out('bf16'), precision: 'bf16' } });
    const loss = (name: string) =>
      outcome(name)
        .metrics.filter((r) => r.kind === 'step')
        .map((r) => r.loss);
    expect(loss('bf16')).not.toEqual(loss('f32'));
    const exact = loss('f32');
    for (const [i, value] of loss('bf16').entries())
      expect(Math.abs(value / exact[i]! - 1)).toBeLessThan(0.02);
  });

  it('refuses a folder in use, a run that is there, a run that is not, other data and another model', async () => {
    let second: unknown;
    await run({
      onEvent: (event) => {
        if (event.kind === 'step' && event.step === 3) second = run().catch((error) => error);
      },
    });
    expect(await second).toMatchObject({ code: 'E_LOCKED' });
    await expect(run()).rejects.toMatchObject({
      code: 'E_EXISTS',
      message: expect.stringContaining('received a checkpoint of step 24; go on with it (--resume)'),
    });
    await expect(run({ resume: true, config: { out: out('none') } })).rejects.toThrow(
      'must have a checkpoint; received none',
    );
    await expect(run({ resume: true, data: { train: tokens(300, 1) } })).rejects.toThrow(
      'must be what the run began with (80 windows); received 59',
    );
    const other = new Tiny();
    other.namedParameters = function* () {
      yield ['embed.weight', this.embed] as const;
      yield ['extra', this.bias] as const;
    };
    await expect(run({ resume: true, model: other })).rejects.toThrow(
      'received missing extra; unexpected head.bias, head.weight; resume with the model configuration of the run',
    );
  });

  it('refuses what cannot be trained', async () => {
    const half = randn([2, 2], { dtype: 'bf16', requiresGrad: true, device });
    const frozen = randn([2, 2], { device });
    const attempt = (p: Tensor) =>
      train<BatchInfo>({
        config: { out: out(), steps: 1 },
        model: { namedParameters: () => [['p', p]], train: () => {}, eval: () => {} },
        loss: () => p,
        data: { train: { count: 1, batch: () => ({ tokens: 1, windows: [0] }) } },
      });
    await expect(attempt(half)).rejects.toThrow(
      'p: parameters in training must be f32 or f64; received bf16',
    );
    await expect(attempt(frozen)).rejects.toThrow(
      'model: something must be trainable; received only frozen parameters',
    );
    half.dispose();
    frozen.dispose();
  });
});

describe('checkpoints', () => {
  it('keep the previous one when writing fails halfway', async () => {
    await run();
    const [last] = await listCheckpoints(out());
    const state = await readState(last!.folder);
    const a = randn([2], { device });
    const b = randn([2], { device });
    b.dispose();
    await expect(
      saveCheckpoint(out(), { ...state, step: 25 }, new Map([['a', a]]), new Map([['b', b]])),
    ).rejects.toThrow();
    expect(readdirSync(out()).sort()).toEqual(['checkpoint-00000024', 'metrics.jsonl', 'report.html']);
    a.dispose();
  });

  it('that are broken are refused by name', async () => {
    await run();
    const [last] = await listCheckpoints(out());
    const file = path.join(last!.folder, 'state.json');
    const text = readFileSync(file, 'utf8');
    writeFileSync(file, text.replace('"step": 24', '"step": -1'));
    await expect(readState(last!.folder)).rejects.toThrow(
      /state.json.step: it must be at least 0; received -1/,
    );
    writeFileSync(file, text.slice(0, 40));
    await expect(run({ resume: true })).rejects.toThrow(
      /state.json: it must be JSON; received 40 characters that are not/,
    );
    writeFileSync(file, text);
    writeFileSync(path.join(last!.folder, 'model.safetensors'), 'short');
    await expect(run({ resume: true })).rejects.toMatchObject({ code: 'E_FORMAT' });
    await expect(loadCheckpoint(path.join(folder, 'no'), new Map(), new Map())).rejects.toMatchObject({
      code: 'E_IO',
    });
  });
});
