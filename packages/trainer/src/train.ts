import path from 'node:path';
import { setImmediate as eventLoopTurn } from 'node:timers/promises';
import {
  defaultGenerator,
  full,
  type Generator,
  noGrad,
  scope,
  type Tensor,
  withMatmulPrecision,
} from '@inkstone/tensor-core';
import {
  listCheckpoints,
  loadCheckpoint,
  readState,
  saveCheckpoint,
  type TrainerState,
} from './checkpoint.js';
import { parseTrainerConfig, type TrainerConfig } from './config.js';
import { TrainerError } from './errors.js';
import { removeTemporaries } from './files.js';
import { lockRun } from './lock.js';
import { MetricsLog, type SampleRecord, type StepRecord, type ValidationRecord } from './metrics-log.js';
import { modelTensors } from './model.js';
import { AdamW } from './optimizer.js';
import { batchesForTime, fixedTotal, keepOnTime, makePlan, planForTime } from './plan.js';
import { type ReportOptions, writeReport } from './report/report.js';
import { learningRate } from './schedule.js';
import { Throughput } from './throughput.js';
import type { BatchInfo, TrainOptions, TrainResult } from './train-options.js';

/** Steps from which a run in minutes estimates its length before it settles on it, and the share of time they may take. */
const CALIBRATION = { steps: 5, share: 0.1 };
/** Dropout draws from another stream than the initial weights of the same seed. */
const DROPOUT_STREAM = 2 ** 32;

/**
 * Trains a model: AdamW with decoupled decay of matrices, warmup and cosine, gradient accumulation, clipping,
 * validation, checkpoints. The loss of a step is the mean over all targets of all its batches.
 *
 * A run is deterministic, and one that was stopped, or killed, and resumed ends with the same bits as one that was
 * not: weights, moments, schedule, random numbers and place in the data are all in the checkpoint. (A run whose length
 * is in minutes keeps the number of steps that it settled on, and changes it only where it would miss its end.)
 *
 * @throws TrainerError E_CONFIG; E_EXISTS for a folder that has a run, without `resume`; E_LOCKED; E_DIVERGED with the
 *   step and the batch; E_NO_SPACE, E_IO: the last checkpoint is then intact.
 * @example
 * const data = new WindowSampler(TokenFile.open('train.tokens'), { context: 64, seed: 1 });
 * const result = await train({
 *   config: { out: 'runs/a', steps: 100 },
 *   model,
 *   loss: ({ inputs, targets, batch, context }) => {
 *     const shape = [batch, context];
 *     const logits = model.forward(tensor(inputs, { shape, dtype: 'i32' }));
 *     return crossEntropy(logits, tensor(targets, { shape, dtype: 'i32' }));
 *   },
 *   data: { train: data },
 * });
 */
export async function train<B extends BatchInfo>(options: TrainOptions<B>): Promise<TrainResult> {
  const config = parseTrainerConfig(options.config);
  const lock = options.lock ?? (await lockRun(config.out));
  try {
    return await new Run(options, config).go();
  } finally {
    if (!options.lock) await lock.release();
  }
}

class Run<B extends BatchInfo> {
  private readonly generator: Generator;
  private readonly throughput = new Throughput();
  private readonly optimizer: AdamW;
  private state!: TrainerState;
  private log!: MetricsLog;
  private session = { began: performance.now(), elapsed: 0, steps: 0 };
  private pauseSeconds = 0;
  private validationLoss: number | undefined;
  private checkpoint = '';

  constructor(
    private readonly options: TrainOptions<B>,
    private readonly config: TrainerConfig,
  ) {
    this.generator = options.generator ?? defaultGenerator();
    this.optimizer = new AdamW(options.model, config);
  }

