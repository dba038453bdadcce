import { createHash } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import {
  type ComparisonRow,
  compareReports,
  type EvaluationProgress,
  type EvaluationReport,
  evaluateConfig,
  type MetricReport,
  parseEvaluationConfig,
  readReport,
  type TaskReport,
  writeReport,
} from '@inkstone/metrics';
import { Tokenizer } from '@inkstone/tokenizer';
import { formatDuration } from '@inkstone/trainer';
import { evaluatedModel } from './evaluate-model.js';
import { loadModel } from './model.js';
import type { Reporter } from './reporter.js';
import { readJson } from './run.js';

/** What to evaluate, and where to. */
export interface EvaluateTasksOptions {
  /** The evaluation's JSON file; relative paths in it start at its folder. */
  config: string;
  /** Folder of the model: config.json, model.safetensors, tokenizer.json. */
  model: string;
  /** Folder of the results; else the config's `output`, else `eval-<name of the config>` in the model's folder. */
  out?: string | undefined;
  /** report.json files of earlier evaluations, the baseline first. */
  compare?: readonly string[];
  reporter: Reporter;
  signal?: AbortSignal;
}

/** What an evaluation amounts to. */
export interface EvaluateTasksSummary {
  readonly out: string;
  /** Undefined when it was stopped; the answers so far are kept. */
  readonly report?: EvaluationReport;
  readonly comparison?: readonly ComparisonRow[];
}

const MODEL_FILES = /^(config\.json|.*\.safetensors|tokenizer.*|vocab\..*|merges\.txt)$/;

/**
 * The folder's name and the first 8 hex digits of the SHA-256 of what decides its answers: weights, config, tokenizer.
 *
 * Answers are cached by this name, and a folder that was trained on, or another one of the same name, is another model.
 */
async function modelName(folder: string): Promise<string> {
  const hash = createHash('sha256');
  for (const name of (await readdir(folder)).filter((file) => MODEL_FILES.test(file)).sort()) {
    hash.update(`${name}\0`);
    for await (const chunk of createReadStream(path.join(folder, name))) hash.update(chunk as Buffer);
  }
  return `${path.basename(path.resolve(folder))}@${hash.digest('hex').slice(0, 8)}`;
}

/**
 * Evaluates a model on the tasks of a configuration and writes report.json, report.md and report.html.
 *
 * Every answer is on disk before the next is asked for, so that the same call after a stop or a kill goes on from
 * there; on abort the summary has no report. Sample logs and rejected lines lie beside the reports.
 *
 * @throws CliError E_RUN; MetricError for a bad configuration, data file or report; TransformerError, TokenizerError,
 *   TensorError.
 * @example
 * const summary = await evaluateTasks({ config: 'tasks.json', model: 'runs/a', reporter: makeReporter(process.stdout) });
 * summary.report?.tasks[0]?.metrics[0]?.score;
 */
export async function evaluateTasks(options: EvaluateTasksOptions): Promise<EvaluateTasksSummary> {
  const { config: file, model: folder, reporter, signal } = options;
  const config = parseEvaluationConfig(
    await readJson(file, 'name the JSON file that lists the tasks to evaluate'),
  );
  const baseDir = path.dirname(path.resolve(file));
  const baselines = await Promise.all((options.compare ?? []).map(readReport));
  reporter.stage('Loading the model');
  const tokenizer = await Tokenizer.fromPretrained(folder);
  const gpt = await loadModel(folder);
  try {
    const model = evaluatedModel(gpt, tokenizer, await modelName(folder));
    const output = options.out
      ? path.resolve(options.out)
      : config.output
        ? path.resolve(baseDir, config.output)
        : path.resolve(folder, `eval-${path.basename(file, '.json')}`);
    const out = path.relative('.', output) || '.';
    const fresh = !existsSync(output);
    let answered = false;
    const show = progress(reporter);
    const onProgress = (event: EvaluationProgress) => {
      answered ||= event.done > 0;
      show(event);
    };
    let report: EvaluationReport;
    try {
      // The model takes requests one by one, so batches would only lose answers when stopped.
      report = await evaluateConfig(
        { ...config, output, batchSize: 1 },
        { model, baseDir, onProgress, ...(signal && { signal }) },
      );
    } catch (error) {
      // An evaluation that never began, for want of its data say, leaves no folder behind.
      if (fresh && !answered) await rm(output, { recursive: true, force: true });
      if (signal?.aborted) return { out };
      throw error;
    } finally {
      reporter.end();
    }
    const runs = [...baselines, report];
    const files = await writeReport(output, runs);
    const comparison = compareReports(runs);
    tell(report, comparison, { out, html: path.join(out, path.basename(files.html)) }, reporter);
    return { out, report, comparison };
  } finally {
    gpt.dispose();
  }
}

/** A live line, or a line of JSON at most once a second and at a task's end. */
function progress(reporter: Reporter): (event: EvaluationProgress) => void {
  let last = Number.NEGATIVE_INFINITY;
  return ({ task, done, total, cached }) => {
    reporter.progress(task, done, total, 'requests');
    if (reporter.live || (done < total && Date.now() - last < 1000)) return;
    last = Date.now();
    reporter.event({ event: 'progress', task, done, total, cached });
  };
}

const number = (value: number) => String(Number(value.toPrecision(4)));

function scoreLine(task: TaskReport, { name, score, interval, error }: MetricReport): string {
  const range = interval ? ` [${number(interval.low)}, ${number(interval.high)}]` : '';
  const value = score === undefined ? `failed: ${error}` : `${number(score)}${range}`;
  return `${task.name.padEnd(20)} ${name.padEnd(16)} ${value}  (${task.samples} samples)`;
}

function comparisonLine({ task, name, model, baselineModel, test, adjustedP, note }: ComparisonRow): string {
  const label = `${task.padEnd(20)} ${name.padEnd(16)} ${model} against ${baselineModel}: `;
  if (!test || adjustedP === undefined) return `${label}not tested, ${note}`;
  return `${label}${test.difference < 0 ? '' : '+'}${number(test.difference)}, p = ${number(adjustedP)} (Holm)`;
}

function tell(
  report: EvaluationReport,
  comparison: readonly ComparisonRow[],
  { out, html }: { out: string; html: string },
  reporter: Reporter,
): void {
  for (const task of report.tasks) {
    for (const metric of task.metrics) {
      const { name, score, error, interval, higherIsBetter } = metric;
      const facts = { task: task.name, metric: name, score, error, interval, higherIsBetter };
      reporter.event({ event: 'score', ...facts, samples: task.samples }, scoreLine(task, metric));
    }
    if (task.rejects.length > 0) {
      const { line, reason } = task.rejects[0]!;
      const count = task.rejects.length;
      reporter.event(
        { event: 'rejects', task: task.name, count, first: { line, reason } },
        `${task.name.padEnd(20)} ${count} lines could not be used, the first is line ${line}: ${reason}`,
      );
    }
  }
  for (const row of comparison) reporter.event({ event: 'comparison', ...row }, comparisonLine(row));
  const { model, requests, elapsedSeconds } = report;
  reporter.event(
    { event: 'finished', out, report: html, model, requests, seconds: elapsedSeconds },
    [
      `Evaluated  ${model} in ${formatDuration(elapsedSeconds)} (${requests.computed} answers computed, ${requests.cached} from the cache)`,
      `Report     ${html}`,
    ].join('\n'),
  );
}
