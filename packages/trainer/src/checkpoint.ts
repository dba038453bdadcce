import { readdir, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import type { GeneratorState, Tensor } from '@inkstone/tensor-core';
import { SafetensorsFile, writeSafetensors } from '@inkstone/transformer';
import { z } from 'zod';
import { parseStrict } from './config.js';
import { fileError, systemCode, TrainerError } from './errors.js';
import { writeFileAtomic, writeFolderAtomic } from './files.js';

const whole = z.number().int().nonnegative();
const generator = z.strictObject({ seed: whole, offset: whole });

/** What state.json of a checkpoint holds: all there is besides tensors. */
const stateSchema = z.strictObject({
  version: z.literal(1),
  step: whole,
  tokens: whole,
  /** Windows handed out so far. */
  position: whole,
  /** Windows in an epoch: other data would be read from another place. */
  windows: whole,
  /** Seconds trained. */
  elapsed: z.number().nonnegative(),
  best: z.strictObject({ step: whole, loss: z.number() }).nullable(),
  plan: z.strictObject({
    total: whole,
    warmup: whole,
    validateEvery: whole.positive(),
    checkpointEvery: whole.positive(),
    sampleEvery: whole.positive(),
    validationBatches: whole.positive(),
  }),
  /** False while a run in minutes still measures its speed. */
  settled: z.boolean(),
  generator,
});

/** Where a run stands, besides its tensors. */
export type TrainerState = z.output<typeof stateSchema> & { generator: GeneratorState };

const NAME = /^checkpoint-(\d+)$/;

const folderName = (step: number) => `checkpoint-${String(step).padStart(8, '0')}`;

/**
 * The checkpoints of a run, the newest first.
 *
 * @example
 * const [last] = await listCheckpoints('runs/a');
 */
export async function listCheckpoints(run: string): Promise<{ step: number; folder: string }[]> {
  let names: string[];
  try {
    names = await readdir(run);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return [];
    throw fileError(error, run);
  }
  return names
    .flatMap((name) => {
      const match = NAME.exec(name);
      return match ? [{ step: Number(match[1]), folder: path.join(run, name) }] : [];
    })
    .sort((a, b) => b.step - a.step);
}

/**
 * Writes a checkpoint: a folder that appears whole, in one rename. Only then are older ones removed, so whenever the
 * process dies, a valid one is there.
 *
 * @returns its folder.
 * @throws TrainerError E_NO_SPACE, E_IO; the previous checkpoint is then intact.
 */
export async function saveCheckpoint(
  run: string,
  state: TrainerState,
  model: ReadonlyMap<string, Tensor>,
  optimizer: ReadonlyMap<string, Tensor>,
): Promise<string> {
  const target = path.join(run, folderName(state.step));
  const older = await listCheckpoints(run);
  const kept = older[0] ? `the checkpoint of step ${older[0].step} is intact` : 'nothing was overwritten';
  if (older.some(({ step }) => step === state.step)) return target;
  await writeFolderAtomic(
    target,
    async (folder) => {
      await writeSafetensors(path.join(folder, 'model.safetensors'), model);
      await writeSafetensors(path.join(folder, 'optimizer.safetensors'), optimizer);
      await writeFileAtomic(path.join(folder, 'state.json'), `${JSON.stringify(state, null, 2)}\n`);
    },
    kept,
  );
  for (const { folder } of older) await rm(folder, { recursive: true, force: true });
  return target;
}

/**
 * Reads the state of a checkpoint.
 *
 * @example
 * const [last] = await listCheckpoints('runs/a');
 * (await readState(last.folder)).step;
 * @throws TrainerError E_IO, E_FORMAT, E_CONFIG.
 */
export async function readState(folder: string): Promise<TrainerState> {
  const file = path.join(folder, 'state.json');
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    throw fileError(error, file);
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new TrainerError(
      'E_FORMAT',
      file,
      'it must be JSON',
      `${text.length} characters that are not`,
      'resume from another run',
      {
        cause,
      },
    );
  }
  return parseStrict(stateSchema, value, file);
}

/**
 * Reads the tensors of a checkpoint into those of a model and its optimizer, which must have the same names and shapes.
 *
 * @throws TrainerError E_CONFIG naming the tensors that are missing and unexpected; TransformerError for a broken file.
 */
export async function loadCheckpoint(
  folder: string,
  model: ReadonlyMap<string, Tensor>,
  optimizer: ReadonlyMap<string, Tensor>,
): Promise<void> {
  for (const [name, tensors] of [
    ['model.safetensors', model],
    ['optimizer.safetensors', optimizer],
  ] as const) {
    const file = await SafetensorsFile.open(path.join(folder, name));
    try {
      const missing = [...tensors.keys()].filter((key) => !file.tensors.has(key));
      const unexpected = [...file.tensors.keys()].filter((key) => !tensors.has(key));
      if (missing.length || unexpected.length)
        throw new TrainerError(
          'E_CONFIG',
          file.path,
          'a checkpoint must hold the tensors of the model it resumes',
          `missing ${list(missing)}; unexpected ${list(unexpected)}`,
          'resume with the model configuration of the run',
        );
      for (const [key, target] of tensors) await file.readInto(key, target);
    } finally {
      await file.close();
    }
  }
}

const list = (names: string[]) =>
  names.length === 0
    ? 'none'
    : `${names.slice(0, 5).join(', ')}${names.length > 5 ? ` and ${names.length - 5} more` : ''}`;
