import { describe, expect, it } from 'vitest';
import { makeReporter } from './reporter.js';

describe('makeReporter', () => {
  it('writes only JSON lines where nobody watches', () => {
    const lines: string[] = [];
    const reporter = makeReporter({ write: (text) => lines.push(text) });
    reporter.stage('Reading');
    reporter.progress('Reading', 1, 2, 'bytes');
    reporter.status('loss 3');
    reporter.event({ event: 'done', loss: 3 }, 'Done.');
    reporter.end();
    expect(lines).toEqual(['{"event":"done","loss":3}\n']);
  });

  it('keeps one live line on a terminal, never wider than it, and lasting lines above it', () => {
    let written = '';
    let now = 0;
    const output = { isTTY: true, columns: 60, write: (text: string) => (written += text) };
    const reporter = makeReporter(output, () => now);
    for (; now < 1000; now += 10) reporter.progress('Encoding', now * 1000, 1e6, 'bytes');
    const frames = written.split('\r\x1b[2K').slice(1);
    expect(frames.length).toBeGreaterThan(8);
    expect(frames.length).toBeLessThan(15);
    for (const frame of frames) expect(frame.length).toBeLessThan(60);
    expect(frames[5]).toMatch(/━+─+ \d+k\/1.00M/);
    written = '';
    reporter.event({ event: 'done' }, 'Done.');
    expect(written).toBe('\r\x1b[2KDone.\n');
    written = '';
    reporter.end();
    expect(written).toBe('');
  });
});
