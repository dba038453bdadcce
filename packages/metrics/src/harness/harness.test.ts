import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  type EvaluatedModel,
  type EvaluationReport,
  evaluate,
  evaluateConfig,
  Mean,
  NgramIndex,
  parseEvaluationConfig,
  type TaskInput,
} from '../index.js';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'metrics-harness-'));
});
afterEach(() => rmSync(dir, { recursive: true }));

const code = (value: string) => expect.objectContaining({ code: value });
const upper: EvaluatedModel = {
  name: 'upper',
  generate: async (prompts) => prompts.map((p) => p.toUpperCase()),
};
const task = (extra: Partial<TaskInput> = {}): TaskInput => ({
  name: 'task',
  type: 'generate',
  data: [
    { q: 'a', a: 'A', group: 'x' },
    { q: 'b', a: 'C', group: 'x' },
    { q: 'c d', a: ['D', 'C D'], group: 'y' },
  ],
  prompt: '{{q}}',
  target: '{{a}}',
  metrics: ['exact_match'],
  ...extra,
});
const timeless = ({ createdAt: _, elapsedSeconds: __, requests: ___, ...rest }: EvaluationReport) => rest;
const lines = (file: string): unknown[] =>
  readFileSync(join(dir, file), 'utf8')
    .trimEnd()
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line));

