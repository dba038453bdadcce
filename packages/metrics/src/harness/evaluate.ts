import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { MetricError, show } from '../errors.js';
import { checkAborted, splitContext } from '../lm/rolling.js';
import { NgramIndex } from '../text/ngram-index.js';
import { RequestCache } from './cache.js';
import { type EvaluationConfig, parseEvaluationConfig, type TaskConfig, type TaskInput } from './config.js';
import { readLines } from './data.js';
import { type PreparedSample, prepareTask } from './prepare.js';
import { scoreTask } from './score.js';
import { makeTaskMetric, type TaskMetricFactory } from './task-metrics.js';
import type { EvaluatedModel, EvaluationReport, SampleRecord, TaskReport } from './types.js';
import { writeJsonLines } from './write.js';

/** How far an evaluation has come. */
export interface EvaluationProgress {
  readonly task: string;
  /** Requests answered, and all of this task. */
  readonly done: number;
  readonly total: number;
  /** How many of `done` came from the cache. */
  readonly cached: number;
}

/** What running an evaluation takes besides its configuration. */
export interface RunOptions {
  readonly model: EvaluatedModel;
  /** Where the relative paths of the configuration start. Default: the working directory. */
  readonly baseDir?: string;
  /** Metrics of the caller's own, by the name tasks use. */
  readonly customMetrics?: Readonly<Record<string, TaskMetricFactory>>;
  /** N-grams of the training text; the samples that share one are counted and scored apart. */
  readonly trainingIndex?: NgramIndex;
  readonly onProgress?: (progress: EvaluationProgress) => void;
  readonly signal?: AbortSignal;
}

/** An evaluation in one call. */
export interface EvaluateOptions extends RunOptions {
  readonly tasks: readonly TaskInput[];
  /** Folder for the request cache, sample logs and rejects; without it nothing is written. */
  readonly output?: string;
  /** Samples per call of the model. Default 16. */
  readonly batchSize?: number;
  /** Of the intervals. */
  readonly bootstrap?: { readonly resamples?: number; readonly seed?: number; readonly confidence?: number };
}

/**
 * Evaluates a model on declarative tasks.
 *
 * With an `output` folder every answer is kept in `requests.jsonl`, so the same call after a kill goes on where it
 * stopped and gives the same report; samples go to `samples-<task>.jsonl`, unusable lines to `rejects-<task>.jsonl`.
 *
 * @throws MetricError `E_FORMAT` for a bad task, `E_EMPTY` for a task without one usable line, `E_INPUT` or `E_NAN` for bad
 *   answers of the model, `E_ABORTED` on abort (what was answered stays in the cache).
 * @example
 * const model = { name: 'parrot', generate: async (prompts: readonly string[]) => prompts.map((p) => p.slice(0, 5)) };
 * const data = [{ q: 'hello world', a: 'hello' }, { q: 'tschüss', a: 'bye' }];
 * const task = { name: 'echo', type: 'generate' as const, data, prompt: '{{q}}', target: '{{a}}', metrics: ['exact_match'] };
 * const report = await evaluate({ model, tasks: [task] });
 * report.tasks[0]!.metrics[0]!.score; // => 0.5
 */
export async function evaluate(options: EvaluateOptions): Promise<EvaluationReport> {
  const { tasks, output, batchSize, bootstrap, ...run } = options;
  const config = parseEvaluationConfig({
    tasks,
    ...(output !== undefined && { output }),
    ...(batchSize !== undefined && { batchSize }),
    ...(bootstrap !== undefined && { bootstrap }),
  });
  return evaluateConfig(config, run);
}

/**
 * Runs a parsed configuration; see {@link evaluate} and {@link parseEvaluationConfig}.
 *
 * @example
 * const config = parseEvaluationConfig({
 *   tasks: [{ name: 't', type: 'perplexity', data: [{ text: 'ab' }], target: '{{text}}', metrics: ['bits_per_byte'] }],
 * });
 * const scoreText = async (texts: readonly string[]) => texts.map((t) => ({ logLikelihood: -t.length * Math.LN2, tokens: 1 }));
 * const report = await evaluateConfig(config, { model: { name: 'coin', scoreText } });
 * report.tasks[0]!.metrics[0]!.score; // => 1
 */
