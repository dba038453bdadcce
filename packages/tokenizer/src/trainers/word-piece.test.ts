import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fixture } from '../../test/fixture.js';
import { Tokenizer } from '../tokenizer.js';
import { trainWordPiece } from './word-piece.js';

const { texts } = fixture<{ texts: string[] }>('bpe-train.json');
const specials = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'];

describe('trainWordPiece', () => {
  it('finds the tokens that counting everything anew finds', async () => {
    const word = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), minLength: 1, maxLength: 9 });
    await fc.assert(
      fc.asyncProperty(fc.array(word, { minLength: 1, maxLength: 10 }), async (words) => {
        const tokenizer = await trainWordPiece(words, { vocabSize: 24, minFrequency: 1 });
        const tokens = Array.from({ length: tokenizer.vocabSize }, (_, id) => tokenizer.idToToken(id)!);
        expect(tokens).toEqual(slowTokens(words, 24));
      }),
      { numRuns: 200 },
    );
  });

  it('finds nearly all the tokens Hugging Face finds, whose ties fall by chance', async () => {
    const { tokenizer: json } = fixture<{ tokenizer: { model: { vocab: Record<string, number> } } }>(
      'whole-bert.json',
    );
    const wanted = Object.keys(json.model.vocab);
    const tokenizer = await trainWordPiece(texts, { vocabSize: 400, minFrequency: 0 });
    expect(tokenizer.vocabSize).toBe(wanted.length);
    const missing = wanted.filter((token) => tokenizer.tokenToId(token) === undefined);
    expect(missing.length).toBeLessThan(wanted.length / 20);
  });

  it('makes a tokenizer that works, can be saved, and knows the characters asked for', async () => {
    const tokenizer = await trainWordPiece(texts, {
      vocabSize: 300,
      limitAlphabet: 20,
      specialTokens: ['<x>'],
    });
    const text = 'the dog';
    expect(tokenizer.decode(tokenizer.encodeIds(text))).toBe(text);
    expect(tokenizer.idsToTokens(tokenizer.encodeIds('好')).includes('[UNK]')).toBe(true);
    expect(tokenizer.tokenToId('<x>')).toBe(5);
    const again = Tokenizer.fromJSON(JSON.parse(JSON.stringify(tokenizer.toJSON())));
    expect([...again.encodeIds(text)]).toEqual([...tokenizer.encodeIds(text)]);
  });

  it.each([{ vocabSize: 3 }, { vocabSize: 30, minFrequency: -1 }, { vocabSize: 30, limitAlphabet: 0 }])(
    'refuses %j',
    async (options) => {
      await expect(trainWordPiece(['a'], options)).rejects.toMatchObject({ code: 'E_OPTION' });
    },
  );

  it('stops when aborted', async () => {
    const reason = new Error('enough');
    const promise = trainWordPiece(['a'], { vocabSize: 30, signal: AbortSignal.abort(reason) });
    await expect(promise).rejects.toBe(reason);
  });
});

/** Merges with all counts taken anew; ties go to the smaller ids. */
function slowTokens(texts: string[], size: number): string[] {
  const words = texts.map((text) => [...text].map((char, i) => (i > 0 ? `##${char}` : char)));
  const letters = ['a', 'b', 'c'];
  const has = (token: string) => words.some((word) => word.includes(token));
  const used = letters.filter((letter) => has(letter) || has(`##${letter}`));
  const tokens = [...specials, ...used, ...letters.map((letter) => `##${letter}`).filter(has)];
  while (tokens.length < size) {
    const counts = new Map<string, number>();
    for (const word of words) {
      for (let i = 0; i + 1 < word.length; i++) {
        const key = `${tokens.indexOf(word[i]!)} ${tokens.indexOf(word[i + 1]!)}`;
        counts.set(key, (counts.get(key) ?? 0) + 1);
      }
    }
    if (counts.size === 0) break;
    const ids = (key: string) => key.split(' ').map(Number) as [number, number];
    const [[best]] = [...counts].sort(
      ([a, m], [b, n]) => n - m || ids(a)[0] - ids(b)[0] || ids(a)[1] - ids(b)[1],
    ) as [[string, number]];
    const [left, right] = ids(best).map((id) => tokens[id]!) as [string, string];
    const merged = left + right.replace(/^##/, '');
    if (!tokens.includes(merged)) tokens.push(merged);
    for (const word of words) {
      for (let i = 0; i + 1 < word.length; i++) {
        if (word[i] === left && word[i + 1] === right) word.splice(i, 2, merged);
      }
    }
  }
  return tokens;
}