  async go(): Promise<TrainResult> {
    try {
      await this.begin();
      try {
        while (this.state.step < this.state.plan.total && !this.options.signal?.aborted) {
          await this.step();
          await this.pause();
          await eventLoopTurn();
        }
        await this.save();
      } finally {
        this.log.close();
      }
      const finished = this.state.step >= this.state.plan.total;
      await this.report(finished ? 'finished' : 'stopped');
      const { step, tokens, best } = this.state;
      const reason = finished ? 'finished' : 'stopped';
      return { reason, step, tokens, seconds: this.elapsed(), best, checkpoint: this.checkpoint };
    } catch (error) {
      // The report of a run that failed is as good as its log; a second error would hide the first.
      const status = error instanceof TrainerError && error.code === 'E_DIVERGED' ? 'diverged' : 'stopped';
      if (this.log) await this.report(status).catch(() => {});
      throw error;
    } finally {
      this.optimizer.zeroGrad();
      this.optimizer.dispose();
    }
  }

  private async begin(): Promise<void> {
    const { config, options } = this;
    const [last] = await listCheckpoints(config.out);
    if (options.resume && !last)
      throw new TrainerError(
        'E_IO',
        config.out,
        'a run to resume must have a checkpoint',
        'none',
        'start it without resume',
      );
    if (!options.resume && last)
      throw new TrainerError(
        'E_EXISTS',
        config.out,
        'a new run needs a folder without one',
        `a checkpoint of step ${last.step}`,
        'go on with it (--resume), or choose another folder',
      );
    await removeTemporaries(config.out);
    options.model.train();
    if (last) await this.resume(last.folder);
    else await this.start();
  }

  private async start(): Promise<void> {
    const { config, options } = this;
    this.generator.setState({ seed: config.seed + DROPOUT_STREAM, offset: 0 });
    const total = fixedTotal(config, this.tokensPerStep());
    this.state = {
      version: 1,
      step: 0,
      tokens: 0,
      position: 0,
      windows: options.data.train.count,
      elapsed: 0,
      best: null,
      plan: makePlan(config, total ?? 1),
      settled: total !== undefined,
      generator: this.generator.state(),
    };
    this.log = MetricsLog.open(path.join(config.out, 'metrics.jsonl'), -1);
    if (total === undefined) await this.firstPlan(config.minutes! * 60);
    // Saving first finds a full disk before the work is done, and makes every later moment one to resume from.
    const began = performance.now();
    await this.validate();
    await this.save();
    this.pauseSeconds = (performance.now() - began) / 1000;
  }

  /** A first guess of the length of a run in minutes, from a forward pass: a step takes about three times as long. */
  private async firstPlan(budget: number): Promise<void> {
    const { config, options, state } = this;
    const batch = options.data.train.batch(0, config.batchSize);
    let seconds = 0;
    // Twice, as the first pass also fills caches and pools.
    await this.aside(async () => {
      for (let i = 0; i < 2; i++) {
        const began = performance.now();
        scope(() => noGrad(() => this.lossOf(batch).item()));
        seconds = (performance.now() - began) / 1000;
      }
    });
    const batches = batchesForTime(config, budget, seconds);
    const pace = { elapsed: this.elapsed(), step: 0, stepSeconds: seconds * 3 * config.accumulation };
    state.plan = planForTime(config, budget, batches, { ...pace, pauseSeconds: seconds * batches });
  }

  private async resume(folder: string): Promise<void> {
    const { config, options } = this;
    this.state = await readState(folder);
    if (this.state.windows !== options.data.train.count)
      throw new TrainerError(
        'E_CONFIG',
        config.out,
        `its data must be what the run began with (${this.state.windows} windows)`,
        `${options.data.train.count}`,
        'resume with the same data',
      );
    await loadCheckpoint(folder, modelTensors(options.model), this.optimizer.tensors());
    this.generator.setState(this.state.generator);
    this.checkpoint = folder;
    this.session.elapsed = this.state.elapsed;
    // A run may be told to be longer or shorter than it was.
    const total = fixedTotal(config, this.tokensPerStep());
    if (total !== undefined && total !== this.state.plan.total) this.state.plan = makePlan(config, total);
    if (
      total === undefined &&
      config.minutes! * 60 > this.state.elapsed * 1.05 &&
      this.state.step >= this.state.plan.total
    )
      this.state.settled = false;
    else if (total !== undefined) this.state.settled = true;
    if (!this.state.settled) this.state.plan.total = Math.max(this.state.plan.total, this.state.step + 1);
    this.log = MetricsLog.open(path.join(config.out, 'metrics.jsonl'), this.state.step);
  }

