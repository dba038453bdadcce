import { trainBpe } from '@inkstone/tokenizer';
import { type TokenWindows, tokensInMemory, WindowSampler } from '@inkstone/trainer';
import { describe, expect, it } from 'vitest';
import { evaluate, tokenBytes } from './evaluate.js';
import { END_OF_TEXT } from './prepare.js';

const text = 'the cat sat on the mat, 猫は座った。 '.repeat(40);

async function setup() {
  const tokenizer = await trainBpe([text], { vocabSize: 320, specialTokens: [END_OF_TEXT] });
  const words = tokenizer.encodeIds(text);
  const end = tokenizer.tokenToId(END_OF_TEXT)!;
  return { tokenizer, words, end };
}

describe('tokenBytes', () => {
  it('counts the bytes of text behind every token', async () => {
    const { tokenizer, words, end } = await setup();
    const bytes = tokenBytes(tokenizer);
    expect(bytes).toHaveLength(tokenizer.vocabSize);
    expect(words.reduce((sum, id) => sum + bytes[id]!, 0)).toBe(Buffer.byteLength(text));
    expect(bytes[end]).toBe(0);
  });
});

describe('evaluate', () => {
  it('gives a model that guesses blindly the bits of its vocabulary, over the bytes of the text', async () => {
    const { tokenizer, words } = await setup();
    const sampler = new WindowSampler(tokensInMemory(words, 320), { context: words.length - 1, seed: 1 });
    const blind = () => Math.log(320);
    const bytes = tokenBytes(tokenizer);
    const result = await evaluate(sampler, blind, bytes, { batches: 1, batchSize: 1 });
    expect(result.tokens).toBe(words.length - 1);
    expect(result.loss).toBeCloseTo(Math.log(320), 12);
    const seen = Buffer.byteLength(text) - bytes[words[0]!]!;
    expect(result.bitsPerByte).toBeCloseTo((Math.log2(320) * (words.length - 1)) / seen, 12);
  });

  it('leaves special tokens out and weights batches by the tokens that are left', async () => {
    const { tokenizer, words, end } = await setup();
    const [a, b] = [words[0]!, words[1]!];
    const ids = Int32Array.of(a, b, end, end, a, end, end, a, b);
    const sampler = new WindowSampler(tokensInMemory(ids, 320), { context: 4, seed: 1 });
    const seen: number[][] = [];
    const loss = ({ targets, tokens }: TokenWindows) => {
      seen.push([...targets]);
      return tokens;
    };
    const bytes = tokenBytes(tokenizer);
    const result = await evaluate(sampler, loss, bytes, { batches: 2, batchSize: 1 });
    expect(seen).toEqual([
      [b, -100, -100, a],
      [-100, -100, a, b],
    ]);
    expect(result).toMatchObject({ tokens: 4, loss: 2 });
    expect(result.bitsPerByte).toBeCloseTo(8 / Math.LN2 / (2 * (bytes[a]! + bytes[b]!)), 12);
  });

  it('stops when asked to', async () => {
    const { tokenizer, words } = await setup();
    const sampler = new WindowSampler(tokensInMemory(words, 320), { context: 4, seed: 1 });
    const options = { batches: 2, batchSize: 1, signal: AbortSignal.abort(new Error('enough')) };
    await expect(evaluate(sampler, () => 1, tokenBytes(tokenizer), options)).rejects.toThrow('enough');
  });
});
