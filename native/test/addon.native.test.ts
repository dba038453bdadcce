import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Worker } from 'node:worker_threads';
import { afterAll, describe, expect, it } from 'vitest';
import {
  DEVICE_NUMBERS,
  loadNative,
  type Native,
  NativeLoadError,
  prebuiltPackage,
  Status,
} from '../src/index.js';

let native: Native | null = null;
let absent = '';
try {
  native = loadNative({ threads: 2 });
} catch (e) {
  absent = (e as Error).message;
}

describe.skipIf(!native)(native ? 'the addon' : `skipped: the addon (${absent})`, () => {
  const { addon, command } = native!;
  const cpu = DEVICE_NUMBERS.cpu;

  it('describes every kernel with its attributes', () => {
    const softmax = native!.kernels.find((k) => k.name === 'softmax');
    expect(softmax).toEqual({ name: 'softmax', layout: '', supported: true });
    expect(native!.kernels.find((k) => k.name === 'sdpa')?.layout).toBe(
      'i:causal;i:window;i:documents;i:bias;i:bf16;d:scale;',
    );
    expect(native!.kernels.filter((k) => !k.supported)).toEqual([]);
  });

  it('recognises stale, foreign and absurd handles', () => {
    const handle = addon.allocate(cpu, 16);
    expect(addon.release(handle)).toBe(true);
    expect(addon.release(handle)).toBe(false);
    const reused = addon.allocate(cpu, 16);
    expect(reused).not.toBe(handle);
    for (const bad of [handle, -1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 52, 1e300]) {
      expect(addon.release(bad)).toBe(false);
      expect(() => addon.read(bad, 0, new Uint8Array(1))).toThrow(RangeError);
    }
    addon.release(reused);
  });

  it('keeps reads and writes inside a storage', () => {
    const handle = addon.allocate(cpu, 8);
    expect(addon.write(handle, 0, new Float64Array([1.5]))).toBe(Status.OK);
    const back = new Float64Array(1);
    addon.read(handle, 0, back);
    expect(back[0]).toBe(1.5);
    expect(() => addon.write(handle, 1, new Float64Array(1))).toThrow(RangeError);
    expect(() => addon.read(handle, 0, new Float64Array(2))).toThrow(RangeError);
    expect(() => addon.write(handle, -1, new Uint8Array(1))).toThrow(TypeError);
    expect(() => addon.write(handle, 0, 'text' as never)).toThrow(TypeError);
    addon.release(handle);
  });

  it('refuses commands that are nonsense, whatever they say', () => {
    const handle = addon.allocate(cpu, 64);
    const add = native!.kernels.findIndex((k) => k.name === 'add');
    const view = (offset: number, size: number, stride: number) => [handle, offset, 0, 1, size, stride];
    const launch = (...words: number[]) => {
      command.set(words);
      return addon.launch();
    };
    expect(launch(add, cpu, 2, 1, 0, ...view(0, 16, 1), ...view(0, 16, 1), ...view(0, 16, 1))).toBe(
      Status.OK,
    );
    const bad = [
      [add, cpu, 2, 1, 0, ...view(1, 16, 1), ...view(0, 16, 1), ...view(0, 16, 1)], // past the end
      [add, cpu, 2, 1, 0, ...view(-1, 16, 1), ...view(0, 16, 1), ...view(0, 16, 1)],
      [add, cpu, 2, 1, 0, ...view(0, 16, -1), ...view(0, 16, 1), ...view(0, 16, 1)],
      [add, cpu, 2, 1, 3, 0, 0, 0, ...view(0, 16, 1), ...view(0, 16, 1), ...view(0, 16, 1)], // attributes it has not
      [1e9, cpu, 2, 1, 0],
      [add, 7, 2, 1, 0],
      [add, DEVICE_NUMBERS.cuda, 2, 1, 0], // not open
      [add, cpu, -1, 1, 0],
      [Number.NaN, Number.NaN, Number.NaN, Number.NaN, Number.NaN],
      [add, cpu, 2, 1, Number.NaN],
      [add, cpu, 2, 1, 1e300],
      // Numbers that are no integers, and products that no integer holds.
      ...[Number.NaN, Number.POSITIVE_INFINITY, 1e300, 2 ** 62].flatMap((odd) => [
        [add, cpu, 2, 1, 0, ...view(odd, 16, 1), ...view(0, 16, 1), ...view(0, 16, 1)],
        [add, cpu, 2, 1, 0, ...view(0, odd, 1), ...view(0, 16, 1), ...view(0, 16, 1)],
        [add, cpu, 2, 1, 0, ...view(0, 16, odd), ...view(0, 16, 1), ...view(0, 16, 1)],
      ]),
      [add, cpu, 2, 1, 0, ...view(0, 2 ** 52, 2 ** 52), ...view(0, 16, 1), ...view(0, 16, 1)],
    ];
    for (const words of bad) expect(launch(...words)).toBe(Status.INTERNAL);
    addon.release(handle);
  });

  it('stops at the memory cap and recovers', () => {
    addon.trim(cpu);
    addon.setMemoryLimit(cpu, addon.memory(cpu).live + 1_000_000);
    expect(addon.allocate(cpu, 2_000_000)).toBe(-1);
    const small = addon.allocate(cpu, 500_000);
    expect(small).toBeGreaterThan(0);
    addon.release(small);
    addon.setMemoryLimit(cpu, 2 ** 40);
    expect(addon.allocate(cpu, 2 ** 52)).toBe(-1);
  });

  it('reuses freed memory and counts it', () => {
    addon.trim(cpu);
    const before = addon.memory(cpu);
    const handle = addon.allocate(cpu, 100_000);
    expect(addon.memory(cpu).live).toBeGreaterThanOrEqual(before.live + 100_000);
    addon.release(handle);
    expect(addon.memory(cpu).live).toBe(before.live);
    expect(addon.memory(cpu).pooled).toBeGreaterThanOrEqual(100_000);
    addon.trim(cpu);
    expect(addon.memory(cpu).pooled).toBe(0);
  });

  it('sees writes outside a buffer when guards are on', () => {
    addon.setGuards(cpu, true);
    const handle = addon.allocate(cpu, 10);
    addon.setGuards(cpu, false);
    expect(addon.brokenGuards()).toBe(0);
    addon.release(handle);
    expect(addon.brokenGuards()).toBe(0);
  });

  it('lives in several threads at once, and ends with them, tensors alive or not', async () => {
    // Workers load the built addon by path: it must not share state between environments.
    const file = process.env.INKSTONE_BINARIES ?? path.join(import.meta.dirname, '..', 'build', 'Release');
    const code = `
      const { workerData, parentPort } = require('node:worker_threads');
      const addon = require(workerData + '/inkstone.node');
      addon.open(0, workerData + '/inkstone_cpu_${native!.isa}.ikl');
      addon.setThreads(2);
      const before = addon.memory(0).storages;
      for (let i = 0; i < 100; i++) addon.allocate(0, 1000);
      parentPort.postMessage([before, addon.memory(0).storages]);`;
    const results = await Promise.all(
      [1, 2].map(
        () =>
          new Promise((resolve, reject) => {
            const worker = new Worker(code, { eval: true, workerData: file });
            let message: unknown;
            worker.once('message', (m) => {
              message = m;
            });
            worker.once('error', reject);
            worker.once('exit', (status) =>
              status === 0 ? resolve(message) : reject(new Error(`exit ${status}`)),
            );
          }),
      ),
    );
    expect(results).toEqual([
      [0, 100],
      [0, 100],
    ]);
  });

  it('maps files, and says why when it cannot', () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'inkstone-map-'));
    writeFileSync(path.join(folder, 'a'), Uint8Array.of(1, 2, 3));
    writeFileSync(path.join(folder, 'empty'), '');
    expect(new Uint8Array(addon.mapFile(path.join(folder, 'a')))).toEqual(Uint8Array.of(1, 2, 3));
    expect(addon.mapFile(path.join(folder, 'empty')).byteLength).toBe(0);
    expect(() => addon.mapFile(path.join(folder, 'none'))).toThrow(/none/);
    expect(() => addon.mapFile(folder)).toThrow(/not a regular file/);
    expect(() => addon.mapFile(5 as never)).toThrow(TypeError);
    rmSync(folder, { recursive: true });
  });

  it('refuses an instruction set it does not have', () => {
    expect(() => loadNative({ isa: 'mmx' })).toThrow(NativeLoadError);
  });
});

describe('loading', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'inkstone-load-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  it('names the prebuilt package of a platform', () => {
    expect(prebuiltPackage('linux', 'x64')).toBe('@inkstone/native-linux-x64');
  });

  it('reports a library that is none', () => {
    writeFileSync(path.join(folder, 'broken.ikl'), 'not a library');
    if (!native) return;
    expect(native.addon.probe(path.join(folder, 'broken.ikl'))).toMatchObject({ score: 0 });
    expect(native.addon.probe(path.join(folder, 'broken.ikl')).error).not.toBe('');
  });
});
