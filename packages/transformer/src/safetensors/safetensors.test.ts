import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Scope, TensorError, tensor } from '@inkstone/tensor-core';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TransformerError } from '../errors.js';
import { SafetensorsFile } from './reader.js';
import { writeSafetensors } from './writer.js';

const device = 'ref';
const fixtures = fileURLToPath(new URL('../../test/fixtures/', import.meta.url));
let dir: string;
let scope: Scope;

beforeEach(async () => {
  dir = await mkdtemp(path.join(tmpdir(), 'inkstone-safetensors-'));
  scope = new Scope();
});
afterEach(async () => {
  scope[Symbol.dispose]();
  await rm(dir, { recursive: true });
});

/** A file with this header and this many bytes of data. */
async function write(header: string | Uint8Array, dataBytes = 0, length?: bigint): Promise<string> {
  const text = typeof header === 'string' ? new TextEncoder().encode(header) : header;
  const bytes = new Uint8Array(8 + text.length + dataBytes);
  new DataView(bytes.buffer).setBigUint64(0, length ?? BigInt(text.length), true);
  bytes.set(text, 8);
  const file = path.join(dir, 'x.safetensors');
  await writeFile(file, bytes);
  return file;
}

const one = (shape: unknown, offsets: unknown, dtype: unknown = 'F32') =>
  JSON.stringify({ a: { dtype, shape, data_offsets: offsets } });

// Millions of numbers, which toEqual would take seconds to walk.
const same = (a: Float64Array, b: Float64Array) => Buffer.from(a.buffer).equals(Buffer.from(b.buffer));

async function failure(file: string): Promise<TransformerError> {
  const error = await SafetensorsFile.open(file).then(
    (f) => f.close(),
    (e: unknown) => e,
  );
  expect(error).toBeInstanceOf(TransformerError);
  return error as TransformerError;
}

describe('a file of the reference implementation', () => {
  it('is read with every dtype converted by rule', async () => {
    const { tensors } = JSON.parse(await readFile(path.join(fixtures, 'dtypes.json'), 'utf8')) as {
      tensors: Record<string, { shape: number[]; values: number[] }>;
    };
    const file = await SafetensorsFile.open(path.join(fixtures, 'dtypes.safetensors'));
    expect(file.metadata).toEqual({ format: 'pt', note: 'é' });
    expect([...file.tensors.keys()].sort()).toEqual(Object.keys(tensors).sort());
    const dtypes: Record<string, string> = { f32: 'f32', f64: 'f64', bf16: 'bf16', f16: 'f16' };
    Object.assign(dtypes, { i64: 'i32', i32: 'i32', i16: 'i32', i8: 'i8', u16: 'i32', u32: 'i32' });
    Object.assign(dtypes, { u64: 'i32', u8: 'u8', bool: 'bool', scalar: 'f32', empty: 'f32', 名字: 'f32' });
    for (const [name, dtype] of Object.entries(dtypes)) {
      const t = await file.read(name, { device });
      expect(t.dtype, name).toBe(dtype);
      expect(t.shape, name).toEqual(tensors[name]!.shape);
      expect([...t.numbers()], name).toEqual(tensors[name]!.values);
    }
    await expect(file.read('i64_wide', { device })).rejects.toThrow(/read as i32.*received 2147483648/);
    await expect(file.read('f8', { device })).rejects.toMatchObject({ code: 'E_UNSUPPORTED' });
    await expect(file.read('nothing', { device })).rejects.toMatchObject({ code: 'E_ARGUMENT' });
    const half = await file.read('f64', { device, dtype: 'bf16' });
    expect(half.dtype).toBe('bf16');
    await file.close();
  });
});

