import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { text as readAll } from 'node:stream/consumers';
import { Tokenizer } from '@inkstone/tokenizer';
import { Command, CommanderError, Option } from 'commander';
import { parseRunConfig, type RunConfig } from './config.js';
import type { Environment } from './environment.js';
import { CliError, isWorded, Stopped } from './errors.js';
import { evaluateTasks } from './evaluate-tasks.js';
import { addFlags, applyFlags, type Flag, LENGTH_KEYS, replaceLength, runFlags } from './flags.js';
import { loadModel, SAMPLING, streamText } from './model.js';
import { conclude, DEFAULT_INCLUDE, nearestModules } from './quickstart.js';
import { makeReporter, type Output } from './reporter.js';
import { freeFolder, readJson, readRun, trainRun } from './run.js';
import { addTokenizerCommands } from './tokenizer/commands.js';
import { examples, number } from './usage.js';

const QUICKSTART_FLAGS =
  'data include minutes out vocab layers heads width context batch-size lr precision seed'.split(' ');

const named = (names: readonly string[]): Flag[] =>
  names.map((name) => runFlags.find((flag) => flag.name === name)!);

/**
 * The command line as a commander program. Its actions throw; {@link main} words the errors.
 *
 * @example
 * await makeProgram(environment).parseAsync(['generate', 'runs/a'], { from: 'user' });
 */