describe('tasks', () => {
  test('generation: lists of answers, intervals, clusters, sample log', async () => {
    const report = await evaluate({ model: upper, tasks: [task({ cluster: 'group' })], output: dir });
    const metric = report.tasks[0]!.metrics[0]!;
    expect(metric.score).toBeCloseTo(2 / 3, 12);
    expect(metric.interval!.low).toBeLessThanOrEqual(metric.score!);
    expect(metric.clustered!.clusters).toBe(2);
    expect(lines('samples-task.jsonl')).toMatchObject([
      { id: 'line 1', output: 'A', scores: { exact_match: 1 } },
      { output: 'B', scores: { exact_match: 0 } },
      { output: 'C D', references: ['D', 'C D'] },
    ]);
    expect(lines('rejects-task.jsonl')).toEqual([]);
  });

  test('every named text metric computes', async () => {
    const names = [
      'bleu',
      'chrf',
      'chrf++',
      'ter',
      'rouge',
      'cider',
      'meteor',
      'wer',
      'cer',
      'squad',
      'squad2',
      'cmrc',
      'classification',
      'distinct',
      'repetition',
      'self_bleu',
      'refusal',
      'pii',
      'lexicon',
    ];
    const report = await evaluate({
      model: upper,
      tasks: [task({ metrics: names })],
      bootstrap: { resamples: 40 },
    });
    for (const metric of report.tasks[0]!.metrics) {
      expect(metric.error, metric.metric).toBeUndefined();
      expect(Number.isFinite(metric.score), metric.metric).toBe(true);
      expect(metric.interval, metric.metric).toBeDefined();
    }
  });

  test('multiple choice: index or text as gold, spaces moved, impossible choices', async () => {
    const seen: unknown[] = [];
    const model: EvaluatedModel = {
      name: 'm',
      logLikelihood: async (requests) => {
        seen.push(...requests);
        return requests.map(({ continuation }) =>
          continuation === ' bad' ? -Infinity : -continuation.length,
        );
      },
    };
    const mc: TaskInput = {
      name: 'mc',
      type: 'multiple-choice',
      data: [
        { q: 'Q1 ', choices: ['ok', 'longer'], gold: 0 },
        { q: 'Q2', choices: ['bad', 'good'], gold: 'good' },
      ],
      prompt: '{{q}}',
      choices: 'choices',
      gold: 'gold',
      delimiter: ' ',
      metrics: ['acc', 'acc_norm', 'acc_bytes', 'brier', 'log_loss', { name: 'ece', options: { bins: 5 } }],
    };
    const report = await evaluate({ model, tasks: [mc], output: dir });
    const [acc, norm, bytes, brier, loss, ece] = report.tasks[0]!.metrics.map((m) => m.score!);
    expect([acc, norm, bytes]).toEqual([1, 0.5, 0.5]);
    // Softmax of (-4, -8) is right with p = 1 / (1 + e^-4); the second question is sure and right.
    const p = 1 / (1 + Math.exp(-4));
    expect(brier).toBeCloseTo((1 - p) ** 2 / 2, 12);
    expect(loss).toBeCloseTo(-Math.log(p) / 2, 12);
    expect(ece).toBeCloseTo((1 - p) / 2, 12);
    expect(seen[0]).toEqual({ context: 'Q1', continuation: '  ok' });
    const again = await evaluate({
      model: { name: 'm', logLikelihood: () => Promise.reject(new Error('asked')) },
      tasks: [mc],
      output: dir,
    });
    expect(again.tasks[0]!.records[1]!.logLikelihoods![0]).toBe(-Infinity);
    expect(timeless(again)).toEqual(timeless(report));
  });

  test('perplexity', async () => {
    const scoreText: EvaluatedModel['scoreText'] = async (texts) =>
      texts.map((text) => ({ logLikelihood: -Buffer.byteLength(text) * Math.LN2, tokens: text.length }));
    const ppl: TaskInput = {
      name: 'p',
      type: 'perplexity',
      data: [{ t: 'abc' }, { t: '北京' }, { t: '' }],
      target: '{{t}}',
      metrics: ['perplexity', 'bits_per_byte'],
    };
    const report = await evaluate({ model: { name: 'm', scoreText }, tasks: [ppl] });
    expect(report.tasks[0]!.metrics[1]!.score).toBeCloseTo(1, 12);
    expect(report.tasks[0]!.metrics[0]!.score).toBeCloseTo(2 ** (9 / 5), 12);
    expect(report.tasks[0]!.rejects).toMatchObject([{ line: 3, reason: 'the text to score is empty' }]);
  });

  test('extract takes the first group, and a miss is no answer', async () => {
    const model: EvaluatedModel = { name: 'm', generate: async () => ['so #### 42.', 'no idea'] };
    const report = await evaluate({
      model,
      tasks: [
        task({
          data: [
            { q: 'x', a: '42' },
            { q: 'y', a: '' },
          ],
          extract: '#### (\\d+)',
          metrics: ['exact_match', 'bleu'],
        }),
      ],
    });
    expect(report.tasks[0]!.metrics[0]!.score).toBe(0.5);
    expect(report.tasks[0]!.records[1]!.output).toBeUndefined();
    expect(report.tasks[0]!.records[1]!.rawOutput).toBe('no idea');
  });

  test('few-shot: fixed by the seed, never the sample itself, the same under a limit', async () => {
    const data = Array.from({ length: 12 }, (_, i) => ({ q: `q${i}`, a: `a${i}` }));
    const prompts = async (fewShot: TaskInput['fewShot'], limit?: number): Promise<string[]> => {
      const report = await evaluate({
        model: upper,
        tasks: [task({ data, fewShot, ...(limit && { limit }) })],
      });
      return report.tasks[0]!.records.map((record) => record.prompt);
    };
    const three = await prompts({ count: 3 });
    for (const [i, prompt] of three.entries()) {
      const parts = prompt.split('\n\n');
      expect(parts).toHaveLength(4);
      expect(parts[3]).toBe(`q${i}`);
      expect(new Set(parts).size).toBe(4);
      for (const part of parts.slice(0, 3)) {
        expect(part).toMatch(/^q(\d+) a\1$/);
        expect(part).not.toBe(`q${i} a${i}`);
      }
    }
    expect(await prompts({ count: 3 })).toEqual(three);
    expect(await prompts({ count: 3 }, 5)).toEqual(three.slice(0, 5));
    expect(await prompts({ count: 3, seed: 2 })).not.toEqual(three);
    expect((await prompts({ count: 1, data: [{ q: 'Q', a: 'A' }] }))[0]).toBe('Q A\n\nq0');
    await expect(prompts({ count: 12 })).rejects.toThrow(code('E_INPUT'));
  });

  test('decontamination marks, counts and scores apart', async () => {
    writeFileSync(
      join(dir, 'train.jsonl'),
      `${JSON.stringify({ text: 'The secret answer is forty two, said he.' })}\n`,
    );
    const data = [
      { q: 'the SECRET answer is', a: 'forty two' },
      { q: 'another question', a: 'ANOTHER QUESTION' },
    ];
    const config = parseEvaluationConfig({
      tasks: [task({ data })],
      decontamination: { files: ['train.jsonl'], order: 5 },
    });
    const report = await evaluateConfig(config, { model: upper, baseDir: dir });
    expect(report.tasks[0]).toMatchObject({ contaminated: 1, metrics: [{ score: 0.5, cleanScore: 1 }] });
    const index = new NgramIndex(2);
    index.add('another question');
    const direct = await evaluate({ model: upper, tasks: [task({ data })], trainingIndex: index });
    expect(direct.tasks[0]!.records.map((r) => r.contaminated)).toEqual([false, true]);
    writeFileSync(join(dir, 'train.jsonl'), '{"text": 1}\n');
    await expect(evaluateConfig(config, { model: upper, baseDir: dir })).rejects.toThrow('train.jsonl:1');
  });

  test('metrics of the caller, and metrics that do not suit the data', async () => {
    const customMetrics = {
      length: () => ({
        accumulator: new Mean({ name: 'length' }),
        sampleOf: (r: { output?: string }) => r.output!.length,
      }),
    };
    const report = await evaluate({
      model: upper,
      tasks: [task({ metrics: ['length', 'self_bleu', 'acc'], limit: 1 })],
      customMetrics,
    });
    expect(report.tasks[0]!.metrics[0]!.score).toBe(1);
    expect(report.tasks[0]!.metrics[1]!.error).toContain('self-BLEU');
    expect(report.tasks[0]!.metrics[2]!.error).toContain('choices');
    await expect(evaluate({ model: upper, tasks: [task({ metrics: ['nonsense'] })] })).rejects.toThrow(
      code('E_FORMAT'),
    );
  });
});

