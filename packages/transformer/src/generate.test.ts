import { type Device, deviceStatus, Generator, memory, noGrad, Scope, tensor } from '@inkstone/tensor-core';
import { type Tokenizer, trainBpe } from '@inkstone/tokenizer';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type GeneratedToken, generate, stream } from './generate.js';
import { GPT } from './gpt.js';
import type { GenerateOptions } from './request.js';

const device: Device = 'ref';
let model: GPT;
let textModel: GPT;
let tokenizer: Tokenizer;
let scope: Scope;

beforeAll(async () => {
  const shape = { n_positions: 12, n_embd: 8, n_layer: 2, n_head: 2, initializer_range: 0.5 };
  model = new GPT({ ...shape, vocab_size: 17 }, { device, generator: new Generator(5) });
  tokenizer = await trainBpe(['der Fluß fließt 墨 hinab, 墨 und 砚'], { vocabSize: 280 });
  // Four rows that no token has, as in vocabularies padded to a round number.
  const vocab_size = tokenizer.vocabSize + 4;
  textModel = new GPT({ ...shape, n_positions: 200, vocab_size }, { device, generator: new Generator(6) });
});
afterAll(() => {
  model.dispose();
  textModel.dispose();
});
beforeEach(() => {
  scope = new Scope();
});
afterEach(() => scope[Symbol.dispose]());

const collect = async (m: GPT, options: GenerateOptions) => {
  const out: GeneratedToken[] = [];
  for await (const token of stream(m, options)) out.push(token);
  return out;
};

/** Makes a model say these ids whatever comes before: position p is followed by script[p]. */
function scripted(script: readonly number[], vocab_size: number): GPT {
  const n = script.length;
  const gpt = new GPT(
    { vocab_size, n_positions: n, n_embd: n, n_layer: 1, n_head: 1, tie_word_embeddings: false },
    { device },
  );
  for (const p of gpt.parameters()) p.fill_(0);
  gpt.transformer.ln_f.weight.fill_(1);
  const eye = (row: (i: number) => number, rows: number) => {
    const flat = new Float64Array(rows * n);
    for (let i = 0; i < n; i++) flat[row(i) * n + i] = 1;
    return tensor(flat, { shape: [rows, n], device });
  };
  gpt.transformer.wpe.weight.copy_(eye((i) => i, n));
  gpt.lm_head!.weight.copy_(eye((i) => script[i]!, vocab_size));
  return gpt;
}