export function makeProgram(environment: Environment): Command {
  const { stdout, stderr, signal, name } = environment;
  const program = new Command('inkstone')
    .description('Trains language models on your text, on this machine, and lets them write.')
    .exitOverride()
    .configureOutput({ writeOut: (s) => stdout.write(s), writeErr: (s) => stderr.write(s) })
    .configureHelp({ showGlobalOptions: true })
    .showHelpAfterError('(--help lists what there is)');

  const runTo = async (config: RunConfig, resume: boolean): Promise<void> => {
    const reporter = makeReporter(stdout);
    const summary = await trainRun(config, { reporter, signal, resume });
    conclude(summary, reporter, name);
    if (summary.reason === 'stopped') throw new Stopped();
  };

  const quickstart = program
    .command('quickstart')
    .summary('Train a small model in minutes, on text you already have')
    .description(
      'Trains a tokenizer and a GPT of about 10 million parameters, by default on the documentation and type\n' +
        'declarations under node_modules, and shows what it learned.',
    );
  addFlags(quickstart, named(QUICKSTART_FLAGS));
  quickstart
    .addHelpText(
      'after',
      examples(name, [
        ['Three minutes on what is under node_modules', 'quickstart'],
        ['Ten minutes on your own notes', 'quickstart --data ~/notes --minutes 10'],
        ['A quick look at a smaller model', 'quickstart --minutes 0.5 --layers 4 --heads 4 --width 128'],
      ]),
    )
    .action(async (options: Record<string, unknown>) => {
      const base = {
        out: freeFolder(path.join('runs', 'quickstart')),
        minutes: 3,
        data: options.data ? {} : { train: [nearestModules('.')], include: DEFAULT_INCLUDE },
      };
      const config = parseRunConfig(applyFlags(base, options, named(QUICKSTART_FLAGS)), 'quickstart');
      await runTo(config, false);
    });

  const train = program
    .command('train')
    .summary('Train a model, or go on training one')
    .description('Trains a model as a configuration file, flags, or both tell. Flags win over the file.')
    .option('--config <file>', 'A JSON file with any of the settings below')
    .option('--resume <run>', 'Go on with the run in this folder; only its length can be changed');
  addFlags(train, runFlags);
  train
    .addHelpText(
      'after',
      examples(name, [
        ['An hour on a folder of text', 'train --out runs/notes --data ~/notes --minutes 60'],
        ['Everything from a file, but a higher learning rate', 'train --config run.json --lr 2e-3'],
        ['Go on after a stop, or a crash: the result has the same bits', 'train --resume runs/notes'],
        ['Go on until 10000 steps are done in all', 'train --resume runs/notes --steps 10000'],
      ]),
    )
    .action(async (options: Record<string, unknown>) => {
      const resume = typeof options.resume === 'string';
      const config = resume ? await resumedConfig(options) : await newConfig(options);
      await runTo(config, resume);
    });

  program
    .command('generate')
    .summary('Let a trained model write')
    .description("Writes text with a model: a run's folder, or any GPT-2 folder in Hugging Face's layout.")
    .argument('<model>', 'Folder with config.json, model.safetensors and tokenizer.json')
    .option('--prompt <text>', 'How the text begins; - reads it from standard input', '')
    .option('--max-tokens <n>', 'Tokens to write at most', number, 200)
    .option(
      '--temperature <n>',
      'Below 1 more predictable, above 1 more surprising; 0 takes the likeliest',
      number,
      SAMPLING.temperature,
    )
    .option('--top-k <n>', 'Choose among the k likeliest tokens; 0 among all', number, SAMPLING.topK)
    .option('--top-p <n>', 'Choose among the likeliest tokens that together have this probability', number, 1)
    .option('--repetition-penalty <n>', 'Above 1, what was said already becomes less likely', number, 1)
    .option('--stop <text...>', 'Texts that end the writing')
    .option('--seed <n>', 'The same seed gives the same text; another one each time by default', number)
    .option('--count <n>', 'How many texts', number, 1)
    .addOption(new Option('--json', 'A line of JSON for each text'))
    .addHelpText(
      'after',
      examples(name, [
        ['Go on from a beginning', 'generate runs/quickstart --prompt "# Installation"'],
        [
          'Three texts for a program to read',
          'generate runs/quickstart --count 3 --max-tokens 50 --seed 1 --json',
        ],
        ['Go on from a file', 'generate runs/quickstart --prompt - < start.md'],
      ]),
    )
    .action((model: string, options: GenerateFlags) => generateCommand(model, options, environment));

  program
    .command('eval')
    .summary('Evaluate a model on tasks, and compare it with others')
    .description(
      'Evaluates a model on the tasks of a JSON file (multiple choice, generation, perplexity) and writes report.json,\n' +
        'report.md and report.html. Each answer is saved at once: the same command goes on after a stop or a crash.',
    )
    .argument('<config>', 'JSON file with the tasks; its paths are relative to its folder')
    .requiredOption('--model <folder>', 'Folder with config.json, model.safetensors and tokenizer.json')
    .option(
      '--out <folder>',
      "Where to; by default the file's output, or eval-<config> in the model's folder",
    )
    .option('--compare <reports...>', 'report.json of earlier evaluations, the baseline first')
    .addHelpText(
      'after',
      examples(name, [
        ['The tasks of a file', 'eval tasks.json --model runs/notes'],
        ['To a folder of your choice', 'eval tasks.json --model runs/notes --out evals/notes'],
        [
          'With paired tests against another model',
          'eval tasks.json --model runs/b --out evals/b --compare evals/a/report.json',
        ],
      ]),
    )
    .action(async (config: string, options: { model: string; out?: string; compare?: string[] }) => {
      const reporter = makeReporter(stdout);
      const { out, report } = await evaluateTasks({ config, ...options, reporter, signal });
      if (report) return;
      reporter.event(
        { event: 'stopped', out },
        `Stopped    the answers so far are in ${out}. Go on with the same command.`,
      );
      throw new Stopped();
    });

  addTokenizerCommands(program, environment);
  return program;
}

interface GenerateFlags {
  prompt: string;
  maxTokens: number;
  temperature: number;
  topK: number;
  topP: number;
  repetitionPenalty: number;
  stop?: string[];
  seed?: number;
  count: number;
  json?: boolean;
}

async function generateCommand(
  folder: string,
  flags: GenerateFlags,
  { stdout, stdin, signal }: Environment,
): Promise<void> {
  const { count, json, seed, ...options } = flags;
  if (!Number.isInteger(count) || count < 1)
    throw new CliError(
      'E_USAGE',
      '--count',
      'it must be a positive whole number',
      `${count}`,
      'give 1 or more',
    );
  const prompt = options.prompt === '-' ? await readAll(stdin) : options.prompt;
  const tokenizer = await Tokenizer.fromPretrained(folder);
  const model = await loadModel(folder);
  try {
    for (let i = 0; i < count; i++) {
      const request = { ...options, prompt, signal, ...(seed === undefined ? {} : { seed: seed + i }) };
      let text = '';
      if (!json) stdout.write(i > 0 ? `\n---\n${prompt}` : prompt);
      for await (const piece of streamText(model, tokenizer, request)) {
        text += piece;
        if (!json) stdout.write(piece);
      }
      stdout.write(
        json
          ? `${JSON.stringify({ prompt, text, ...(seed === undefined ? {} : { seed: seed + i }) })}\n`
          : '\n',
      );
    }
  } finally {
    model.dispose();
  }
}

