import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MetricsLog, type MetricsRecord, readMetrics } from './metrics-log.js';

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'inkstone-metrics-'));
  file = path.join(folder, 'metrics.jsonl');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const step = (n: number): MetricsRecord => ({
  kind: 'step',
  step: n,
  tokens: n * 100,
  loss: 1 / n,
  lr: 0.1,
  gradNorm: 1,
  tokensPerSecond: 5,
});
const validation = (n: number): MetricsRecord => ({
  kind: 'validation',
  step: n,
  tokens: n * 100,
  loss: 1,
  best: true,
});

const write = (from: number, records: MetricsRecord[]) => {
  const log = MetricsLog.open(file, from);
  for (const record of records) log.append(record);
  log.sync();
  log.close();
};

describe('MetricsLog', () => {
  it('keeps what a checkpoint has seen and cuts off what came after', () => {
    write(0, [step(1), step(2), validation(2), step(3), step(4)]);
    write(2, [step(3)]);
    expect(readMetrics(file)).toEqual([step(1), step(2), validation(2), step(3)]);
  });

  it('cuts off a line that was being written when the process died, in one or two bytes as well', () => {
    for (const torn of ['{"kind":"st', '{', '{"kind":"step","step":3}x', '\n']) {
      rmSync(file, { force: true });
      write(0, [step(1), step(2)]);
      appendFileSync(file, torn);
      expect(readMetrics(file)).toEqual([step(1), step(2)]);
      write(9, [step(3)]);
      expect(readFileSync(file, 'utf8').trim().split('\n')).toHaveLength(3);
      expect(readMetrics(file)).toEqual([step(1), step(2), step(3)]);
    }
  });

  it('reads files longer than its buffer', () => {
    const many = Array.from({ length: 3000 }, (_, i) => step(i + 1));
    writeFileSync(file, many.map((r) => `${JSON.stringify(r)}\n`).join(''));
    write(2000, []);
    expect(readMetrics(file)).toEqual(many.slice(0, 2000));
  });

  it('has no records where there is no file', () => {
    expect(readMetrics(file)).toEqual([]);
  });

  it('begins anew at step 0', () => {
    write(0, [step(1)]);
    write(0, [validation(0)]);
    expect(readMetrics(file)).toEqual([validation(0)]);
  });

  it('names a folder in its place', () => {
    expect(() => MetricsLog.open(folder, 0)).toThrow('it must be a file, not a folder; received EISDIR');
  });
});
