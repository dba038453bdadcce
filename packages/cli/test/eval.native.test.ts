import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { Generator, noGrad, scope, tensor } from '@inkstone/tensor-core';
import { type Tokenizer, trainBpe } from '@inkstone/tokenizer';
import { GPT, savePretrained } from '@inkstone/transformer';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeRequest, evaluatedModel, makeProgram } from '../src/index.js';
import { wordError } from '../src/program.js';

const text = 'The quick brown fox jumps over the lazy dog. 文字も。\n';
const POSITIONS = 12;

let folder: string;
let tokenizer: Tokenizer;
let gpt: GPT;
beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'inkstone-eval-'));
  tokenizer = await trainBpe([text.repeat(20)], { vocabSize: 300, specialTokens: ['<|endoftext|>'] });
  const end = tokenizer.tokenToId('<|endoftext|>')!;
  gpt = new GPT(
    {
      vocab_size: tokenizer.vocabSize,
      n_positions: POSITIONS,
      n_embd: 16,
      n_layer: 2,
      n_head: 2,
      initializer_range: 0.5,
      bos_token_id: end,
      eos_token_id: end,
    },
    { generator: new Generator(3) },
  );
  await savePretrained(gpt, at('model'));
  await tokenizer.save(at('model'));
});
afterAll(() => {
  gpt.dispose();
  rmSync(folder, { recursive: true, force: true });
});

const at = (name: string) => path.join(folder, name);
const put = (name: string, value: unknown) => {
  writeFileSync(at(name), JSON.stringify(value));
  return at(name);
};

/** Ln p of the last id after the others, by a float64 softmax over the logits of the whole sequence. */
function direct(ids: readonly number[]): number {
  const seen = ids.slice(0, -1).slice(-POSITIONS);
  const all = noGrad(() =>
    scope(() => gpt.forward(tensor(seen, { shape: [1, seen.length], dtype: 'i32' })).numbers()),
  );
  const logits = all.slice(-gpt.config.vocab_size);
  return logits[ids.at(-1)!]! - Math.log(logits.reduce((sum, x) => sum + Math.exp(x), 0));
}

describe('evaluatedModel', () => {
  const model = () => evaluatedModel(gpt, tokenizer, 'tiny');

  it('sums the log-softmax at the tokens of the continuation', async () => {
    const request = { context: 'The quick', continuation: ' brown fox' };
    // First of all, while the new model still drops activations: it is put in evaluation mode.
    const [value] = await model().logLikelihood([request], {});
    const { context, continuation } = encodeRequest(tokenizer, request);
    expect(continuation.length).toBeGreaterThan(0);
    expect(context.length + continuation.length).toBeLessThan(POSITIONS);
    const expected = continuation.reduce(
      (sum, _, i) => sum + direct([...context, ...continuation.slice(0, i + 1)]),
      0,
    );
    expect(value).toBeCloseTo(expected, 4);
  });

  it('cuts a long context from the left', async () => {
    const long = text.repeat(4);
    const [value] = await model().logLikelihood([{ context: long, continuation: '\u0007' }], {});
    const ids = [...tokenizer.encodeIds(`${long}\u0007`)];
    expect(ids.length).toBeGreaterThan(3 * POSITIONS);
    expect(value).toBeCloseTo(direct(ids), 4);
  });

  it.each([1, 3])('scores a text like a continuation of nothing (%i times)', async (times) => {
    const whole = text.repeat(times);
    const [scored] = await model().scoreText([whole], {});
    const [value] = await model().logLikelihood([{ context: '', continuation: whole }], {});
    expect(scored!.tokens).toBe(tokenizer.encodeIds(whole).length);
    expect(value).toBeCloseTo(scored!.logLikelihood, 6);
    expect(value).toBeLessThan(-scored!.tokens);
  });

  it('takes the tokens of the joined text, or of each where one reaches over the boundary', () => {
    const joined = [...tokenizer.encodeIds('The quick')];
    expect(encodeRequest(tokenizer, { context: 'The', continuation: ' quick' })).toEqual({
      context: [...tokenizer.encodeIds('The')],
      continuation: joined.slice(tokenizer.encodeIds('The').length),
    });
    expect(encodeRequest(tokenizer, { context: 'The qui', continuation: 'ck' })).toEqual({
      context: [...tokenizer.encodeIds('The qui')],
      continuation: [...tokenizer.encodeIds('ck')],
    });
  });

  it('stops when asked to', async () => {
    const signal = AbortSignal.abort(new Error('enough'));
    const requests = [{ context: 'a', continuation: 'b' }];
    await expect(model().logLikelihood(requests, { signal })).rejects.toThrow('enough');
  });
});