export async function evaluateConfig(config: EvaluationConfig, run: RunOptions): Promise<EvaluationReport> {
  const started = Date.now();
  const baseDir = run.baseDir ?? process.cwd();
  if (typeof run.model?.name !== 'string' || run.model.name === '') {
    throw new MetricError(
      'E_INPUT',
      'evaluate',
      'the model needs a name',
      show(run.model?.name),
      'name it; answers are cached by name',
    );
  }
  // A name or option that is wrong must not come to light after hours of answers.
  for (const { metrics } of config.tasks) {
    for (const entry of metrics) {
      const { name, options } = typeof entry === 'string' ? { name: entry, options: {} } : entry;
      makeTaskMetric(name, options, run.customMetrics);
    }
  }
  const output = config.output === undefined ? undefined : resolve(baseDir, config.output);
  if (output !== undefined) await mkdir(output, { recursive: true });
  const cache = await RequestCache.open(output === undefined ? undefined : join(output, 'requests.jsonl'));
  const index = run.trainingIndex ?? (await trainingIndex(config, baseDir, run.signal));
  const counts = { cached: 0, computed: 0 };
  const tasks: TaskReport[] = [];
  for (const task of config.tasks) {
    const { samples, rejects } = await prepareTask(task, baseDir);
    if (output !== undefined) await writeJsonLines(join(output, `rejects-${task.name}.jsonl`), rejects);
    if (samples.length === 0) {
      throw new MetricError(
        'E_EMPTY',
        task.name,
        'needs one usable line',
        `${rejects.length} rejects: ${rejects[0]?.reason ?? 'no lines'}`,
        'correct the data file',
      );
    }
    const records = await answer(task, samples, index, {
      ...run,
      cache,
      counts,
      batchSize: config.batchSize,
    });
    const report = scoreTask(task, records, rejects, run.customMetrics ?? {}, config.bootstrap);
    if (output !== undefined)
      await writeJsonLines(join(output, `samples-${task.name}.jsonl`), report.records);
    tasks.push(report);
  }
  return {
    format: 'inkstone-evaluation-1',
    model: run.model.name,
    createdAt: new Date(started).toISOString(),
    elapsedSeconds: (Date.now() - started) / 1000,
    requests: counts,
    tasks,
  };
}

async function trainingIndex(
  config: EvaluationConfig,
  baseDir: string,
  signal?: AbortSignal,
): Promise<NgramIndex | undefined> {
  const settings = config.decontamination;
  if (!settings) return undefined;
  const index = new NgramIndex(settings.order);
  for (const file of settings.files) {
    let line = 0;
    for await (const raw of readLines(resolve(baseDir, file))) {
      line++;
      checkAborted('evaluate', signal);
      if (!file.endsWith('.jsonl')) {
        index.add(raw);
        continue;
      }
      if (raw.trim() === '') continue;
      let text: unknown;
      try {
        text = (JSON.parse(raw) as Record<string, unknown> | null)?.[settings.field];
      } catch {
        text = undefined;
      }
      // A training line that cannot be read might hide a contaminated sample, so it stops the run.
      if (typeof text !== 'string') {
        throw new MetricError(
          'E_FORMAT',
          `${file}:${line}`,
          `needs a JSON object with text in ${settings.field}`,
          show(raw),
          'correct that line',
        );
      }
      index.add(text);
    }
  }
  return index;
}

interface Context extends RunOptions {
  readonly cache: RequestCache;
  readonly counts: { cached: number; computed: number };
  readonly batchSize: number;
}

/** Answers requests from the cache or by `call`, in batches, each request once however often it occurs. */
async function answerAll<Request, Answer>(
  task: string,
  kind: string,
  requests: readonly Request[],
  call: (batch: readonly Request[]) => Promise<readonly Answer[]>,
  check: (answer: unknown) => Answer,
  context: Context,
): Promise<Answer[]> {
  const { cache, counts, model, batchSize, onProgress, signal } = context;
  const keys = requests.map((request) => RequestCache.key(model.name, kind, request));
  const open = new Map<string, Request>();
  requests.forEach((request, i) => {
    if (cache.get(keys[i]!) === undefined) open.set(keys[i]!, request);
  });
  const cached = requests.length - open.size;
  counts.cached += cached;
  const pending = [...open];
  onProgress?.({ task, done: cached, total: requests.length, cached });
  for (let from = 0; from < pending.length; from += batchSize) {
    checkAborted('evaluate', signal);
    const batch = pending.slice(from, from + batchSize);
    const answers = await call(batch.map(([, request]) => request));
    if (!Array.isArray(answers) || answers.length !== batch.length) {
      throw new MetricError(
        'E_INPUT',
        `${model.name} (${kind})`,
        'must answer every request',
        `${answers?.length} answers to ${batch.length}`,
        'return one per request, in order',
      );
    }
    await cache.put(batch.map(([key], i) => [key, encode(check(answers[i]))] as const));
    counts.computed += batch.length;
    onProgress?.({ task, done: cached + from + batch.length, total: requests.length, cached });
  }
  return keys.map((key) => check(decode(cache.get(key))));
}