  private elapsed(): number {
    return this.session.elapsed + (performance.now() - this.session.began) / 1000;
  }

  private tokensPerStep(): number {
    const { config, options } = this;
    return options.data.train.batch(0, config.batchSize).tokens * config.accumulation;
  }

  private due(every: number): boolean {
    const { step, plan } = this.state;
    return step % every === 0 || step >= plan.total;
  }

  /** Validates, samples and saves, where it is time to. */
  private async pause(): Promise<void> {
    const { plan } = this.state;
    const due = [plan.validateEvery, plan.sampleEvery, plan.checkpointEvery].map((every) => this.due(every));
    if (!due.includes(true)) return;
    const began = performance.now();
    if (due[0]) await this.validate();
    if (due[1]) await this.sample();
    if (due[2]) await this.save();
    this.pauseSeconds = (performance.now() - began) / 1000;
  }

  private async step(): Promise<void> {
    const { config, options, state } = this;
    const began = performance.now();
    const lr = learningRate(state.step, {
      lr: config.lr,
      minLr: config.minLr ?? config.lr / 10,
      ...state.plan,
    });
    const { loss, tokens } = this.gradients();
    const { norm: gradNorm, scale } = this.optimizer.clip(config.clip);
    if (!Number.isFinite(gradNorm)) throw this.diverged(`a gradient of norm ${gradNorm}`, 'its batches');
    this.optimizer.step(lr, state.step + 1, scale);
    this.optimizer.zeroGrad();
    state.step++;
    state.tokens += tokens;
    state.position += config.batchSize * config.accumulation;

    const seconds = (performance.now() - began) / 1000;
    // The first step of a process also fills caches and pools; it says little about the others.
    if (++this.session.steps > 1) this.throughput.add(seconds);
    this.replan(seconds);
    const tokensPerSecond = Math.round((tokens / seconds) * 10) / 10;
    const { flops } = options;
    const record: StepRecord = {
      kind: 'step',
      step: state.step,
      tokens: state.tokens,
      loss,
      lr,
      gradNorm,
      tokensPerSecond,
      ...(flops ? { utilization: Number(((tokensPerSecond * flops.perToken) / flops.peak).toFixed(4)) } : {}),
    };
    this.log.append(record);
    options.onEvent?.({
      ...record,
      total: state.plan.total,
      eta: this.eta(seconds),
      validationLoss: this.validationLoss,
    });
  }

  /** Leaves the gradient of the mean over all targets of the step's batches in the parameters. */
  private gradients(): { loss: number; tokens: number } {
    const { config, options, state } = this;
    const batches = Array.from({ length: config.accumulation }, (_, i) =>
      options.data.train.batch(state.position + i * config.batchSize, config.batchSize),
    );
    const tokens = batches.reduce((sum, batch) => sum + batch.tokens, 0);
    let loss = 0;
    this.optimizer.zeroGrad();
    batches.forEach((batch, i) => {
      const share = batch.tokens / tokens;
      const where = config.accumulation === 1 ? 'its batch' : `batch ${i + 1} of ${config.accumulation}`;
      scope(() => {
        const mean = this.lossOf(batch);
        const value = mean.item();
        if (!Number.isFinite(value)) throw this.diverged(`a loss of ${value}`, where, batch);
        loss += value * share;
        mean.backward(full(mean.shape, share, { dtype: mean.dtype, device: mean.device }));
      });
    });
    return { loss, tokens };
  }

  private lossOf(batch: B): Tensor {
    const loss = withMatmulPrecision(this.config.precision, () => this.options.loss(batch));
    if (loss.size !== 1)
      throw new TrainerError(
        'E_CONFIG',
        'loss',
        'it must return a scalar',
        `a tensor of shape [${loss.shape}]`,
        'reduce it with mean()',
      );
    return loss;
  }