describe('writing', () => {
  it('gives back every tensor, for any names, shapes and dtypes', async () => {
    const file = path.join(dir, 'all.safetensors');
    const size = fc.integer({ min: 0, max: 4 });
    const entry = fc.record({
      shape: fc.array(size, { maxLength: 3 }),
      dtype: fc.constantFrom('f32', 'f64', 'bf16', 'f16', 'i32', 'u8', 'bool' as const),
      seed: fc.integer({ min: 0, max: 1000 }),
    });
    const name = fc.string({ unit: 'grapheme' }).filter((s) => s !== '__metadata__');
    const metadata = fc.dictionary(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme' }));
    await fc.assert(
      fc.asyncProperty(fc.dictionary(name, entry, { maxKeys: 5 }), metadata, async (entries, meta) => {
        const tensors = Object.entries(entries).map(([name, { shape, dtype, seed }]) => {
          const n = shape.reduce((a, b) => a * b, 1);
          const values = Float64Array.from({ length: n }, (_, i) => ((seed + i) * 37) % 100);
          return [name, tensor(values, { shape, dtype, device })] as const;
        });
        await writeSafetensors(file, tensors, { metadata: meta });
        const back = await SafetensorsFile.open(file);
        expect({ ...back.metadata }).toEqual({ ...meta });
        expect(back.tensors.size).toBe(tensors.length);
        for (const [name, t] of tensors) {
          const u = await back.read(name, { device });
          expect([u.dtype, u.shape]).toEqual([t.dtype, t.shape]);
          expect(u.numbers()).toEqual(t.numbers());
          const info = back.tensors.get(name)!;
          expect(info.start % Math.max(1, (info.end - info.start) / (t.size || 1))).toBe(0);
        }
        await back.close();
      }),
      { numRuns: 60 },
    );
    expect(await readdir(dir)).toEqual(['all.safetensors']);
  });

  it('goes through tensors larger than a chunk, strided on either side', async () => {
    const file = path.join(dir, 'big.safetensors');
    const rows = 1500;
    const columns = 1000;
    const values = Float32Array.from({ length: rows * columns }, (_, i) => i);
    const big = tensor(values, { shape: [rows, columns], device });
    await writeSafetensors(file, [
      ['plain', big],
      ['turned', big.transpose(0, 1)],
    ]);
    const back = await SafetensorsFile.open(file);
    expect(back.tensors.get('turned')!.shape).toEqual([columns, rows]);
    const plain = await back.read('plain', { device });
    expect(same(plain.numbers(), Float64Array.from(values))).toBe(true);
    // The file's [columns, rows] into the transpose of a [rows, columns] tensor gives the original.
    const target = plain.zerosLike();
    await back.readInto('turned', target.transpose(0, 1));
    expect(same(target.numbers(), plain.numbers())).toBe(true);
    await expect(back.readInto('turned', target)).rejects.toMatchObject({ code: 'E_ARGUMENT' });
    await back.close();
  });

  it('may read several tensors at once', async () => {
    const file = path.join(dir, 'many.safetensors');
    const values = Array.from({ length: 8 }, (_, i) => Array.from({ length: 100 }, (_, j) => i * 100 + j));
    await writeSafetensors(
      file,
      values.map((v, i) => [`${i}`, tensor(v, { device })] as const),
    );
    const back = await SafetensorsFile.open(file);
    const read = await Promise.all(values.map((_, i) => back.read(`${i}`, { device })));
    expect(read.map((t) => t.toArray())).toEqual(values);
    await back.close();
  });

  it('refuses names that would not come back, and leaves nothing', async () => {
    const t = tensor([1], { device });
    for (const names of [['a', 'a'], ['__metadata__'], ['\ud800']])
      await expect(
        writeSafetensors(
          path.join(dir, 'bad.safetensors'),
          names.map((n) => [n, t] as const),
        ),
      ).rejects.toMatchObject({ code: 'E_ARGUMENT' });
    expect(await readdir(dir)).toEqual([]);
  });

  it('keeps the old file when stopped or when the folder is missing', async () => {
    const file = path.join(dir, 'kept.safetensors');
    const t = tensor([1, 2], { device });
    await writeSafetensors(file, [['a', t]]);
    const before = await readFile(file);
    const signal = AbortSignal.abort(new Error('enough'));
    await expect(writeSafetensors(file, [['a', t.add(1)]], { signal })).rejects.toThrow('enough');
    expect(await readFile(file)).toEqual(before);
    expect(await readdir(dir)).toEqual(['kept.safetensors']);
    await expect(writeSafetensors(path.join(dir, 'no', 'x'), [['a', t]])).rejects.toMatchObject({
      code: 'E_IO',
    });
  });
});

describe('a hostile file', () => {
  const cases: [string, () => Promise<string>, RegExp][] = [
    ['no bytes', async () => write(new Uint8Array(), 0).then(truncate(0)), /begin with 8 bytes/],
    ['a cut length', async () => write('{}').then(truncate(5)), /begin with 8 bytes/],
    ['a header of 2^63 bytes', () => write('{}', 0, 2n ** 63n), /at most 100000000.*9223372036854775808/],
    ['a header of 2^64-1 bytes', () => write('{}', 0, 2n ** 64n - 1n), /at most/],
    ['a header beyond the end', () => write('{}', 0, 90_000_000n), /inside the file/],
    ['an empty header', () => write('', 4), /begin with '\{'/],
    ['another first byte', () => write(' {}'), /begin with '\{'.*32/],
    ['bytes that are not UTF-8', () => write(new Uint8Array([0x7b, 0xff, 0x7d])), /UTF-8/],
    ['broken JSON', () => write('{"a":'), /must be JSON/],
    ['JSON with a tail', () => write('{}{}'), /must be JSON/],
    ['deep nesting', () => write(`{"a":${'['.repeat(1_000_000)}`), /nest at most 64/],
    [
      'a name twice',
      () =>
        write(
          '{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"\\u0061":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}',
        ),
      /unique.*"a" twice/,
    ],
    [
      'a key twice in an entry',
      () => write('{"a":{"dtype":"U8","dtype":"U8","shape":[0],"data_offsets":[0,0]}}'),
      /unique.*dtype/,
    ],
    ['an entry that is no object', () => write('{"a":[1]}'), /x.safetensors: a: must be an object/],
    ['metadata that is no text', () => write('{"__metadata__":{"a":1}}'), /must be strings/],
    ['an unknown dtype', () => write(one([1], [0, 4], 'F31'), 4), /dtype must be one of.*"F31"/],
    ['a dtype from the prototype', () => write(one([1], [0, 4], 'constructor'), 4), /dtype must be/],
    ['a negative size', () => write(one([-1], [0, 4]), 4), /non-negative/],
    ['a fractional size', () => write(one([1.5], [0, 6]), 6), /non-negative/],
    ['a size of 10^308', () => write(one([1e308], [0, 4]), 4), /non-negative/],
    [
      'sizes whose product overflows',
      () => write(one([2 ** 52, 2 ** 52, 2 ** 52], [0, 4]), 4),
      /bytes; received 4/,
    ],
    [
      'overflow times zero',
      () =>
        write(
          one(
            Array(40)
              .fill(2 ** 52)
              .concat(0),
            [0, 0],
          ),
          0,
        ),
      /bytes; received 0/,
    ],
    ['a shape that is no list', () => write(one(4, [0, 16]), 16), /shape must list/],
    ['offsets of NaN', () => write('{"a":{"dtype":"F32","shape":[1],"data_offsets":[NaN,4]}}', 4), /JSON/],
    ['offsets of null', () => write(one([1], [Number.NaN, 4]), 4), /data_offsets/],
    [
      'offsets of 1e400',
      () => write('{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,1e400]}}', 4),
      /data_off/,
    ],
    ['one offset', () => write(one([1], [4]), 4), /data_offsets/],
    ['offsets in reverse', () => write(one([1], [4, 0]), 4), /data_offsets/],
    ['an end beyond the file', () => write(one([2], [0, 8]), 4), /end <= 4.*\[0,8\]/],
    ['a size unlike the shape', () => write(one([1], [0, 8]), 8), /must have 4 bytes; received 8/],
    ['half a byte', () => write(one([3], [0, 2], 'F4'), 2), /NaN bytes/],
    ['a hole', () => write(one([1], [4, 8]), 8), /a hole/],
    ['bytes after the last tensor', () => write(one([1], [0, 4]), 8), /4 bytes that belong to none/],
    [
      'an overlap',
      () =>
        write(
          JSON.stringify({
            a: { dtype: 'F32', shape: [2], data_offsets: [0, 8] },
            b: { dtype: 'F32', shape: [2], data_offsets: [4, 12] },
          }),
          12,
        ),
      /b: .*an overlap/,
    ],
  ];
  const truncate = (n: number) => async (file: string) => {
    await writeFile(file, (await readFile(file)).subarray(0, n));
    return file;
  };
  it.each(cases)('with %s is refused', async (_, make, message) => {
    const error = await failure(await make());
    expect(error.code).toBe('E_FORMAT');
    expect(error.message).toMatch(message);
    expect(error.message.length).toBeLessThan(800);
  });

  it('that is missing or a folder is an E_IO', async () => {
    expect((await failure(path.join(dir, 'none'))).code).toBe('E_IO');
    expect((await failure(dir)).code).toBe('E_IO');
  });

  it('that shrinks while it is open is noticed', async () => {
    const file = await write(one([4], [0, 16]), 16);
    const open = await SafetensorsFile.open(file);
    await truncate(20)(file);
    await expect(open.read('a', { device })).rejects.toMatchObject({ code: 'E_FORMAT' });
    await open.close();
  });

  it('may carry a name like __proto__', async () => {
    const file = await write('{"__proto__":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}', 1);
    const open = await SafetensorsFile.open(file);
    expect((await open.read('__proto__', { device })).toArray()).toEqual([0]);
    await open.close();
  });

  it('made by mutating a good one is read or refused, never anything else', async () => {
    const good = await readFile(path.join(fixtures, 'dtypes.safetensors'));
    const file = path.join(dir, 'mutant.safetensors');
    const headerEnd = 8 + Number(good.readBigUInt64LE(0));
    const position = fc.oneof(fc.integer({ min: 0, max: headerEnd }), fc.nat(good.length - 1));
    // Bytes that JSON gives meaning to find more than random ones do.
    const byte = fc.oneof(
      fc.nat(255),
      fc.constantFrom(...new TextEncoder().encode('{}[]",:0123456789-eE\\ uFIU')),
    );
    const edit = fc.record({ at: position, remove: fc.nat(3), insert: fc.array(byte, { maxLength: 3 }) });
    let opened = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(edit, { minLength: 1, maxLength: 3 }),
        fc.boolean(),
        async (edits, repair) => {
          let bytes = [...good];
          let header = headerEnd;
          for (const { at, remove, insert } of edits) {
            bytes = [...bytes.slice(0, at), ...insert, ...bytes.slice(at + remove)];
            if (at < header) header += insert.length - Math.min(remove, bytes.length - at);
          }
          const out = Buffer.from(bytes);
          if (repair && out.length >= 8) out.writeBigUInt64LE(BigInt(Math.max(0, header - 8)), 0);
          await writeFile(file, out);
          try {
            const f = await SafetensorsFile.open(file);
            opened++;
            try {
              for (const [name, info] of f.tensors) {
                expect(info.end).toBeLessThanOrEqual(out.length);
                const t = await f.read(name, { device });
                expect(t.size).toBeLessThanOrEqual(out.length);
                t.dispose();
              }
            } finally {
              await f.close();
            }
          } catch (error) {
            // A shape may be right for the format and still have more axes than a tensor can.
            expect(error instanceof TransformerError || error instanceof TensorError).toBe(true);
          }
        },
      ),
      { numRuns: 400 },
    );
    expect(opened).toBeGreaterThan(0);
  });
});
