import { existsSync } from 'node:fs';
import { readdir, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { Generator } from '@inkstone/tensor-core';
import type { Tokenizer } from '@inkstone/tokenizer';
import {
  formatCount,
  formatDuration,
  listCheckpoints,
  lockRun,
  type ReportTable,
  TokenFile,
  type TrainEvent,
  type TrainResult,
  train,
  trainingFlopsPerToken,
  WindowSampler,
  writeFileAtomic,
  writeReport,
} from '@inkstone/trainer';
import { parseRunConfig, type RunConfig } from './config.js';
import { CliError } from './errors.js';
import { type Evaluation, evaluate, tokenBytes } from './evaluate.js';
import {
  createModel,
  generateText,
  loadModel,
  lossOf,
  type Model,
  parameterCount,
  saveModel,
} from './model.js';
import { measurePeak } from './peak.js';
import { prepare } from './prepare.js';
import type { Reporter } from './reporter.js';

const RUN_FILE = 'run.json';
/** Batches that a finished model is judged on, at least: more than one validation has, which must be quick. */
const EVALUATION_BATCHES = 16;

/** What a finished, or stopped, run amounts to. */
export interface RunSummary extends TrainResult {
  /** The run's folder: a model in Hugging Face's layout, metrics.jsonl and report.html. */
  readonly out: string;
  /** Of the best weights on held-out text; undefined when the run was stopped. */
  readonly evaluation?: Evaluation;
  /** Texts of the best weights. */
  readonly samples?: readonly string[];
}

export interface RunOptions {
  reporter: Reporter;
  signal?: AbortSignal;
  /** Goes on with the run in `config.out`. */
  resume?: boolean;
}

/**
 * Reads the configuration of a run from its folder.
 *
 * @example
 * (await readRun('runs/quickstart')).model.layers; // 6
 * @throws CliError E_RUN when there is no run; TrainerError E_CONFIG.
 */
export async function readRun(folder: string): Promise<RunConfig> {
  const file = path.join(folder, RUN_FILE);
  return {
    ...parseRunConfig(await readJson(file, 'a run has one; name the folder of a run'), file),
    out: folder,
  };
}

/** @throws CliError E_RUN when the file is not there, or is no JSON. */
export async function readJson(file: string, fix: string): Promise<object> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    throw new CliError('E_RUN', file, 'it must be there', `${(error as NodeJS.ErrnoException).code}`, fix, {
      cause: error,
    });
  }
  try {
    return JSON.parse(text) as object;
  } catch (cause) {
    throw new CliError('E_RUN', file, 'it must be JSON', (cause as Error).message, 'correct it', { cause });
  }
}

/**
 * Trains a language model on text, from files to a folder: collects the text, trains a tokenizer, encodes, trains a
 * GPT, evaluates it on held-out text and lets it write.
 *
 * @throws CliError, TrainerError, TokenizerError, TransformerError, TensorError.
 * @example
 * const summary = await trainRun(
 *   parseRunConfig({ out: 'runs/docs', minutes: 5, data: { train: ['docs'] } }),
 *   { reporter: makeReporter(process.stdout) },
 * );
 */
export async function trainRun(
  config: RunConfig,
  { reporter, signal, resume = false }: RunOptions,
): Promise<RunSummary> {
  await refuseOverwriting(config.out, resume);
  const fresh = !existsSync(config.out);
  const lock = await lockRun(config.out);
  let prepared = false;
  try {
    await writeFileAtomic(path.join(config.out, RUN_FILE), `${JSON.stringify(config, null, 2)}\n`);
    const data = await prepare(config, reporter, signal);
    signal?.throwIfAborted();
    using trainFile = TokenFile.open(data.train);
    using validationFile = TokenFile.open(data.validation);
    const window = { context: config.model.context, seed: config.seed };
    const samplers = {
      train: new WindowSampler(trainFile, window, data.train),
      validation: new WindowSampler(validationFile, window, data.validation),
    };
    prepared = true;
    return await trainPrepared(config, data.tokenizer, samplers, { reporter, signal, resume }, lock);
  } finally {
    await lock.release();
    // A run that never began, for want of text say, leaves no folder behind.
    if (fresh && !prepared && !signal?.aborted) await rm(config.out, { recursive: true, force: true });
  }
}

async function refuseOverwriting(out: string, resume: boolean): Promise<void> {
  if (resume || !existsSync(out)) return;
  // What a process leaves that was killed in its first moments is nobody's work.
  const names = (await readdir(out)).filter((name) => !/^\.(lock|.*\.tmp$)/.test(name));
  if (names.length > 0)
    throw new CliError(
      'E_RUN',
      out,
      'a new run needs an empty folder',
      names.slice(0, 5).join(', '),
      `go on with it (inkstone train --resume ${out}), or choose another with --out`,
    );
}