async function newConfig(options: Record<string, unknown>): Promise<RunConfig> {
  const file = options.config as string | undefined;
  const base = file ? await readJson(file, 'name a JSON file with --config') : {};
  const withOut =
    'out' in base || options.out ? base : { ...base, out: freeFolder(path.join('runs', 'train')) };
  return parseRunConfig(applyFlags(replaceLength(withOut, options), options, runFlags), file ?? 'config');
}

async function resumedConfig(options: Record<string, unknown>): Promise<RunConfig> {
  const { resume, ...rest } = options;
  const fixed = Object.keys(rest).filter((key) => !(LENGTH_KEYS as readonly string[]).includes(key));
  if (fixed.length > 0)
    throw new CliError(
      'E_USAGE',
      '--resume',
      'a resumed run keeps its settings; only --steps, --tokens or --minutes may be given',
      fixed.map((key) => `--${key.replace(/[A-Z]/g, (c) => `-${c.toLowerCase()}`)}`).join(', '),
      'leave them out, or start a new run',
    );
  const config = await readRun(resume as string);
  return parseRunConfig(
    applyFlags(replaceLength(config, rest), rest, runFlags),
    path.join(config.out, 'run.json'),
  );
}

/** Exit status of a process that a signal ended, as shells count: 128 + its number. */
const SIGNALS = { SIGINT: 130, SIGTERM: 143 } as const;

/**
 * Runs the command line in this process and sets its exit status: 0; 1 for an error, told in one line; 2 for a
 * wrong use; 130 or 143 when it was stopped. The first SIGINT or SIGTERM finishes the step and saves, the second ends
 * the process at once.
 *
 * @param args without node and the script.
 */
export async function main(args: readonly string[]): Promise<void> {
  const controller = new AbortController();
  let stoppedBy: keyof typeof SIGNALS | undefined;
  const stop = (name: keyof typeof SIGNALS) => {
    if (stoppedBy) process.exit(SIGNALS[name]);
    stoppedBy = name;
    process.stderr.write('\nStopping: a run finishes its step and saves it first. Again to stop at once.\n');
    controller.abort();
  };
  for (const name of Object.keys(SIGNALS) as (keyof typeof SIGNALS)[]) process.on(name, stop);
  // A reader that has seen enough, such as `head`, is no error.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
    throw error;
  });
  const environment = {
    stdout: process.stdout,
    stderr: process.stderr,
    stdin: process.stdin,
    signal: controller.signal,
    name: 'npx inkstone',
  };
  try {
    await makeProgram(environment)
      .version(await version())
      .parseAsync([...args], { from: 'user' });
  } catch (error) {
    process.exitCode = stoppedBy ? SIGNALS[stoppedBy] : wordError(error, process.stderr);
  }
}

/** Tells an error in one line, or with its stack when it is none of ours. Returns the exit status. */
export function wordError(error: unknown, stderr: Output): number {
  if (error instanceof Stopped) return SIGNALS.SIGINT;
  // Commander has told its own errors already.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  if (process.stdout.isTTY) stderr.write('\r\x1b[2K');
  if (isWorded(error) && !process.env.INKSTONE_DEBUG) {
    stderr.write(`inkstone: ${error.message}\n`);
    return 'code' in error && error.code === 'E_USAGE' ? 2 : 1;
  }
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  stderr.write(`inkstone: this is a bug, please report it:\n${stack}\n`);
  return 1;
}

async function version(): Promise<string> {
  const file = new URL('../package.json', import.meta.url);
  return existsSync(file)
    ? (JSON.parse(await readFile(file, 'utf8')) as { version: string }).version
    : 'unknown';
}
