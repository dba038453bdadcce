import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeProgram } from '../src/index.js';
import { wordError } from '../src/program.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'inkstone-cli-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const TINY = '--layers 1 --heads 2 --width 16 --context 16 --vocab 300 --batch-size 2'.split(' ');
const out = (name = 'run') => path.join(folder, name);
const text = 'The quick brown fox jumps over the lazy dog. 文字も。\n';

const put = (name: string, content: string | Uint8Array) => {
  const full = path.join(folder, name);
  mkdirSync(path.dirname(full), { recursive: true });
  writeFileSync(full, content);
  return full;
};

/** Runs a command in this process, as `main` does but for signals. */
async function inkstone(
  args: string[],
  { stdin = '', isTTY = false, signal = new AbortController().signal } = {},
) {
  let stdout = '';
  let stderr = '';
  const environment = {
    stdout: { isTTY, columns: 200, write: (s: string) => (stdout += s) },
    stderr: { write: (s: string) => (stderr += s) },
    stdin: Readable.from([stdin]),
    signal,
    name: 'npx inkstone',
  };
  let status = 0;
  try {
    await makeProgram(environment).parseAsync(args, { from: 'user' });
  } catch (error) {
    status = wordError(error, environment.stderr);
  }
  const events = () =>
    stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { event: string; [key: string]: unknown });
  return { status, stdout, stderr, events };
}

const trainTiny = (extra: string[] = []) =>
  inkstone([
    'train',
    '--out',
    out(),
    '--data',
    put('text/a.txt', text.repeat(60)),
    '--steps',
    '12',
    ...TINY,
    ...extra,
  ]);

describe('inkstone train and generate', () => {
  it('go from text to a folder in the layout of Hugging Face, and from there to text', async () => {
    const { status, events, stderr } = await trainTiny();
    expect(stderr).toBe('');
    expect(status).toBe(0);
    expect(readdirSync(out()).sort()).toEqual([
      'checkpoint-00000012',
      'config.json',
      'data',
      'generation_config.json',
      'metrics.jsonl',
      'model.safetensors',
      'report.html',
      'run.json',
      'tokenizer.json',
      'tokenizer_config.json',
    ]);
    const config = JSON.parse(readFileSync(path.join(out(), 'config.json'), 'utf8'));
    expect(config).toMatchObject({ model_type: 'gpt2', n_layer: 1, n_head: 2, n_embd: 16, n_positions: 16 });
    expect(config.vocab_size).toBe(
      JSON.parse(readFileSync(path.join(out(), 'tokenizer.json'), 'utf8')).model.merges.length + 257,
    );
    const finished = events().at(-1)!;
    expect(finished).toMatchObject({ event: 'finished', out: out(), step: 12, tokens: 12 * 2 * 16 });
    expect(finished.samples).toHaveLength(3);
    expect(finished.bitsPerByte).toBeGreaterThan(0.5);
    expect(finished.bitsPerByte).toBeLessThan(9);
    const report = readFileSync(path.join(out(), 'report.html'), 'utf8');
    expect(report).toContain((finished.bitsPerByte as number).toFixed(3));
    expect(report).toContain('Sample 3 of the finished model');

    const once = await inkstone([
      'generate',
      out(),
      '--prompt',
      'The quick',
      '--max-tokens',
      '30',
      '--seed',
      '4',
    ]);
    expect(once.stderr).toBe('');
    expect(once.stdout).toMatch(/^The quick/);
    expect(
      await inkstone(['generate', out(), '--prompt', '-', '--max-tokens', '30', '--seed', '4'], {
        stdin: 'The quick',
      }),
    ).toEqual(expect.objectContaining({ stdout: once.stdout }));
    const many = await inkstone([
      'generate',
      out(),
      '--count',
      '2',
      '--max-tokens',
      '5',
      '--seed',
      '4',
      '--json',
    ]);
    expect(
      many.stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line).seed),
    ).toEqual([4, 5]);
  });

  it('go on where they were stopped, and only with the same settings', async () => {
    await trainTiny();
    const done = await inkstone(['train', '--resume', out(), '--steps', '15']);
    expect(done.events().at(-1)).toMatchObject({ event: 'finished', step: 15 });
    expect(JSON.parse(readFileSync(path.join(out(), 'run.json'), 'utf8')).steps).toBe(15);
    const refused = await inkstone(['train', '--resume', out(), '--lr', '1', '--batch-size', '3']);
    expect(refused.status).toBe(2);
    expect(refused.stderr).toContain(
      'only --steps, --tokens or --minutes may be given; received --lr, --batch-size',
    );
  });

  it('save and say how to go on when stopped', async () => {
    const controller = new AbortController();
    const running = inkstone(
      ['train', '--out', out(), '--data', put('a.txt', text.repeat(60)), '--minutes', '5', ...TINY],
      { signal: controller.signal },
    );
    while (!existsSync(path.join(out(), 'checkpoint-00000000'))) await new Promise((r) => setTimeout(r, 5));
    controller.abort();
    const { stdout, status } = await running;
    expect(status).toBe(130);
    const last = JSON.parse(stdout.trim().split('\n').at(-1)!);
    expect(last.event).toBe('stopped');
    expect(existsSync(path.join(out(), `checkpoint-${String(last.step).padStart(8, '0')}`))).toBe(true);
    expect(existsSync(path.join(out(), '.lock'))).toBe(false);
  });

  it('show a person one live line and what matters', async () => {
    const data = put('text/a.txt', text.repeat(60));
    const { stdout } = await inkstone(['train', '--out', out(), '--data', data, '--steps', '12', ...TINY], {
      isTTY: true,
    });
    expect(stdout.replaceAll('\r\x1b[2K', '<clear>')).toMatch(
      /<clear>step \d+\/12 .*loss \d\.\d{3} {2}val \d\.\d{3} .*tok\/s {2}\d+% of peak {2}\d+s left/,
    );
    const lasting = stdout.split('\n').map((line) => line.split('\r\x1b[2K').at(-1)!);
    expect(
      lasting.filter((line) => /^(Text|Tokenizer|Tokens|Model|Trained|Validation|Saved|Report)/.test(line))
        .length,
    ).toBe(8);
    expect(stdout).toContain(`npx inkstone train --resume ${out()} --minutes 30`);
    expect(stdout).not.toContain('{"event"');
  });

  it('take the same object from a file', async () => {
    const file = put(
      'run.json',
      JSON.stringify({
        out: out(),
        steps: 2,
        data: { train: [put('a.txt', text.repeat(60))] },
        tokenizer: { vocab: 300 },
      }),
    );
    const { status } = await inkstone(['train', '--config', file, ...TINY, '--steps', '3']);
    expect(status).toBe(0);
    expect(JSON.parse(readFileSync(path.join(out(), 'run.json'), 'utf8'))).toMatchObject({
      steps: 3,
      batchSize: 2,
      model: { layers: 1 },
    });
  });
});

