import { existsSync } from 'node:fs';
import path from 'node:path';
import { formatCount, formatDuration } from '@inkstone/trainer';
import { CliError } from './errors.js';
import type { Reporter } from './reporter.js';
import type { RunSummary } from './run.js';

/** Endings of the text that every folder with dependencies has: documentation and type declarations. */
export const DEFAULT_INCLUDE = ['.md', '.d.ts'];

/**
 * The nearest node_modules at or above a folder: text that everybody has.
 *
 * @throws CliError E_DATA when there is none.
 */
export function nearestModules(from: string): string {
  for (let folder = path.resolve(from); ; folder = path.dirname(folder)) {
    const candidate = path.join(folder, 'node_modules');
    if (existsSync(candidate)) return path.relative(from, candidate) || candidate;
    if (folder === path.dirname(folder))
      throw new CliError(
        'E_DATA',
        'quickstart',
        'without --data there must be a node_modules folder here or above, whose documentation is read',
        `none above ${path.resolve(from)}`,
        'name text with --data FOLDER',
      );
  }
}

const quoted = (text: string) => (/^[\w./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);

/** How to go on from a finished run: commands that can be pasted. */
export function nextSteps(out: string, program: string): string[] {
  const run = quoted(out);
  return [
    `${program} generate ${run} --prompt ${quoted('# Getting started')}`,
    `${program} train --resume ${run} --minutes 30`,
    `${program} train --out runs/mine --data ${quoted('FOLDER')} --minutes 10`,
  ];
}

/** Tells how a run ended. */
export function conclude(summary: RunSummary, reporter: Reporter, program: string): void {
  const { out, evaluation, samples = [], step, tokens, seconds, reason, best } = summary;
  const report = path.join(out, 'report.html');
  if (reason === 'stopped' || !evaluation) {
    reporter.event(
      { event: 'stopped', out, step, tokens, seconds },
      `Stopped    after step ${step}, saved. Go on with: ${program} train --resume ${quoted(out)}`,
    );
    return;
  }
  const next = nextSteps(out, program);
  const indent = (text: string) =>
    text
      .split('\n')
      .map((line) => `  │ ${line}`)
      .join('\n');
  reporter.event(
    {
      event: 'finished',
      out,
      report,
      step,
      tokens,
      seconds,
      validationLoss: best?.loss,
      bitsPerByte: evaluation.bitsPerByte,
      evaluatedTokens: evaluation.tokens,
      samples,
      next,
    },
    [
      `Trained    ${step} steps, ${formatCount(tokens)} tokens in ${formatDuration(seconds)}`,
      `Validation ${evaluation.bitsPerByte.toFixed(3)} bits per byte (${evaluation.loss.toFixed(3)} nats per token, on ${formatCount(evaluation.tokens)} held-out tokens)`,
      '',
      ...samples.flatMap((text, i) => [`Sample ${i + 1}`, indent(text.trim()), '']),
      `Saved      ${out} (config.json, model.safetensors, tokenizer.json: Hugging Face's layout)`,
      `Report     ${report}`,
      '',
      'Go on:',
      ...next.map((line) => `  ${line}`),
    ].join('\n'),
  );
}
