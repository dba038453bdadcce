import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { readMetrics } from '@inkstone/trainer';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const here = path.dirname(fileURLToPath(import.meta.url));
const STEPS = 240;

let folder: string;
let children: ChildProcess[] = [];
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'inkstone-kill-'));
  const words = 'the of and a to in is you that it he was for on are as with his they I'.split(' ');
  let x = 1;
  const text = Array.from({ length: 6000 }, () => words[(x = (x * 48271) % 2147483647) % words.length]).join(
    ' ',
  );
  writeFileSync(path.join(folder, 'text.txt'), text.replace(/((?:\S+ ){9})/g, '$1\n'));
});
afterEach(() => {
  for (const child of children) child.kill('SIGKILL');
  children = [];
  rmSync(folder, { recursive: true, force: true });
});

// A process of its own, from source: tsx compiles what it loads.
function inkstone(args: string[]) {
  const cli = path.join(here, 'cli.ts');
  const child = spawn(process.execPath, ['--conditions=@inkstone/source', '--import', 'tsx', cli, ...args], {
    cwd: path.join(here, '..'),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.push(child);
  let output = '';
  child.stdout!.on('data', (data) => (output += data));
  child.stderr!.on('data', (data) => (output += data));
  const ended = once(child, 'close').then(([status, signal]) => ({ status, signal, output }));
  return { child, ended };
}

const out = (name: string) => path.join(folder, name);
const fresh = (name: string) =>
  `train --out ${out(name)} --data ${path.join(folder, 'text.txt')} --steps ${STEPS} --layers 1 --heads 2 --width 16 --context 16 --vocab 300 --batch-size 2 --dropout 0.1 --checkpoint-every 7 --validate-every 40`.split(
    ' ',
  );
const steps = (name: string) => readMetrics(path.join(out(name), 'metrics.jsonl')).at(-1)?.step ?? -1;

/** Starts or resumes a run and sends a signal once it is beyond a step. */
async function interrupt(name: string, step: number, signal: NodeJS.Signals) {
  const run = inkstone(existsSync(out(name)) ? ['train', '--resume', out(name)] : fresh(name));
  while (steps(name) < step && run.child.exitCode === null) await new Promise((r) => setTimeout(r, 2));
  run.child.kill(signal);
  return run.ended;
}

/** Every byte that a run leaves but for what a clock tells. */
function outcome(name: string) {
  const bytes = (file: string) => readFileSync(path.join(out(name), file)).toString('base64');
  const checkpoint = `checkpoint-${String(STEPS).padStart(8, '0')}`;
  const { elapsed, ...state } = JSON.parse(
    readFileSync(path.join(out(name), checkpoint, 'state.json'), 'utf8'),
  );
  return {
    files: readdirSync(out(name)).sort(),
    state,
    model: bytes('model.safetensors'),
    weights: bytes(path.join(checkpoint, 'model.safetensors')),
    optimizer: bytes(path.join(checkpoint, 'optimizer.safetensors')),
    metrics: readMetrics(path.join(out(name), 'metrics.jsonl')).map((record) =>
      record.kind === 'step' ? { ...record, tokensPerSecond: 0, utilization: 0 } : record,
    ),
  };
}

describe('a process that is', () => {
  it('killed at three random moments and resumed ends with the same bits as one that was not', async () => {
    const whole = await inkstone(fresh('whole')).ended;
    expect(whole.output).toContain('"event":"finished"');
    expect(whole.status).toBe(0);

    const moments = [0, 1, 2].map((third) => Math.floor((third + Math.random()) * (STEPS / 3)));
    for (const moment of moments) {
      const { signal, output } = await interrupt('killed', moment, 'SIGKILL');
      expect(signal, `killed at ${moments}: ${output}`).toBe('SIGKILL');
    }
    const last = await inkstone(['train', '--resume', out('killed')]).ended;
    expect(last.status, last.output).toBe(0);
    expect(outcome('killed'), `killed at ${moments}`).toEqual(outcome('whole'));
  }, 180_000);

  it('interrupted saves, ends with status 130, and goes on from there', async () => {
    const { status, output } = await interrupt('stopped', 20, 'SIGINT');
    expect(status, output).toBe(130);
    const stopped = JSON.parse(output.trim().split('\n').at(-1)!);
    expect(stopped).toMatchObject({ event: 'stopped' });
    expect(stopped.step).toBeLessThan(STEPS);
    const names = readdirSync(out('stopped'));
    expect(names).toContain(`checkpoint-${String(stopped.step).padStart(8, '0')}`);
    expect(names.filter((name) => name.startsWith('.'))).toEqual([]);
    const resumed = inkstone(['train', '--resume', out('stopped')]);
    while (steps('stopped') <= stopped.step && resumed.child.exitCode === null)
      await new Promise((r) => setTimeout(r, 2));
    expect(steps('stopped')).toBeGreaterThan(stopped.step);
  }, 60_000);

  it('not the first in a folder is turned away', async () => {
    const first = inkstone(fresh('shared'));
    while (steps('shared') < 1 && first.child.exitCode === null) await new Promise((r) => setTimeout(r, 2));
    first.child.kill('SIGSTOP');
    const second = await inkstone(['train', '--resume', out('shared')]).ended;
    expect(second.status).toBe(1);
    expect(second.output).toContain(
      `only one run may use a folder at a time; received process ${first.child.pid}`,
    );
  }, 60_000);
});
