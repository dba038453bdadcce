import { randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fileError } from './errors.js';
import { isTemporaryName, removeTemporaries, writeFileAtomic, writeFolderAtomic } from './files.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'inkstone-files-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const noSpace = () => Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });

describe('writeFileAtomic', () => {
  it('writes text, bytes and streams, with a header filled in at the end', async () => {
    const file = path.join(folder, 'a');
    await writeFileAtomic(file, 'héllo');
    expect(readFileSync(file, 'utf8')).toBe('héllo');
    await writeFileAtomic(file, Uint8Array.of(1, 2));
    expect([...readFileSync(file)]).toEqual([1, 2]);
    await writeFileAtomic(file, async (sink) => {
      await sink.write(new Uint8Array(2));
      await sink.write(Uint8Array.of(9, 9));
      await sink.writeAt(Uint8Array.of(7), 1);
    });
    expect([...readFileSync(file)]).toEqual([0, 7, 9, 9]);
    expect(readdirSync(folder)).toEqual(['a']);
  });

  it('keeps the previous version and leaves nothing behind when writing fails halfway', async () => {
    const file = path.join(folder, 'a');
    writeFileSync(file, 'old');
    await expect(
      writeFileAtomic(file, async (sink) => {
        await sink.write(Uint8Array.of(1));
        expect(readdirSync(folder).some(isTemporaryName)).toBe(true);
        throw noSpace();
      }),
    ).rejects.toMatchObject({
      code: 'E_NO_SPACE',
      message: expect.stringContaining('the previous version is intact'),
    });
    expect(readdirSync(folder)).toEqual(['a']);
    expect(readFileSync(file, 'utf8')).toBe('old');
  });

  it('passes on an error of the caller as it is', async () => {
    const mine = new Error('mine');
    await expect(writeFileAtomic(path.join(folder, 'a'), () => Promise.reject(mine))).rejects.toBe(mine);
  });

  it('names a folder that is missing', async () => {
    await expect(writeFileAtomic(path.join(folder, 'no', 'a'), 'x')).rejects.toMatchObject({ code: 'E_IO' });
  });
});

describe('writeFolderAtomic', () => {
  it('appears in full or not at all', async () => {
    const target = path.join(folder, 'step-1');
    await writeFolderAtomic(target, async (temporary) => {
      await writeFileAtomic(path.join(temporary, 'x'), 'x');
      expect(readdirSync(folder)).not.toContain('step-1');
    });
    expect(readdirSync(target)).toEqual(['x']);

    const failed = writeFolderAtomic(
      path.join(folder, 'step-2'),
      async (temporary) => {
        await writeFileAtomic(path.join(temporary, 'x'), 'x');
        await writeFileAtomic(path.join(temporary, 'y'), () => Promise.reject(noSpace()));
      },
      'step-1 is intact',
    );
    await expect(failed).rejects.toMatchObject({
      code: 'E_NO_SPACE',
      message: expect.stringContaining('step-1 is intact'),
    });
    expect(readdirSync(folder)).toEqual(['step-1']);
  });

  it('sweeps up after a process that was killed, and only that', async () => {
    mkdirSync(path.join(folder, '.step-2.123-0a0b0c0d.tmp'));
    writeFileSync(path.join(folder, '.metrics.jsonl.123-0a0b0c0d.tmp'), '');
    writeFileSync(path.join(folder, `.tokenizer.json.${randomUUID()}.tmp`), '');
    writeFileSync(path.join(folder, '.keep.tmp'), '');
    await removeTemporaries(folder);
    expect(readdirSync(folder)).toEqual(['.keep.tmp']);
  });
});

describe('fileError', () => {
  it.each([
    ['ENOSPC', 'E_NO_SPACE', /a full disk \(ENOSPC\).*go on with --resume/],
    ['EACCES', 'E_IO', /readable and writable by this user; received EACCES/],
    ['EWHATEVER', 'E_IO', /received EWHATEVER/],
  ])('%s', (code, expected, message) => {
    const error = fileError(Object.assign(new Error('x'), { code }), 'runs/a');
    expect(error.code).toBe(expected);
    expect(error.message).toMatch(message);
  });
});