describe('generation', () => {
  it('is the same with and without a cache, streamed or not, and for one seed', async () => {
    const options = { prompt: [1, 2, 3], seed: 11, temperature: 1.3, topK: 9, repetitionPenalty: 1.2 };
    const first = await generate(model, options);
    expect(first.ids.length).toBe(9);
    expect(first.finishReason).toBe('length');
    expect(await generate(model, options)).toEqual(first);
    expect(await generate(model, { ...options, cache: false })).toEqual(first);
    expect((await collect(model, options)).map((t) => t.id)).toEqual(first.ids);
    expect(await generate(model, { ...options, seed: undefined, generator: new Generator(11) })).toEqual(
      first,
    );
    const others = await Promise.all([1, 2, 3].map((seed) => generate(model, { ...options, seed })));
    expect(new Set(others.map((o) => o.ids.join())).size).toBeGreaterThan(1);
  });

  it('takes the likeliest token at temperature 0', async () => {
    const { ids } = await generate(model, { prompt: [4], temperature: 0, maxNewTokens: 5 });
    const all = [4];
    for (const id of ids) {
      const y = noGrad(() => {
        model.eval();
        const input = tensor(all, { shape: [1, all.length], dtype: 'i32', device });
        return model.forward(input).slice(1, -1).numbers();
      });
      expect(id).toBe(y.indexOf(Math.max(...y)));
      all.push(id);
    }
    model.train();
  });

  it('may use one position more than the model has, for the last token is not fed back', async () => {
    expect((await generate(model, { prompt: Array(12).fill(1) })).ids.length).toBe(1);
    expect((await generate(model, { prompt: Array(10).fill(1), maxNewTokens: 3 })).ids.length).toBe(3);
  });

  it('slides on past the last position, computing the last half anew', async () => {
    const options = { prompt: [3, 1], maxNewTokens: 40, seed: 3, slide: true };
    const { ids } = await generate(model, options);
    expect(ids.length).toBe(40);
    expect((await generate(model, { ...options, cache: false })).ids).toEqual(ids);
    // After the window of 12 is full it holds the last 6, then 7, ... up to 12 again.
    const greedy = await generate(model, { ...options, temperature: 0 });
    const sequence = [3, 1, ...greedy.ids];
    for (let n = 13; n < 40; n++) {
      const window = sequence.slice(6 * Math.ceil((n - 12) / 6), n);
      expect(window.length).toBeGreaterThanOrEqual(7);
      const alone = await generate(model, { prompt: window, temperature: 0, maxNewTokens: 1 });
      expect(alone.ids[0]).toBe(sequence[n]);
    }
    const long = await generate(model, { prompt: Array(50).fill(2), slide: true, maxNewTokens: 2, seed: 1 });
    expect(long.ids.length).toBe(2);
  });

  it('starts from bos_token_id when the prompt is empty', async () => {
    const gpt = new GPT({ ...model.config, bos_token_id: 3, eos_token_id: null }, { device });
    gpt.loadStateDict(model.stateDict());
    const from = (prompt: number[]) => generate(gpt, { prompt, temperature: 0, maxNewTokens: 4 });
    expect(await from([])).toEqual(await from([3]));
    gpt.dispose();
  });

  it('gives the event loop a turn after each token', async () => {
    let turns = 0;
    let counting = setImmediate(function count() {
      turns++;
      counting = setImmediate(count);
    });
    try {
      await generate(model, { prompt: [1], seed: 1, maxNewTokens: 8 });
      expect(turns).toBeGreaterThanOrEqual(7);
    } finally {
      clearImmediate(counting);
    }
  });

  it('stops at once when aborted, before or between tokens', async () => {
    const reason = new Error('enough');
    await expect(generate(model, { prompt: [1], signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    const controller = new AbortController();
    const seen: number[] = [];
    const run = async () => {
      for await (const { id } of stream(model, { prompt: [1], seed: 1, signal: controller.signal })) {
        seen.push(id);
        if (seen.length === 3) controller.abort(reason);
      }
    };
    await expect(run()).rejects.toBe(reason);
    expect(seen.length).toBe(3);
  });

  it('leaves training mode as it found it, also between tokens', async () => {
    model.train();
    model.transformer.h[0]!.eval();
    for await (const _ of stream(model, { prompt: [1], seed: 1, maxNewTokens: 2 }))
      expect([model.training, model.transformer.h[0]!.training]).toEqual([true, false]);
    model.train();
  });
});

describe('text', () => {
  it('comes in whole characters that join to the decoded tokens', async () => {
    for (let seed = 0; seed < 5; seed++) {
      const options = { prompt: 'Fluß', tokenizer, maxNewTokens: 40, seed, topP: 0.95 };
      const tokens = await collect(textModel, options);
      const text = tokens.map((t) => t.text).join('');
      const { ids, text: whole } = await generate(textModel, options);
      expect(tokens.map((t) => t.id)).toEqual(ids);
      expect(whole).toBe(text);
      expect(text).toBe(tokenizer.decode(ids));
      expect(ids.every((id) => id < tokenizer.vocabSize)).toBe(true);
    }
  });

  it('keeps a character back until all its bytes are there', async () => {
    const ids = byteTokens('xé砚y');
    const gpt = scripted(ids, tokenizer.vocabSize);
    const options = { prompt: byteTokens('a'), tokenizer, temperature: 0, maxNewTokens: ids.length };
    const tokens = await collect(gpt, options);
    expect(tokens.map((t) => t.text)).toEqual(['x', '', 'é', '', '', '砚', 'y']);
    // Cut within a character, what is there of it comes out as one replacement.
    expect((await generate(gpt, { ...options, maxNewTokens: 5 })).text).toBe('xé\ufffd');
    gpt.dispose();
  });

  it('ends before a stop string, across tokens, and passes on what only looked like one', async () => {
    const ids = byteTokens('one <e> two </s> three');
    const gpt = scripted(ids, tokenizer.vocabSize);
    const prompt = byteTokens('a');
    const options = { prompt, tokenizer, temperature: 0, maxNewTokens: ids.length };
    const tokens = await collect(gpt, { ...options, stop: ['</s>', '<<'] });
    expect(tokens.map((t) => t.text).join('')).toBe('one <e> two ');
    expect(tokens.every((t) => !t.text.endsWith('<'))).toBe(true);
    expect(tokens.at(-1)).toMatchObject({ finishReason: 'stop', text: '' });
    // After 14 characters "</" is no stop string yet; the end lets it out.
    const cut = await generate(gpt, { ...options, stop: '</s>', maxNewTokens: 14 });
    expect(cut).toMatchObject({ text: 'one <e> two </', finishReason: 'length' });
    gpt.dispose();
  });

  it('ends at an end-of-text token, which has no text', async () => {
    const end = tokenizer.tokenToId('<|endoftext|>')!;
    const ids = [...byteTokens('ab'), end, ...byteTokens('cd')];
    const gpt = scripted(ids, tokenizer.vocabSize);
    const maxNewTokens = ids.length;
    const options = { prompt: byteTokens('x'), tokenizer, temperature: 0, eosTokenId: end, maxNewTokens };
    expect(await generate(gpt, options)).toEqual({ ids: ids.slice(0, 3), text: 'ab', finishReason: 'eos' });
    const on = await generate(gpt, { ...options, eosTokenId: [] });
    expect(on).toMatchObject({ text: 'abcd', finishReason: 'length' });
    // Any token may be made to end it; its own text is left out, and a cut character before it comes out.
    const [c] = byteTokens('c');
    const early = await generate(gpt, { ...options, eosTokenId: [999, c!] });
    expect(early).toEqual({ ids: ids.slice(0, 4), text: 'ab', finishReason: 'eos' });
    const broken = scripted([byteTokens('é')[0]!, end], tokenizer.vocabSize);
    const cut = await generate(broken, { ...options, maxNewTokens: 2 });
    expect(cut).toMatchObject({ text: '\ufffd', finishReason: 'eos' });
    broken.dispose();
    gpt.dispose();
  });
});

/** One token for each byte of a text. */
function byteTokens(text: string): number[] {
  return [...new TextEncoder().encode(text)].map((byte) => {
    for (let id = 0; id < tokenizer.vocabSize; id++) {
      const bytes = tokenizer.decodeBytes([id]);
      if (bytes.length === 1 && bytes[0] === byte) return id;
    }
    throw new Error(`no token for byte ${byte}`);
  });
}

describe('bad input', () => {
  it.each<[string, Partial<GenerateOptions>, string]>([
    ['an id outside the vocabulary', { prompt: [17] }, 'E_ARGUMENT'],
    ['an id that is no integer', { prompt: [1.5] }, 'E_ARGUMENT'],
    ['an empty prompt without bos_token_id', { prompt: [] }, 'E_ARGUMENT'],
    ['a text without a tokenizer', { prompt: 'a' }, 'E_ARGUMENT'],
    ['a stop string without a tokenizer', { stop: 'a' }, 'E_ARGUMENT'],
    ['no new tokens', { maxNewTokens: 0 }, 'E_ARGUMENT'],
    ['half a token', { maxNewTokens: 1.5 }, 'E_ARGUMENT'],
    ['a bad temperature', { temperature: -1 }, 'E_ARGUMENT'],
    ['more than the positions', { maxNewTokens: 13 }, 'E_LENGTH'],
    ['a prompt beyond the positions', { prompt: Array(13).fill(1) }, 'E_LENGTH'],
  ])('%s is refused', async (_, options, code) => {
    await expect(generate(model, { prompt: [1], ...options })).rejects.toMatchObject({
      name: 'TransformerError',
      code,
    });
  });
});

describe.skipIf(!deviceStatus().cpu.present)('memory on cpu', () => {
  it('does not grow with the number of tokens', async () => {
    const gpt = new GPT({ ...model.config, n_positions: 64, bos_token_id: 0, eos_token_id: null });
    const idle = memory().live;
    const live: number[] = [];
    for await (const _ of stream(gpt, { prompt: [1], seed: 1 })) live.push(memory().live);
    expect(live.length).toBe(63);
    expect(new Set(live).size).toBe(1);
    expect(memory().live).toBe(idle);
    gpt.dispose();
  });
});
