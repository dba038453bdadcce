import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TokenFile, writeTokenFile } from './token-file.js';

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'inkstone-tokens-'));
  file = path.join(folder, 'a.tokens');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const write = (vocabSize: number, ...chunks: number[][]) =>
  writeTokenFile(file, { vocabSize }, async (sink) => {
    for (const chunk of chunks) await sink.write(chunk, chunk.length * 3);
  });

describe('token files', () => {
  it('have the documented layout', async () => {
    expect(await write(4096, [1, 2], [4095])).toEqual({ length: 3, vocabSize: 4096, textBytes: 9 });
    const bytes = readFileSync(file);
    expect(bytes.subarray(0, 8).toString('latin1')).toBe('INKTOKEN');
    expect([bytes.readUInt32LE(8), bytes.readUInt32LE(12), bytes.readUInt32LE(32)]).toEqual([1, 2, 4096]);
    expect([bytes.readBigUInt64LE(16), bytes.readBigUInt64LE(24)]).toEqual([3n, 9n]);
    expect([...bytes.subarray(64)]).toEqual([1, 0, 2, 0, 0xff, 0x0f]);
  });

  it('give back any window of what was written, in two bytes or four', async () => {
    const ids = fc.array(fc.integer({ min: 0, max: 65_535 }), { maxLength: 200 });
    await fc.assert(
      fc.asyncProperty(
        fc.array(ids, { maxLength: 5 }),
        fc.nat(),
        fc.nat(),
        fc.boolean(),
        async (chunks, a, b, wide) => {
          await write(wide ? 65_537 : 65_536, ...chunks);
          const all = chunks.flat();
          using opened = TokenFile.open(file);
          expect(opened.length).toBe(all.length);
          const start = a % (all.length + 1);
          const target = new Int32Array(b % (all.length - start + 1));
          opened.read(start, target);
          expect([...target]).toEqual(all.slice(start, start + target.length));
        },
      ),
      { numRuns: 50 },
    );
  });

  it('refuse an id outside the vocabulary and leave no file', async () => {
    for (const id of [-1, 4, 1.5, Number.NaN])
      await expect(write(4, [0, 3], [id])).rejects.toThrow(
        `must be a whole number in 0..3; received ${id} as id 2`,
      );
    expect(readdirSync(folder)).toEqual([]);
  });

  it.each([
    ['an empty file', () => writeFileSync(file, ''), /must begin with 'INKTOKEN'; received 0 bytes/],
    [
      'another file',
      () => writeFileSync(file, 'x'.repeat(100)),
      /must begin with 'INKTOKEN'; received "xxxxxxxx"/,
    ],
    ['a file cut short', () => truncateSync(file, 69), /must have 70 bytes for 3 ids; received 69 bytes/],
    ['an absurd length', () => patch(16, 0xffffffffffffffffn), /bytes for 18446744073709551615 ids/],
    ['a later version', () => patch(8, 0x0000000200000002n), /version must be 1; received 2/],
  ])('refuse %s', async (_, spoil, message) => {
    await write(4096, [1, 2, 3]);
    spoil();
    expect(() => TokenFile.open(file)).toThrow(message);
  });

  it('refuse to read outside, after closing, or a missing file', async () => {
    await write(4096, [1, 2, 3]);
    const opened = TokenFile.open(file);
    expect(() => opened.read(2, new Int32Array(2))).toThrow('within 0..3; received 2 from 2');
    expect(() => opened.read(-1, new Int32Array(1))).toThrow('received 1 from -1');
    opened.close();
    opened.close();
    expect(() => opened.read(0, new Int32Array(1))).toThrow('must be open');
    expect(() => TokenFile.open(path.join(folder, 'none'))).toThrow('it must exist; received ENOENT');
  });

  it('refuse to read from a file that was cut short while open', async () => {
    await write(
      4096,
      Array.from({ length: 10_000 }, (_, i) => i % 4096),
    );
    using opened = TokenFile.open(file);
    truncateSync(file, 100);
    expect(() => opened.read(9_000, new Int32Array(10))).toThrow('must not shrink while in use');
  });

  const patch = (at: number, value: bigint) => {
    const bytes = readFileSync(file);
    bytes.writeBigUInt64LE(value, at);
    writeFileSync(file, bytes);
  };
});
