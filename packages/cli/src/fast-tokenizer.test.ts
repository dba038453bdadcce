import { loadAddon } from '@inkstone/native';
import { Tokenizer, trainBpe, Vocab, WordLevel } from '@inkstone/tokenizer';
import { describe, expect, it } from 'vitest';
import { fastTokenizer, fastTrainer } from './fast-tokenizer.js';

const installed = (() => {
  try {
    return loadAddon() !== undefined;
  } catch {
    return false;
  }
})();

describe('fastTokenizer', () => {
  it('gives the same ids, natively where the addon is', async () => {
    const plain = await trainBpe(['the ink stone, 砚'], { vocabSize: 262 });
    const { tokenizer, engine } = fastTokenizer(plain);
    expect(engine).toBe(installed ? 'native' : 'TypeScript: the native addon is not installed');
    expect(tokenizer.engine !== undefined).toBe(installed);
    expect(tokenizer.encodeIds('the stone 砚')).toEqual(plain.encodeIds('the stone 砚'));
  });

  it('leaves a tokenizer that it cannot take, and says why', () => {
    const words = new Tokenizer({ model: new WordLevel(new Vocab([['a', 0]]), 'a') });
    expect(fastTokenizer(words)).toEqual({ tokenizer: words, engine: 'TypeScript: the model is WordLevel' });
  });
});

describe('fastTrainer', () => {
  it('trains the same tokenizer, natively where the addon is', async () => {
    const { trainer, engine } = fastTrainer();
    expect(engine).toBe(installed ? 'native' : 'TypeScript: the native addon is not installed');
    const texts = ['the ink stone, the ink'];
    const options = { vocabSize: 262, ...(trainer && { engine: trainer }) };
    expect((await trainBpe(texts, options)).toJSON()).toEqual(
      (await trainBpe(texts, { vocabSize: 262 })).toJSON(),
    );
  });
});
