import {
  type Device,
  deviceStatus,
  Generator,
  memory,
  PackedWeights,
  Scope,
  tensor,
} from '@inkstone/tensor-core';
import { type Tokenizer, trainBpe } from '@inkstone/tokenizer';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { generate } from './generate.js';
import { GPT } from './gpt.js';
import { generateSamples, type SamplesOptions } from './samples.js';

const status = deviceStatus();
const shape = { n_positions: 12, n_embd: 8, n_layer: 2, n_head: 2, initializer_range: 0.5 };

describe.each(['ref', 'cpu'] as Device[])('samples on %s', (device) => {
  if (!status[device].present) {
    it.skip(`skipped: no device ${device} (${status[device].reason})`, () => undefined);
    return;
  }
  let model: GPT;
  let textModel: GPT;
  let tokenizer: Tokenizer;
  let scope: Scope;
  beforeAll(async () => {
    model = new GPT({ ...shape, vocab_size: 17 }, { device, generator: new Generator(5) });
    tokenizer = await trainBpe(['der Fluß fließt 墨 hinab, 墨 und 砚'], { vocabSize: 280 });
    const vocab_size = tokenizer.vocabSize + 4;
    textModel = new GPT({ ...shape, n_positions: 60, vocab_size }, { device, generator: new Generator(6) });
  });
  afterAll(() => {
    model.dispose();
    textModel.dispose();
  });
  beforeEach(() => {
    scope = new Scope();
  });
  afterEach(() => scope[Symbol.dispose]());

  it.each([1, 3, 4, 17])('%i at temperature 0 are each what generate gives', async (samples) => {
    const options = { prompt: [1, 2, 3], temperature: 0 };
    const alone = await generate(model, options);
    const list = await generateSamples(model, { ...options, samples });
    expect(list).toEqual(Array(samples).fill(alone));
  });

  it('differ among each other, and are the same for one seed, with packed weights and without', async () => {
    const options = { prompt: [1, 2, 3], temperature: 1.3, topK: 9, samples: 12 };
    const first = await generateSamples(model, { ...options, seed: 7 });
    expect(new Set(first.map((t) => t.ids.join())).size).toBeGreaterThan(6);
    expect(first.every((t) => t.ids.length === 9 && t.finishReason === 'length')).toBe(true);
    expect(await generateSamples(model, { ...options, seed: 7 })).toEqual(first);
    // Twelve rows: packed products keep the bits.
    expect(await generateSamples(model, { ...options, seed: 7, packed: false })).toEqual(first);
    expect(await generateSamples(model, { ...options, seed: 8 })).not.toEqual(first);
  });

  it('penalise what each text alone has said', async () => {
    const options = { prompt: [1, 2, 3], temperature: 0, repetitionPenalty: 1e6 };
    const alone = await generate(model, options);
    const list = await generateSamples(model, { ...options, samples: 3 });
    expect(list).toEqual(Array(3).fill(alone));
    expect(alone.ids).not.toEqual((await generate(model, { ...options, repetitionPenalty: 1 })).ids);
  });

  it('end one by one: at end-of-text tokens, at stop strings, at the length', async () => {
    const eosTokenId = [...Array(10).keys()];
    const stop = [...'abcdefghijkl'];
    const options = {
      prompt: 'Fluß',
      tokenizer,
      maxNewTokens: 30,
      samples: 16,
      seed: 3,
      stop,
      eosTokenId,
    };
    const list = await generateSamples(textModel, options);
    const reasons = new Set(list.map((t) => t.finishReason));
    expect([...reasons].sort()).toEqual(['eos', 'length', 'stop']);
    for (const { ids, text, finishReason } of list) {
      const ends = ids.map((id) => eosTokenId.includes(id));
      expect(ends.slice(0, -1)).not.toContain(true);
      expect(ends.at(-1)).toBe(finishReason === 'eos');
      expect(ids.length).toBeLessThanOrEqual(30);
      if (finishReason === 'length') expect(ids.length).toBe(30);
      if (finishReason === 'stop')
        expect(stop.some((s) => tokenizer.decode(ids).startsWith(text + s))).toBe(true);
      else expect(text).toBe(tokenizer.decode(finishReason === 'eos' ? ids.slice(0, -1) : ids));
    }
  });

  it('slide on past the last position', async () => {
    const options = { prompt: [3, 1], maxNewTokens: 30, slide: true, temperature: 0 };
    const alone = await generate(model, options);
    expect(await generateSamples(model, { ...options, samples: 3 })).toEqual(Array(3).fill(alone));
  });

  it('leave no memory behind, and packs that were lent stay', async () => {
    const alive = () => (device === 'ref' ? 0 : memory().live);
    const before = alive();
    await generateSamples(model, { prompt: [1], samples: 5, seed: 1 });
    const signal = AbortSignal.abort(new Error('enough'));
    await expect(generateSamples(model, { prompt: [1], samples: 5, signal })).rejects.toThrow('enough');
    expect(alive()).toBe(before);
    const packs = new PackedWeights(model.parameters());
    await generateSamples(model, { prompt: [1], samples: 5, seed: 1, packed: packs });
    expect(alive() - before).toBeGreaterThanOrEqual(packs.bytes);
    expect(packs.use(() => 1)).toBe(1);
    packs.dispose();
    expect(alive()).toBe(before);
  });

  it('follow weights that change between the steps', async () => {
    const other = new GPT({ ...shape, vocab_size: 17 }, { device, generator: new Generator(9) });
    const packs = new PackedWeights(model.parameters());
    const options = { prompt: [1, 2], samples: 5, temperature: 0 };
    const first = await generateSamples(model, { ...options, packed: packs });
    const kept = Object.entries(model.stateDict()).map(([name, t]) => [name, t.clone()] as const);
    model.loadStateDict(other.stateDict());
    const changed = await generateSamples(model, { ...options, packed: packs });
    expect(changed).toEqual(await generateSamples(model, { ...options, packed: false }));
    expect(changed).not.toEqual(first);
    model.loadStateDict(Object.fromEntries(kept));
    packs.dispose();
    other.dispose();
  });

  it.each<[string, Partial<SamplesOptions>, string]>([
    ['no samples', { samples: 0 }, 'E_ARGUMENT'],
    ['half a sample', { samples: 1.5 }, 'E_ARGUMENT'],
    ['an empty prompt', { prompt: [] }, 'E_ARGUMENT'],
    ['more than the positions', { maxNewTokens: 13 }, 'E_LENGTH'],
  ])('%s are refused', async (_, options, code) => {
    const refused = generateSamples(model, { prompt: [1], samples: 2, ...options });
    await expect(refused).rejects.toMatchObject({ name: 'TransformerError', code });
  });

  it('a cache gives the rows that are asked for', () => {
    const cache = model.createCache(2);
    const ids = tensor(
      [
        [1, 2],
        [3, 4],
      ],
      { dtype: 'i32', device },
    );
    model.eval();
    model.forward(ids, cache);
    const picked = cache.select([1, 0, 1]);
    expect([picked.batch, picked.length]).toEqual([3, 2]);
    const next = (rows: number[]) => tensor(rows, { shape: [rows.length, 1], dtype: 'i32', device });
    const both = model.forward(next([5, 6]), cache).toArray() as number[][];
    const three = model.forward(next([6, 5, 6]), picked).toArray() as number[][];
    expect(three).toEqual([both[1], both[0], both[1]]);
    for (const rows of [[], [2], [-1], [0.5]]) expect(() => cache.select(rows)).toThrow(/rows must be/);
    model.train();
    cache.dispose();
    picked.dispose();
  });
});
