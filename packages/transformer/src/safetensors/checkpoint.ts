import { mkdir, readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { DTYPES, type Tensor } from '@inkstone/tensor-core';
import { describe, fileError, TransformerError } from '../errors.js';
import { type PendingFile, readJsonObject, writeFileAtomic } from '../files.js';
import type { TensorInfo } from './header.js';
import { SafetensorsFile } from './reader.js';
import { writePending } from './writer.js';

const SINGLE = 'model.safetensors';
const INDEX = 'model.safetensors.index.json';
const SHARD = /^model-\d{5}-of-\d{5}\.safetensors$/;

/**
 * The weights of a model folder: `model.safetensors`, or the shards that `model.safetensors.index.json` lists.
 *
 * @example
 * const weights = await Checkpoint.open('my-model');
 * const shapes = [...weights.tensors].map(([name, { shape }]) => [name, shape]);
 * await weights.close();
 */
export class Checkpoint {
  private constructor(
    private readonly files: readonly SafetensorsFile[],
    private readonly home: ReadonlyMap<string, SafetensorsFile>,
  ) {}

  /**
   * Opens every file of a folder and checks their headers and that they agree with the index.
   * @throws TransformerError E_IO when there are no weights, E_FORMAT, E_UNSUPPORTED for pickled weights
   */
  static async open(dir: string): Promise<Checkpoint> {
    let names: string[];
    try {
      names = await readdir(dir);
    } catch (error) {
      throw fileError(error, dir);
    }
    const sharded = !names.includes(SINGLE) && names.includes(INDEX);
    if (!sharded && !names.includes(SINGLE)) throw noWeights(dir, names);
    const index = sharded ? await readIndex(path.join(dir, INDEX)) : null;

    const files: SafetensorsFile[] = [];
    try {
      const home = new Map<string, SafetensorsFile>();
      for (const name of index ? new Set(index.values()) : [SINGLE]) {
        const file = await SafetensorsFile.open(path.join(dir, name));
        files.push(file);
        for (const tensor of file.tensors.keys()) {
          if (index && index.get(tensor) !== name)
            throw disagree(
              dir,
              `${tensor} in ${name}, where the index has ${index.get(tensor) ?? 'nothing'}`,
            );
          home.set(tensor, file);
        }
      }
      for (const [tensor, name] of index ?? [])
        if (!home.has(tensor)) throw disagree(dir, `no ${tensor} in ${name}`);
      return new Checkpoint(files, home);
    } catch (error) {
      for (const file of files) await file.close();
      throw error;
    }
  }

  /** Every tensor by name. */
  get tensors(): Map<string, TensorInfo> {
    return new Map([...this.home].map(([name, file]) => [name, file.tensors.get(name)!]));
  }

  /** Reads one tensor into another; see {@link SafetensorsFile.readInto}. */
  async readInto(name: string, target: Tensor, options: { signal?: AbortSignal } = {}): Promise<void> {
    const file = this.home.get(name);
    if (!file)
      throw new TransformerError(
        'E_ARGUMENT',
        name,
        'a tensor of this name must be in the checkpoint',
        `${this.home.size} others`,
        'list checkpoint.tensors.keys()',
      );
    await file.readInto(name, target, options);
  }

  /** Closes the files. */
  async close(): Promise<void> {
    for (const file of this.files) await file.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

const disagree = (dir: string, received: string) =>
  new TransformerError(
    'E_FORMAT',
    path.join(dir, INDEX),
    'index and shards must name the same tensors',
    received,
    'download or save the folder again',
  );

function noWeights(dir: string, names: readonly string[]): TransformerError {
  const pickled = names.find((n) => /^pytorch_model.*\.bin$/.test(n));
  return pickled
    ? new TransformerError(
        'E_UNSUPPORTED',
        path.join(dir, pickled),
        'weights must be in safetensors files, which cannot run code',
        'a pickle',
        'save the model with save_pretrained of transformers 4.35 or later',
      )
    : new TransformerError(
        'E_IO',
        dir,
        `must hold ${SINGLE} or ${INDEX}`,
        names.length === 0 ? 'an empty folder' : names.slice(0, 8).join(', '),
        'check the path, or download the weights',
      );
}

/** Tensor name to file name. */
async function readIndex(file: string): Promise<Map<string, string>> {
  const { weight_map: map } = await readJsonObject(file);
  const refuse = (expected: string, received: unknown) =>
    new TransformerError('E_FORMAT', file, expected, describe(received), 'download or save the folder again');
  if (typeof map !== 'object' || map === null || Array.isArray(map))
    throw refuse('weight_map must be an object', map);
  const out = new Map<string, string>();
  for (const [tensor, name] of Object.entries(map)) {
    // An index must not reach outside its folder.
    if (typeof name !== 'string' || !/^[^/\\]+\.safetensors$/.test(name))
      throw refuse('weight_map must name .safetensors files of the same folder', name);
    out.set(tensor, name);
  }
  if (out.size === 0) throw refuse('weight_map must name tensors', map);
  return out;
}

/** Options of {@link saveCheckpoint}. */
export interface SaveCheckpointOptions {
  /** Files grow no larger than this many bytes, unless one tensor does. Default 5e9. */
  maxShardSize?: number;
  signal?: AbortSignal;
}

/**
 * Writes weights into a folder: `model.safetensors`, or shards with their index when they exceed `maxShardSize`.
 *
 * One file replaces another in one step. Several are first written in full under temporary names; only then do they
 * replace what was there, the index last, so save shards to a new folder where readers may be at work.
 *
 * @throws TransformerError E_ARGUMENT, E_NO_SPACE, E_IO; the signal's reason
 * @example
 * await saveCheckpoint('my-weights', Object.entries({ w: randn([3, 4]) }), { maxShardSize: 2e9 });
 */
export async function saveCheckpoint(
  dir: string,
  tensors: Iterable<readonly [string, Tensor]>,
  { maxShardSize = 5e9, signal }: SaveCheckpointOptions = {},
): Promise<void> {
  if (!(maxShardSize > 0))
    throw new TransformerError(
      'E_ARGUMENT',
      'maxShardSize',
      'must be a positive number of bytes',
      `${maxShardSize}`,
      'leave it out for 5e9',
    );
  const all = [...tensors];
  const seen = new Set<string>();
  for (const [name] of all)
    if (seen.size === seen.add(name).size)
      throw new TransformerError(
        'E_ARGUMENT',
        dir,
        'tensor names must be unique',
        `'${name}' twice`,
        'rename one',
      );
  const shards = divide(all, maxShardSize);
  const total = String(shards.length).padStart(5, '0');
  const names = shards.map((_, i) =>
    shards.length === 1 ? SINGLE : `model-${String(i + 1).padStart(5, '0')}-of-${total}.safetensors`,
  );
  const pending: PendingFile[] = [];
  try {
    await mkdir(dir, { recursive: true });
    for (const [i, shard] of shards.entries())
      pending.push(
        await writePending(path.join(dir, names[i]!), shard, { metadata: { format: 'pt' }, signal }),
      );
    for (const file of pending) await file.commit();
    if (shards.length > 1) await writeIndex(dir, shards, names);
    // What an earlier save in another number of files left would be read instead of, or beside, this one.
    const keep = new Set([...names, ...(shards.length > 1 ? [INDEX] : [])]);
    for (const name of await readdir(dir))
      if ((name === SINGLE || name === INDEX || SHARD.test(name)) && !keep.has(name))
        await rm(path.join(dir, name));
  } catch (error) {
    for (const file of pending) await file.discard();
    throw fileError(error, dir);
  }
}

type Shard = (readonly [string, Tensor])[];

const bytesOf = (t: Tensor): number => t.size * DTYPES[t.dtype].bytes;

function divide(tensors: Shard, limit: number): Shard[] {
  const shards: Shard[] = [[]];
  let bytes = 0;
  for (const entry of tensors) {
    const more = bytesOf(entry[1]);
    if (bytes > 0 && bytes + more > limit) {
      shards.push([]);
      bytes = 0;
    }
    shards.at(-1)!.push(entry);
    bytes += more;
  }
  return shards;
}

async function writeIndex(dir: string, shards: readonly Shard[], names: readonly string[]): Promise<void> {
  const entries = shards.flatMap((shard, i) => shard.map(([tensor]) => [tensor, names[i]!] as const));
  const total_size = shards.flat().reduce((sum, [, t]) => sum + bytesOf(t), 0);
  const index = { metadata: { total_size }, weight_map: Object.fromEntries(entries) };
  await writeFileAtomic(path.join(dir, INDEX), `${JSON.stringify(index, null, 2)}\n`);
}