async function trainPrepared(
  config: RunConfig,
  tokenizer: Tokenizer,
  samplers: { train: WindowSampler; validation: WindowSampler },
  { reporter, signal, resume }: RunOptions & { signal: AbortSignal | undefined },
  lock: Awaited<ReturnType<typeof lockRun>>,
): Promise<RunSummary> {
  const generator = new Generator(config.seed);
  const model = createModel(config, tokenizer, generator);
  try {
    const parameters = parameterCount(model);
    reporter.event(
      { event: 'model', parameters, ...config.model },
      `Model      GPT, ${formatCount(parameters)} parameters (${config.model.layers} layers, ${config.model.heads} heads, ${config.model.width} wide, context ${config.model.context})`,
    );
    reporter.stage('Measuring this machine');
    const peak = measurePeak(config.precision);
    const perToken = trainingFlopsPerToken({ parameters, ...config.model });
    const report = {
      subtitle: `GPT of ${formatCount(parameters)} parameters`,
      tables: tables(config, tokenizer, samplers, parameters, peak),
    };
    const checkpoints = await listCheckpoints(config.out);
    const result = await train({
      config: trainerPart(config),
      model,
      loss: lossOf(model),
      data: samplers,
      // Killed before its first checkpoint, a run has nothing to resume from and begins again.
      resume: resume && checkpoints.length > 0,
      signal,
      generator,
      lock,
      flops: { perToken, peak },
      report,
      save: (folder) => saveModel(model, folder),
      sample: async () => [await generateText(model, tokenizer, { maxTokens: 60, seed: 0, signal })],
      onEvent: progress(reporter),
    });
    reporter.end();
    if (result.reason === 'stopped') return { ...result, out: config.out };

    reporter.stage('Evaluating');
    const best = result.best && result.best.step !== result.step ? await loadModel(config.out) : model;
    try {
      best.eval();
      const loss = lossOf(best);
      const evaluation = await evaluate(
        samplers.validation,
        (batch) => loss(batch).item(),
        tokenBytes(tokenizer),
        {
          batches: Math.max(EVALUATION_BATCHES, config.validationBatches ?? 0),
          batchSize: config.batchSize,
          signal,
        },
      );
      const samples = await writeSamples(best, tokenizer, reporter, signal);
      const highlights = { 'Bits per byte': evaluation.bitsPerByte.toFixed(3) };
      const title = path.basename(path.resolve(config.out));
      await writeReport(config.out, {
        title,
        ...report,
        status: 'finished',
        seconds: result.seconds,
        highlights,
        samples,
      });
      return { ...result, out: config.out, evaluation, samples };
    } finally {
      if (best !== model) best.dispose();
    }
  } finally {
    model.dispose();
  }
}

async function writeSamples(
  model: Model,
  tokenizer: Tokenizer,
  reporter: Reporter,
  signal?: AbortSignal,
): Promise<string[]> {
  const samples: string[] = [];
  for (const seed of [1, 2, 3]) {
    reporter.stage(`Writing sample ${seed} of 3`);
    samples.push(await generateText(model, tokenizer, { maxTokens: 120, seed, signal }));
  }
  return samples;
}

/** The trainer knows neither model nor tokenizer nor files of text. */
function trainerPart(config: RunConfig) {
  const { model, tokenizer, data, ...rest } = config;
  return rest;
}

function tables(
  config: RunConfig,
  tokenizer: Tokenizer,
  samplers: { train: WindowSampler; validation: WindowSampler },
  parameters: number,
  peak: number,
): ReportTable[] {
  const { model, tokenizer: _, data, ...training } = config;
  const tokens = (sampler: WindowSampler) => (sampler.count * sampler.context).toLocaleString('en-US');
  const cpu = os.cpus();
  return [
    { title: 'Training', facts: training },
    {
      title: 'Model, data and machine',
      facts: {
        parameters: parameters.toLocaleString('en-US'),
        ...model,
        vocabulary: tokenizer.vocabSize,
        text: data.train,
        'tokens to train on': tokens(samplers.train),
        'tokens to validate on': tokens(samplers.validation),
        processor: `${cpu[0]?.model.trim() ?? 'unknown'}, ${os.availableParallelism()} threads`,
        'peak (matrix products)': `${(peak / 1e9).toFixed(0)} GFLOP/s in ${config.precision}`,
        node: process.version,
      },
    },
  ];
}

/** Turns the trainer's events into a live line, or lines of JSON, at most one a second for steps. */
function progress(reporter: Reporter): (event: TrainEvent) => void {
  let last = 0;
  return (event) => {
    if (event.kind === 'step') {
      const { step, total, loss, validationLoss, tokensPerSecond, utilization, eta } = event;
      const done = Math.min(1, step / total);
      reporter.status(
        [
          `step ${step}/${total} ${'━'.repeat(Math.round(done * 16)).padEnd(16, '─')}`,
          `loss ${loss.toFixed(3)}`,
          validationLoss === undefined ? '' : `val ${validationLoss.toFixed(3)}`,
          `${formatCount(tokensPerSecond)} tok/s`,
          utilization === undefined ? '' : `${Math.round(utilization * 100)}% of peak`,
          `${formatDuration(eta)} left`,
        ]
          .filter(Boolean)
          .join('  '),
      );
      if (!reporter.live && (Date.now() - last >= 1000 || step === total)) {
        last = Date.now();
        const { kind, ...rest } = event;
        reporter.event({ event: kind, ...rest });
      }
      return;
    }
    const { kind, ...rest } = event;
    const text =
      kind === 'validation'
        ? `step ${String(rest.step).padStart(6)}   validation loss ${(event as { loss: number }).loss.toFixed(4)}${(event as { best: boolean }).best ? '' : '  (not the best)'}`
        : undefined;
    if (!reporter.live) reporter.event({ event: kind, ...rest });
    else if (text) reporter.event({ event: kind }, text);
  };
}

/** A folder name that is not taken: `base`, `base-2`, `base-3`, ... */
export function freeFolder(base: string): string {
  for (let n = 1; ; n++) {
    const name = n === 1 ? base : `${base}-${n}`;
    if (!existsSync(name)) return name;
  }
}