describe('bad input', () => {
  test('broken lines go to the rejects file by number; the rest is evaluated', async () => {
    writeFileSync(
      join(dir, 'data.jsonl'),
      '\ufeff{"q": "a", "a": "A"}\r\n{"q": "b"\n\n[1]\n{"q": "c"}\n{"q": {}, "a": "x"}\n{"q": "d", "a": "D"}\n',
    );
    const report = await evaluate({
      model: upper,
      tasks: [task({ data: 'data.jsonl' })],
      output: dir,
      baseDir: dir,
    });
    expect(report.tasks[0]!.samples).toBe(2);
    expect(report.tasks[0]!.metrics[0]!.score).toBe(1);
    expect(report.tasks[0]!.rejects.map((r) => r.line).sort()).toEqual([2, 4, 5, 6]);
    expect(report.tasks[0]!.rejects.find((r) => r.line === 5)!.reason).toBe('field a is missing');
    expect(lines('rejects-task.jsonl')).toHaveLength(4);
  });

  test('nothing usable, no file, bad configuration', async () => {
    await expect(evaluate({ model: upper, tasks: [task({ data: [{}] })] })).rejects.toThrow(code('E_EMPTY'));
    await expect(evaluate({ model: upper, tasks: [task({ data: 'absent.jsonl' })] })).rejects.toThrow(
      code('E_FORMAT'),
    );
    for (const bad of [
      {},
      { tasks: [] },
      { tasks: [task({ name: '../x' })] },
      { tasks: [task(), task()] },
      { tasks: [task({ type: 'multiple-choice' })] },
      { tasks: [task({ extract: '(' })] },
      { tasks: [{ ...task(), surprise: 1 }] },
      { tasks: [task({ metrics: [] })] },
    ]) {
      expect(() => parseEvaluationConfig(bad), JSON.stringify(bad)).toThrow(code('E_FORMAT'));
    }
  });

  test('a wrong metric or option is told before the model is asked', async () => {
    const model: EvaluatedModel = { name: 'm', generate: () => Promise.reject(new Error('asked')) };
    for (const [metric, message] of [
      ['nonsense', /must be one of bleu/],
      [
        { name: 'bleu', options: { lowercas: true } },
        /its options are tokenizer, lowercase.*received lowercas/,
      ],
      [{ name: 'bleu', options: { keepRows: false } }, /received keepRows/],
      [{ name: 'bleu', options: { tokenizer: 'klingon' } }, /klingon/],
      [{ name: 'wer', options: { unit: 'word' } }, /takes no options/],
    ] as const) {
      await expect(evaluate({ model, tasks: [task({ metrics: [metric] })], output: dir })).rejects.toThrow(
        message,
      );
    }
    expect(readdirSync(dir)).toEqual([]);
  });

  test('models that misbehave', async () => {
    const run = (model: Partial<EvaluatedModel>, extra: Partial<TaskInput> = {}) =>
      evaluate({ model: { name: 'm', ...model }, tasks: [task(extra)] });
    await expect(run({})).rejects.toThrow('needs model.generate');
    await expect(run({ generate: async () => ['one'] })).rejects.toThrow(code('E_INPUT'));
    await expect(run({ generate: async (p) => p.map(() => 1 as never) })).rejects.toThrow(code('E_INPUT'));
    await expect(run({ name: '', generate: upper.generate! })).rejects.toThrow(code('E_INPUT'));
    const mc: Partial<TaskInput> = {
      type: 'multiple-choice',
      data: [{ q: '', c: ['a', 'b'], g: 0 }],
      choices: 'c',
      gold: 'g',
      metrics: ['acc'],
    };
    await expect(run({ logLikelihood: async (r) => r.map(() => Number.NaN) }, mc)).rejects.toThrow(
      code('E_NAN'),
    );
    await expect(
      run(
        { scoreText: async () => [null as never] },
        { type: 'perplexity', data: [{ a: 'x' }], prompt: '', metrics: ['perplexity'] },
      ),
    ).rejects.toThrow(code('E_NAN'));
  });
});

