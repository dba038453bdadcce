import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const here = import.meta.dirname;
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'inkstone-tokenizer-kill-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('a process that trains a tokenizer', () => {
  it('stops at Ctrl-C, says so, and leaves nothing', async () => {
    // So many words that reading them takes much longer than stopping does.
    const line = Array.from({ length: 400_000 }, (_, i) => `w${(i * 48271) % 2147483647}`).join(' ');
    writeFileSync(path.join(folder, 'a.txt'), `${line}\n`.repeat(4));
    const temporary = path.join(folder, 'tmp');
    mkdirSync(temporary);
    const args = `tokenizer train --data ${folder}/a.txt --memory 1 --vocab 30000 --out ${folder}/out`.split(
      ' ',
    );
    const cli = path.join(here, 'cli.ts');
    const child = spawn(
      process.execPath,
      ['--conditions=@inkstone/source', '--import', 'tsx', cli, ...args],
      {
        cwd: path.join(here, '..'),
        stdio: ['ignore', 'pipe', 'pipe'],
        env: { ...process.env, TMPDIR: temporary },
      },
    );
    const closed = once(child, 'close');
    let output = '';
    child.stderr.resume();
    child.stdout.on('data', (data) => {
      output += data;
      if (output.includes('"collected"')) child.kill('SIGINT');
    });
    const [status] = await closed;
    expect(status).toBe(130);
    expect(output.trim().split('\n').at(-1)).toBe('{"event":"stopped"}');
    expect(readdirSync(folder).sort()).toEqual(['a.txt', 'tmp']);
    expect(readdirSync(temporary).filter((name) => name.startsWith('inkstone-'))).toEqual([]);
  });
});
