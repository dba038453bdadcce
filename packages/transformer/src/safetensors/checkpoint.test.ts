import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Scope, type Tensor, tensor } from '@inkstone/tensor-core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TransformerError } from '../errors.js';
import { Checkpoint, saveCheckpoint } from './checkpoint.js';
import { writeSafetensors } from './writer.js';

let dir: string;
let scope: Scope;
let tensors: [string, Tensor][];

beforeEach(async () => {
  dir = await mkdtemp(path.join(tmpdir(), 'inkstone-checkpoint-'));
  scope = new Scope();
  tensors = ['a', 'b', 'c', 'd'].map((name, i) => [name, tensor([i, i + 1, i + 2], { device: 'ref' })]);
});
afterEach(async () => {
  scope[Symbol.dispose]();
  await rm(dir, { recursive: true });
});

async function readAll(): Promise<Record<string, unknown>> {
  const checkpoint = await Checkpoint.open(dir);
  const out: Record<string, unknown> = {};
  for (const [name, { shape }] of checkpoint.tensors) {
    const target = tensor(new Float32Array(3), { shape, device: 'ref' });
    await checkpoint.readInto(name, target);
    out[name] = target.toArray();
  }
  await checkpoint.close();
  return out;
}

const all = () => Object.fromEntries(tensors.map(([name, t]) => [name, t.toArray()]));

async function failure(): Promise<TransformerError> {
  const error = await Checkpoint.open(dir).then(
    (c) => c.close(),
    (e: unknown) => e,
  );
  expect(error).toBeInstanceOf(TransformerError);
  return error as TransformerError;
}

const writeIndex = (weight_map: unknown) =>
  writeFile(path.join(dir, 'model.safetensors.index.json'), JSON.stringify({ weight_map }));

describe('a checkpoint', () => {
  it('is one file, or shards with an index, and either replaces the other', async () => {
    await saveCheckpoint(dir, tensors);
    expect(await readdir(dir)).toEqual(['model.safetensors']);
    expect(await readAll()).toEqual(all());

    // Two tensors of 12 bytes fit in 25.
    await saveCheckpoint(dir, tensors, { maxShardSize: 25 });
    const sharded = [
      'model-00001-of-00002.safetensors',
      'model-00002-of-00002.safetensors',
      'model.safetensors.index.json',
    ];
    expect(await readdir(dir)).toEqual(sharded);
    expect(await readAll()).toEqual(all());
    const index = JSON.parse(await readFile(path.join(dir, sharded[2]!), 'utf8'));
    expect(index).toEqual({
      metadata: { total_size: 48 },
      weight_map: { a: sharded[0], b: sharded[0], c: sharded[1], d: sharded[1] },
    });

    await saveCheckpoint(dir, tensors, { maxShardSize: 1 });
    expect((await readdir(dir)).length).toBe(5);
    expect(await readAll()).toEqual(all());
    await saveCheckpoint(dir, tensors);
    expect(await readdir(dir)).toEqual(['model.safetensors']);
  });

  it('keeps what was there when a save fails', async () => {
    await saveCheckpoint(dir, tensors);
    const before = await readFile(path.join(dir, 'model.safetensors'));
    const [first] = tensors;
    await expect(saveCheckpoint(dir, [first!, first!])).rejects.toMatchObject({ code: 'E_ARGUMENT' });
    tensors[3]![1].dispose();
    await expect(saveCheckpoint(dir, tensors, { maxShardSize: 12 })).rejects.toMatchObject({
      code: 'E_DISPOSED',
    });
    expect(await readdir(dir)).toEqual(['model.safetensors']);
    expect(await readFile(path.join(dir, 'model.safetensors'))).toEqual(before);
  });

  it('says what a folder lacks', async () => {
    expect((await failure()).message).toMatch(/must hold model.safetensors.*an empty folder/);
    await writeFile(path.join(dir, 'pytorch_model.bin'), 'pickle');
    expect(await failure()).toMatchObject({ code: 'E_UNSUPPORTED' });
    await rm(dir, { recursive: true });
    expect(await failure()).toMatchObject({ code: 'E_IO' });
    await mkdir(dir);
  });

  it('refuses an index that does not match its shards, or leads elsewhere', async () => {
    await writeSafetensors(path.join(dir, 'x.safetensors'), tensors.slice(0, 2));
    const x = 'x.safetensors';
    await writeIndex({ a: x, b: x });
    expect(Object.keys(await readAll())).toEqual(['a', 'b']);
    for (const [map, message] of [
      [{ a: x }, /b in x.safetensors, where the index has nothing/],
      [{ a: x, b: x, c: x }, /no c in x.safetensors/],
      [{ a: '../x.safetensors' }, /same folder/],
      [{ a: '/etc/passwd' }, /same folder/],
      [{ a: 'sub\\x.safetensors' }, /same folder/],
      [{ a: 1 }, /same folder; received 1/],
      [{}, /must name tensors/],
      [[], /must be an object/],
      [undefined, /must be an object/],
    ] as const) {
      await writeIndex(map);
      expect(await failure()).toMatchObject({ code: 'E_FORMAT', message: expect.stringMatching(message) });
    }
    await writeIndex({ a: 'gone.safetensors' });
    expect(await failure()).toMatchObject({ code: 'E_IO' });
    await writeFile(path.join(dir, 'model.safetensors.index.json'), '{"weight_map": {"a": "x", "a": "x"}}');
    expect((await failure()).message).toMatch(/unique/);
  });
});