async function inkstone(args: string[], signal = new AbortController().signal) {
  let stdout = '';
  let stderr = '';
  const environment = {
    stdout: { write: (s: string) => (stdout += s) },
    stderr: { write: (s: string) => (stderr += s) },
    stdin: Readable.from(['']),
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
      .map((line) => JSON.parse(line));
  return { status, stdout, stderr, events };
}

const animals = ['fox', 'dog', 'cat'];
const tasks = () =>
  put('tasks.json', {
    tasks: [
      {
        name: 'animals',
        type: 'multiple-choice',
        data: animals.map((animal) => ({ q: `The ${animal} is a`, choices: animals, gold: animal })),
        prompt: '{{q}}',
        choices: 'choices',
        gold: 'gold',
        metrics: ['acc'],
      },
      {
        name: 'words',
        type: 'generate',
        data: animals.map((animal) => ({ q: `The quick ${animal}`, a: animal })),
        prompt: '{{q}}',
        target: '{{a}}',
        metrics: ['exact_match', 'chrf'],
        generation: { maxTokens: 20 },
      },
    ],
  });

describe('inkstone eval', () => {
  it('stops with status 130, goes on, and takes a second run from the cache', async () => {
    const args = ['eval', tasks(), '--model', at('model'), '--out', at('out')];
    const stopped = await inkstone(args, AbortSignal.abort());
    expect(stopped.status).toBe(130);
    expect(stopped.events().at(-1)).toMatchObject({ event: 'stopped' });
    expect(existsSync(at('out'))).toBe(false);

    const first = await inkstone(args);
    expect(first.stderr).toBe('');
    expect(first.status).toBe(0);
    expect(first.events().at(-1)).toMatchObject({ event: 'finished', requests: { cached: 0, computed: 12 } });
    expect(readdirSync(at('out'))).toEqual(
      expect.arrayContaining(['report.html', 'report.json', 'report.md', 'requests.jsonl']),
    );
    const report = () => JSON.parse(readFileSync(at('out/report.json'), 'utf8'));
    const { tasks: before, model } = report();
    expect(model).toMatch(/^model@[0-9a-f]{8}$/);
    expect(before[1].records.every((r: { output: string }) => r.output.length > 0)).toBe(true);

    const second = await inkstone([...args, '--compare', at('out/report.json')]);
    expect(second.events().at(-1)).toMatchObject({ requests: { cached: 12, computed: 0 } });
    expect(report().tasks).toEqual(before);
    const compared = second.events().filter(({ event }) => event === 'comparison');
    expect(compared.map(({ metric, test }) => [metric, test?.difference])).toEqual([
      ['acc', 0],
      ['exact_match', 0],
      ['chrf', 0],
    ]);
  });

  it.each([
    [
      'a bad config',
      () => [put('bad.json', { tasks: [] }), '--model', at('model')],
      /must follow the schema/,
    ],
    ['a missing config', () => [at('none.json'), '--model', at('model')], /none\.json: it must be there/],
    ['a missing model', () => [tasks(), '--model', at('nowhere')], /must be readable|can be read/],
    [
      'a missing report',
      () => [tasks(), '--model', at('model'), '--compare', at('no.json')],
      /no\.json: must be a report/,
    ],
  ])('tells %s in one line and leaves nothing', async (_, args, message) => {
    const list = args();
    const before = [readdirSync(folder), readdirSync(at('model'))];
    const { status, stderr, stdout } = await inkstone(['eval', ...list]);
    expect(status).toBe(1);
    expect(stderr).toMatch(message);
    expect(stderr.trim().split('\n')).toHaveLength(1);
    expect(stdout).toBe('');
    expect([readdirSync(folder), readdirSync(at('model'))]).toEqual(before);
  });

  it('has help with examples', async () => {
    const { status, stdout } = await inkstone(['eval', '--help']);
    expect(status).toBe(0);
    expect(stdout.match(/^ {2}npx inkstone eval tasks\.json --model/gm)).toHaveLength(3);
  });
});
