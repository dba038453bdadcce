import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { lockRun } from './lock.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'inkstone-lock-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const holder = (pid: number, extra: object = {}) =>
  writeFileSync(
    path.join(folder, '.lock'),
    JSON.stringify({ pid, host: hostname(), since: 'then', ...extra }),
  );

describe('lockRun', () => {
  it('refuses a second run and lets one in after release', async () => {
    const lock = await lockRun(folder);
    await expect(lockRun(folder)).rejects.toMatchObject({
      code: 'E_LOCKED',
      message: expect.stringContaining(`received process ${process.pid} on ${hostname()}`),
    });
    await lock.release();
    await lock.release();
    expect(readdirSync(folder)).toEqual([]);
    await (await lockRun(folder)).release();
  });

  it('lets exactly one of many in', async () => {
    const results = await Promise.allSettled(Array.from({ length: 20 }, () => lockRun(folder)));
    expect(results.filter((r) => r.status === 'fulfilled')).toHaveLength(1);
    expect(readdirSync(folder)).toEqual(['.lock']);
  });

  it('takes over from a dead process', async () => {
    const child = spawn(process.execPath, ['-e', '']);
    await once(child, 'exit');
    holder(child.pid!);
    const lock = await lockRun(folder);
    await lock.release();
    expect(existsSync(path.join(folder, '.lock'))).toBe(false);
  });

  it.runIf(process.platform === 'linux')(
    'takes over when the process number now belongs to another process',
    async () => {
      holder(process.pid, { started: '1' });
      await (await lockRun(folder)).release();
    },
  );

  it('does not guess about another host, nor about a lock that it cannot read', async () => {
    holder(1, { host: 'elsewhere' });
    await expect(lockRun(folder)).rejects.toThrow(/process 1 on elsewhere.*delete .*\.lock/);
    writeFileSync(path.join(folder, '.lock'), '???');
    await expect(lockRun(folder)).rejects.toThrow(/must name its process; received "\?\?\?"/);
  });

  it('says what is wrong with the folder', async () => {
    writeFileSync(path.join(folder, 'file'), '');
    await expect(lockRun(path.join(folder, 'file'))).rejects.toMatchObject({ code: 'E_IO' });
  });
});