describe('resuming', () => {
  const data = Array.from({ length: 10 }, (_, i) => ({ q: `q${i}`, a: `Q${i}` }));

  test('after a failure only the missing requests are asked, and the report is the same', async () => {
    const whole = await evaluate({ model: upper, tasks: [task({ data })] });
    let calls = 0;
    const failing: EvaluatedModel = {
      name: 'upper',
      generate: async (prompts, options) => {
        if (++calls === 3) throw new Error('out of memory');
        return upper.generate!(prompts, options);
      },
    };
    await expect(
      evaluate({ model: failing, tasks: [task({ data })], output: dir, batchSize: 2 }),
    ).rejects.toThrow('out of memory');
    expect(readdirSync(dir)).not.toContain('samples-task.jsonl');
    // A kill in the middle of a write leaves half a line.
    writeFileSync(join(dir, 'requests.jsonl'), '{"key": "abc", "ans', { flag: 'a' });
    const asked: string[] = [];
    const progress: number[] = [];
    const resumed = await evaluate({
      model: {
        name: 'upper',
        generate: async (prompts, options) => {
          asked.push(...prompts);
          return upper.generate!(prompts, options);
        },
      },
      tasks: [task({ data })],
      output: dir,
      batchSize: 2,
      onProgress: ({ done }) => progress.push(done),
    });
    expect(asked).toEqual(['q4', 'q5', 'q6', 'q7', 'q8', 'q9']);
    expect(progress).toEqual([4, 6, 8, 10]);
    expect(resumed.requests).toEqual({ cached: 4, computed: 6 });
    expect(timeless(resumed)).toEqual(timeless(whole));
  });

  test('after a real SIGKILL', async () => {
    const script = join(import.meta.dirname, '../../test/killed-run.ts');
    const start = () =>
      spawn(process.execPath, ['--import', 'tsx', script, dir], { stdio: ['ignore', 'pipe', 'inherit'] });
    const child = start();
    let batches = 0;
    await new Promise<void>((resolve) => {
      child.stdout.on('data', (chunk: Buffer) => {
        batches += chunk.toString().split('\n').length - 1;
        if (batches >= 5) child.kill('SIGKILL');
      });
      child.on('exit', () => resolve());
    });
    expect(child.signalCode).toBe('SIGKILL');
    const kept = lines('requests.jsonl').length;
    expect(kept).toBeGreaterThanOrEqual(8);
    expect(kept).toBeLessThan(60);
    expect(readdirSync(dir)).not.toContain('samples-upper.jsonl');
    const second = start();
    let asked = 0;
    second.stdout.on('data', (chunk: Buffer) => {
      for (const line of chunk.toString().split('\n')) asked += Number(line);
    });
    expect(await new Promise((resolve) => second.on('exit', resolve))).toBe(0);
    expect(asked).toBe(60 - kept);
    expect(lines('samples-upper.jsonl')).toHaveLength(60);
  });

  test('abort keeps what was answered', async () => {
    const controller = new AbortController();
    const generate: EvaluatedModel['generate'] = async (prompts, options) => {
      controller.abort();
      return upper.generate!(prompts, options);
    };
    await expect(
      evaluate({
        model: { name: 'upper', generate },
        tasks: [task({ data })],
        output: dir,
        batchSize: 3,
        signal: controller.signal,
      }),
    ).rejects.toThrow(code('E_ABORTED'));
    expect(lines('requests.jsonl')).toHaveLength(3);
  });

  test('equal requests are asked once; another model or setting is asked anew', async () => {
    let asked = 0;
    const counting = (name: string): EvaluatedModel => ({
      name,
      generate: async (p, o) => {
        asked += p.length;
        return upper.generate!(p, o);
      },
    });
    const same = task({
      data: [
        { q: 'x', a: 'X' },
        { q: 'x', a: 'X' },
      ],
    });
    const run = (name: string, extra: Partial<TaskInput> = {}) =>
      evaluate({ model: counting(name), tasks: [{ ...same, ...extra }], output: dir });
    await run('a');
    expect(asked).toBe(1);
    await run('a');
    expect(asked).toBe(1);
    await run('b');
    await run('a', { generation: { maxTokens: 5 } });
    expect(asked).toBe(3);
  });
});
