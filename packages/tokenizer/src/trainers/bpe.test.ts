import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fixture } from '../../test/fixture.js';
import type { TokenizerError } from '../errors.js';
import { trainBpe } from './bpe.js';
import type { TrainProgress } from './progress.js';

interface Run {
  vocabSize: number;
  minFrequency: number;
  maxTokenLength: number | null;
  merges: [string, string][];
  vocab: Record<string, number>;
}
const golden = fixture<{ texts: string[]; runs: Run[] }>('bpe-train.json');
const specialTokens = ['<|endoftext|>', '<|pad|>'];

describe('trainBpe', () => {
  it.each(golden.runs)(
    'learns what Hugging Face learns: $vocabSize $minFrequency $maxTokenLength',
    async (run) => {
      const { vocabSize, minFrequency } = run;
      const maxTokenLength = run.maxTokenLength ?? undefined;
      const options = { vocabSize, minFrequency, maxTokenLength, specialTokens };
      const tokenizer = await trainBpe(golden.texts, options);
      const model = tokenizer.model.toJSON() as { merges: unknown; vocab: Record<string, number> };
      expect(model.merges).toEqual(run.merges);
      expect({ ...model.vocab }).toEqual(run.vocab);
    },
  );

  it('finds the merges that counting everything anew finds', async () => {
    const word = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), minLength: 1, maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(fc.array(word, { minLength: 1, maxLength: 12 }), async (words) => {
        const tokenizer = await trainBpe(words, { vocabSize: 270, minFrequency: 1, specialTokens: [] });
        const { merges } = tokenizer.model.toJSON() as { merges: [string, string][] };
        expect(merges).toEqual(slowMerges(words, merges.length));
      }),
      { numRuns: 200 },
    );
  });

  it('reads an async iterator once, reports and ends at the size asked for', async () => {
    async function* texts() {
      for (const text of golden.texts) yield text;
    }
    const seen: TrainProgress[] = [];
    const options = { vocabSize: 400, specialTokens, onProgress: (p: TrainProgress) => void seen.push(p) };
    const tokenizer = await trainBpe(texts(), options);
    expect(tokenizer.vocabSize).toBe(400);
    expect(seen[0]).toEqual({ stage: 'read', done: golden.texts.length, total: undefined });
    expect(seen.at(-1)).toEqual({ stage: 'learn', done: 400, total: 400 });
  });

  it('stops when aborted', async () => {
    const reason = new Error('enough');
    const promise = trainBpe(['a'], { vocabSize: 300, signal: AbortSignal.abort(reason) });
    await expect(promise).rejects.toBe(reason);
    const controller = new AbortController();
    function* endless() {
      for (;;) yield 'text without end';
    }
    setTimeout(() => controller.abort(reason), 1);
    await expect(trainBpe(endless(), { vocabSize: 300, signal: controller.signal })).rejects.toBe(reason);
  });

  it.each([
    [{ vocabSize: 256 }, 'vocabSize'],
    [{ vocabSize: 300.5 }, 'vocabSize'],
    [{ vocabSize: 300, minFrequency: -1 }, 'minFrequency'],
    [{ vocabSize: 300, specialTokens: ['a'] }, 'specialTokens'],
  ])('refuses %j', async (options, subject) => {
    const expected: Partial<TokenizerError> = { code: 'E_OPTION', subject };
    await expect(trainBpe(['abc'], options)).rejects.toMatchObject(expected);
  });
});

/** Algorithm 1 of Sennrich et al. with every count taken anew; ties go to the smaller ids. */
function slowMerges(texts: string[], limit: number): [string, string][] {
  // Letters a, b, c alone: GPT-2 cuts none of these words, and ids follow the letters, then the order of merges.
  const ids = ['a', 'b', 'c'];
  const words = texts.map((text) => [...text]);
  const merges: [string, string][] = [];
  while (merges.length < limit) {
    const counts = new Map<string, number>();
    for (const word of words) {
      for (let i = 0; i + 1 < word.length; i++) {
        const key = `${word[i]} ${word[i + 1]}`;
        counts.set(key, (counts.get(key) ?? 0) + 1);
      }
    }
    const rank = (key: string) => key.split(' ').map((token) => ids.indexOf(token));
    const [best] = [...counts].sort(([a, m], [b, n]) => {
      const [x, y] = [rank(a), rank(b)];
      return n - m || x[0]! - y[0]! || x[1]! - y[1]!;
    });
    const pair = best![0].split(' ') as [string, string];
    merges.push(pair);
    if (!ids.includes(pair.join(''))) ids.push(pair.join(''));
    for (const word of words) {
      for (let i = 0; i + 1 < word.length; i++) {
        if (word[i] === pair[0] && word[i + 1] === pair[1]) word.splice(i, 2, pair.join(''));
      }
    }
  }
  return merges;
}