/** JSON has no infinity, and a choice of probability zero is -Infinity. */
const encode = (answer: unknown): unknown => (answer === -Infinity ? '-Infinity' : answer);
const decode = (answer: unknown): unknown => (answer === '-Infinity' ? -Infinity : answer);

function missing(task: TaskConfig, name: string): MetricError {
  return new MetricError(
    'E_INPUT',
    task.name,
    `a ${task.type} task needs model.${name}`,
    'a model without it',
    `pass ${name}`,
  );
}

const checkNumber = (value: unknown): number => {
  if (typeof value !== 'number' || Number.isNaN(value)) {
    throw new MetricError(
      'E_NAN',
      'model',
      'log-likelihoods must be numbers',
      show(value),
      'look for an overflow in the model',
    );
  }
  return value;
};

async function answer(
  task: TaskConfig,
  samples: readonly PreparedSample[],
  index: NgramIndex | undefined,
  context: Context,
): Promise<Omit<SampleRecord, 'scores'>[]> {
  const { model, signal } = context;
  const pass = signal ? { signal } : {};
  const base = samples.map(({ question, ...sample }) => ({
    ...sample,
    ...(index && { contaminated: index.overlap(question).found > 0 }),
  }));
  if (task.type === 'generate') {
    const { generate } = model;
    if (!generate) throw missing(task, 'generate');
    const settings = withoutUndefined(task.generation);
    const requests = samples.map(({ prompt }) => ({ prompt, settings }));
    const checkText = (value: unknown): string => {
      if (typeof value === 'string') return value;
      throw new MetricError(
        'E_INPUT',
        `${model.name} (generate)`,
        'must answer with strings',
        show(value),
        'return texts',
      );
    };
    const outputs = await answerAll(
      task.name,
      'generate',
      requests,
      (batch) =>
        generate(
          batch.map((r) => r.prompt),
          { ...settings, ...pass },
        ),
      checkText,
      context,
    );
    const pattern = task.extract === undefined ? undefined : new RegExp(task.extract, 'u');
    return base.map((record, i) => {
      const raw = outputs[i]!;
      if (!pattern) return { ...record, output: raw };
      const match = pattern.exec(raw);
      return match
        ? { ...record, output: match[1] ?? match[0], rawOutput: raw }
        : { ...record, rawOutput: raw };
    });
  }
  if (task.type === 'multiple-choice') {
    const { logLikelihood } = model;
    if (!logLikelihood) throw missing(task, 'logLikelihood');
    const requests = samples.flatMap(({ prompt, choices }) =>
      choices!.map((choice) => splitContext(prompt, task.delimiter + choice)),
    );
    const values = await answerAll(
      task.name,
      'logLikelihood',
      requests,
      (batch) => logLikelihood(batch, pass),
      checkNumber,
      context,
    );
    let at = 0;
    return base.map((record) => ({
      ...record,
      logLikelihoods: values.slice(at, (at += record.choices!.length)),
    }));
  }
  const { scoreText } = model;
  if (!scoreText) throw missing(task, 'scoreText');
  const check = (value: unknown): { logLikelihood: number; tokens: number } => {
    const { logLikelihood, tokens } = (value ?? {}) as { logLikelihood: unknown; tokens: unknown };
    return { logLikelihood: checkNumber(logLikelihood), tokens: checkNumber(tokens) };
  };
  const texts = samples.map(({ references }) => references[0]!);
  const values = await answerAll(
    task.name,
    'scoreText',
    texts,
    (batch) => scoreText(batch, pass),
    check,
    context,
  );
  return base.map((record, i) => ({ ...record, ...values[i]! }));
}

const withoutUndefined = <T extends object>(value: T): T =>
  Object.fromEntries(Object.entries(value).filter(([, v]) => v !== undefined)) as T;