describe('one clear error, and nothing left behind, for', () => {
  it.each([
    [
      'no data',
      () => ['train', '--out', out(), '--steps', '1'],
      /config.data: it must be an object; received nothing/,
    ],
    [
      'a missing path',
      () => ['train', '--out', out(), '--steps', '1', '--data', out('none')],
      /none: the data must be there and readable; received ENOENT/,
    ],
    [
      'an empty folder',
      () => {
        mkdirSync(out('empty'));
        return ['train', '--out', out(), '--steps', '1', '--data', out('empty')];
      },
      /there must be text to train on; received no files/,
    ],
    [
      'a binary file',
      () => ['quickstart', '--out', out(), '--data', put('x.bin', Uint8Array.of(1, 0, 2))],
      /received 1 files, 1 of them binary/,
    ],
    [
      'too little text',
      () => ['train', '--out', out(), '--steps', '1', '--data', put('a.txt', 'short text\nof two lines\n')],
      /one window needs 257 tokens; received \d+; give more text, or a shorter context/,
    ],
    [
      'a broken tokenizer',
      () => [
        'train',
        '--out',
        out(),
        '--steps',
        '1',
        '--data',
        put('a.txt', text),
        '--tokenizer',
        put('t.json', '{"model":'),
      ],
      /t\.json: must be JSON/,
    ],
    [
      'a broken config file',
      () => ['train', '--config', put('c.json', '{')],
      /c\.json: it must be JSON; received/,
    ],
    [
      'an unknown key',
      () => [
        'train',
        '--config',
        put('c.json', JSON.stringify({ out: out(), steps: 1, data: { trian: [] } })),
      ],
      /c\.json\.data\.trian: the key must be a known one; received \[\]; did you mean 'train'\?/,
    ],
    [
      'a run that is not there',
      () => ['train', '--resume', out()],
      /run\.json: it must be there; received ENOENT; a run has one/,
    ],
    ['a model that is not there', () => ['generate', out()], /must be readable|can be read/],
  ])('%s', async (_, args, message) => {
    const list = args();
    const before = readdirSync(folder).sort();
    const { status, stderr, stdout } = await inkstone(list);
    expect(stderr).toMatch(message);
    expect(stderr.startsWith('inkstone: ')).toBe(true);
    expect(stderr).not.toMatch(/\n {4}at /);
    expect(status).toBeGreaterThan(0);
    expect(stdout).not.toContain('step');
    expect(readdirSync(folder).sort()).toEqual(before);
  });

  it('a folder that holds something', async () => {
    put('run/precious.txt', 'mine');
    const { stderr } = await trainTiny();
    expect(stderr).toContain('a new run needs an empty folder; received precious.txt');
    expect(readFileSync(path.join(out(), 'precious.txt'), 'utf8')).toBe('mine');
  });

  it('a mistyped flag, with a suggestion', async () => {
    const { status, stderr } = await inkstone(['train', '--stepz', '3']);
    expect(status).toBe(2);
    expect(stderr).toContain('Did you mean --steps?');
  });

  it('a folder in use', async () => {
    put(
      'run/.lock',
      JSON.stringify({ pid: process.pid, host: (await import('node:os')).hostname(), since: 'now' }),
    );
    const { stderr, status } = await trainTiny();
    expect(status).toBe(1);
    expect(stderr).toContain(`only one run may use a folder at a time; received process ${process.pid}`);
  });
});

describe('--help', () => {
  it.each(['quickstart', 'train', 'generate'])('of %s has examples', async (command) => {
    const { status, stdout } = await inkstone([command, '--help']);
    expect(status).toBe(0);
    expect(stdout).toContain('Examples:');
    expect(
      stdout
        .split('\n')
        .filter(
          (line) => line.startsWith(`  npx inkstone ${command} `) || line === `  npx inkstone ${command}`,
        ).length,
    ).toBeGreaterThan(2);
  });
});