  private diverged(received: string, where: string, batch?: B): TrainerError {
    const windows = batch
      ? `, windows ${batch.windows.slice(0, 32).join(', ')}${batch.windows.length > 32 ? ', …' : ''}`
      : '';
    return new TrainerError(
      'E_DIVERGED',
      `step ${this.state.step + 1}`,
      'loss and gradient must be finite numbers',
      `${received} on ${where}${windows}`,
      'lower lr, lengthen warmup or look at that text; the last checkpoint is intact',
    );
  }

  private pace(seconds: number) {
    return {
      elapsed: this.elapsed(),
      step: this.state.step,
      stepSeconds: this.throughput.stepSeconds ?? seconds,
      pauseSeconds: this.pauseSeconds,
    };
  }

  /** Chooses the length of a run in minutes. */
  private replan(seconds: number): void {
    const { config, state } = this;
    if (config.minutes === undefined) return;
    const budget = config.minutes * 60;
    const pace = this.pace(seconds);
    if (state.settled) {
      state.plan = keepOnTime(state.plan, budget, pace);
      return;
    }
    state.plan = planForTime(config, budget, state.plan.validationBatches, pace);
    const { steps } = this.session;
    state.settled = steps >= CALIBRATION.steps || (steps >= 2 && pace.elapsed > budget * CALIBRATION.share);
  }

  private eta(seconds: number): number {
    const { step, plan } = this.state;
    if (this.config.minutes !== undefined) return Math.max(0, this.config.minutes * 60 - this.elapsed());
    const pauses = Math.ceil(plan.total / plan.validateEvery) - Math.floor(step / plan.validateEvery);
    return (plan.total - step) * (this.throughput.stepSeconds ?? seconds) + pauses * this.pauseSeconds;
  }

  /** Runs `f` in evaluation mode; whatever it draws does not move the run's random numbers. */
  private async aside<R>(f: () => Promise<R>): Promise<R> {
    const { model } = this.options;
    const before = this.generator.state();
    model.eval();
    try {
      return await f();
    } finally {
      model.train();
      this.generator.setState(before);
    }
  }

  private async validate(): Promise<void> {
    const { config, options, state } = this;
    if (!options.data.validation) return;
    let sum = 0;
    let tokens = 0;
    await this.aside(async () => {
      for (const batch of options.data.validation!.evenly(state.plan.validationBatches, config.batchSize)) {
        sum += scope(() => noGrad(() => this.lossOf(batch).item())) * batch.tokens;
        tokens += batch.tokens;
        await eventLoopTurn();
      }
    });
    const loss = sum / tokens;
    if (!Number.isFinite(loss)) throw this.diverged(`a validation loss of ${loss}`, 'the validation data');
    const best = !state.best || loss < state.best.loss;
    if (best) state.best = { step: state.step, loss };
    this.validationLoss = loss;
    const record: ValidationRecord = {
      kind: 'validation',
      step: state.step,
      tokens: state.tokens,
      loss,
      best,
    };
    this.log.append(record);
    options.onEvent?.(record);
    if (best) await options.save?.(config.out);
  }

  private async sample(): Promise<void> {
    const { options, state } = this;
    if (!options.sample) return;
    const texts = await this.aside(() => options.sample!(state.step));
    const record: SampleRecord = { kind: 'sample', step: state.step, tokens: state.tokens, texts };
    this.log.append(record);
    options.onEvent?.(record);
  }

  private async save(): Promise<void> {
    const { config, options, state } = this;
    if (this.checkpoint && (await listCheckpoints(config.out))[0]?.step === state.step) return;
    this.log.sync();
    const complete: TrainerState = { ...state, elapsed: this.elapsed(), generator: this.generator.state() };
    if (!options.data.validation) await options.save?.(config.out);
    this.checkpoint = await saveCheckpoint(
      config.out,
      complete,
      modelTensors(options.model),
      this.optimizer.tensors(),
    );
    options.onEvent?.({ kind: 'checkpoint', step: state.step, folder: this.checkpoint });
    if (state.step > 0) await this.report('running');
  }

  private async report(status: ReportOptions['status']): Promise<void> {
    const { config, options } = this;
    const title = path.basename(path.resolve(config.out));
    await writeReport(config.out, { title, ...options.report, status, seconds: this.elapsed() });
  }
}
