import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fixture } from '../../test/fixture.js';
import { Lattice } from '../models/lattice.js';
import { Unigram } from '../models/unigram.js';
import { UnicodeForm } from '../normalizers/unicode-form.js';
import { Metaspace } from '../pre-tokenizers/metaspace.js';
import { Tokenizer } from '../tokenizer.js';
import { byteWords } from './byte-words.js';
import { cutWith } from './count-words.js';
import { PieceLattices } from './piece-lattices.js';
import { Pace, type TrainProgress } from './progress.js';
import { type PointWords, seedPieces } from './seed-pieces.js';
import { trainUnigram } from './unigram.js';
import { digamma, maximize, prune, withUnknown } from './unigram-em.js';
import { WordCounts } from './word-counts.js';

interface Golden {
  texts: string[];
  held: string[];
  runs: { vocabSize: number; huggingFace: [string, number][]; sentencePiece: [string, number][] }[];
}
const golden = fixture<Golden>('unigram-train.json');

const wordsOf = (texts: readonly string[]) => {
  const words = new WordCounts();
  const cut = cutWith(
    new UnicodeForm('NFKC'),
    new Metaspace({ replacement: '▁', prependScheme: 'always', split: true }),
  );
  for (const text of texts) cut(text, (piece, start, end) => words.add(piece, start, end));
  return words;
};

/** Tokens and log likelihood of the best cuts of held-out words. */
function quality(words: WordCounts, vocab: readonly (readonly [string, number])[]) {
  const model = new Unigram(vocab, { unkId: 0, hidden: new Set([0, 1, 2]) });
  let tokens = 0;
  let logLikelihood = 0;
  for (let i = 0; i < words.size; i++) {
    const [best] = model.nBest(words.piece(i), 1);
    tokens += words.counts[i]! * best!.ids.length;
    logLikelihood += words.counts[i]! * best!.score;
  }
  return { tokens, logLikelihood };
}

const table = (words: Record<string, number>) => {
  const out = new WordCounts();
  for (const [word, count] of Object.entries(words)) out.add(word, 0, word.length, count);
  return out;
};

/** Lattices of words, seeded, and what their pieces spell by id. */
function seeded(words: WordCounts, longest = 16) {
  const lattices = new PieceLattices(byteWords(words));
  const { points, starts } = lattices.seed(lattices.characters().points.toSorted(), longest, 1e6);
  const spelling = Array.from({ length: starts.length }, (_, id) =>
    id > 0 ? String.fromCodePoint(...points.subarray(starts[id - 1]!, starts[id]!)) : '',
  );
  return { lattices, spelling };
}

/** Lattices with only those of the seed's pieces that have a score, by id. */
function scored(words: WordCounts, wanted: ReadonlyMap<string, number>) {
  const { lattices, spelling } = seeded(words);
  const kept = Int32Array.from(spelling.keys()).filter((id) => id > 0 && wanted.has(spelling[id]!));
  lattices.keep(kept);
  const tokens = ['', ...Array.from(kept, (id) => spelling[id]!)];
  const scores = withUnknown(Float64Array.from(tokens, (token) => wanted.get(token) ?? 0));
  return { lattices, tokens, scores };
}

/** Every way to cut a word into known pieces. */
function* cuts(word: string, pieces: ReadonlyMap<string, number>): Generator<string[]> {
  if (word === '') yield [];
  for (let end = 1; end <= word.length; end++) {
    if (!pieces.has(word.slice(0, end))) continue;
    for (const rest of cuts(word.slice(end), pieces)) yield [word.slice(0, end), ...rest];
  }
}

const progress: TrainProgress = { stage: 'learn', done: 0, total: 1 };
const pace = () => new Pace({});
const letters = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), minLength: 1, maxLength: 8 });
const counted = fc
  .dictionary(letters, fc.integer({ min: 1, max: 9 }), { minKeys: 1, maxKeys: 8 })
  .map((words) => ({ ...words }));

describe('trainUnigram', () => {
  it.each(golden.runs)(
    'makes a vocabulary as good on held-out text as those of Hugging Face and SentencePiece: $vocabSize',
    async ({ vocabSize, huggingFace, sentencePiece }) => {
      const tokenizer = await trainUnigram(golden.texts, { vocabSize });
      expect(tokenizer.vocabSize).toBe(vocabSize);
      const held = wordsOf(golden.held);
      const ours = quality(held, (tokenizer.model as Unigram).vocab);
      for (const theirs of [quality(held, huggingFace), quality(held, sentencePiece)]) {
        expect(ours.tokens).toBeLessThan(theirs.tokens * 1.01);
        expect(ours.logLikelihood).toBeGreaterThan(theirs.logLikelihood * 1.01);
      }
      const common = huggingFace.filter(([token]) => tokenizer.tokenToId(token) !== undefined);
      expect(common.length).toBeGreaterThan(huggingFace.length * 0.65);
    },
  );

  it('raises the likelihood with every step of plain EM', async () => {
    const words = wordsOf(golden.texts.slice(0, 40));
    const { lattices, spelling } = seeded(words);
    let scores = new Float64Array(spelling.length).fill(-6);
    let last = -Infinity;
    const lattice = new Lattice();
    for (let step = 0; step < 5; step++) {
      const vocab = spelling.map((token, id): [string, number] => [token, scores[id]!]);
      const model = new Unigram(vocab, { unkId: 0, hidden: new Set([0]) });
      let logLikelihood = 0;
      for (let i = 0; i < words.size; i++) {
        logLikelihood += words.counts[i]! * lattice.fill(model, words.piece(i)).marginals(() => {});
      }
      expect(logLikelihood).toBeGreaterThan(last);
      last = logLikelihood;
      const expected = await lattices.expect(scores.map(Math.exp), pace(), progress);
      const sum = expected.reduce((a, b) => a + b, 0);
      scores = expected.map((count) => Math.log(Math.max(count, 1e-9) / sum));
    }
  });

  it('makes no control token of text, and keeps it whole with byte fallback, and after it was saved', async () => {
    const tokenizer = await trainUnigram(golden.texts, {
      vocabSize: 600,
      byteFallback: true,
      characterCoverage: 0.98,
      specialTokens: ['<s>', '</s>'],
    });
    expect(tokenizer.vocabSize).toBe(600);
    expect(tokenizer.tokenToId('<unk>')).toBe(0);
    const again = Tokenizer.fromJSON(JSON.parse(JSON.stringify(tokenizer.toJSON())));
    for (const text of ['语言模型 and ☃ 𐐷', 'النص', 'ภาษาไทย', '👨‍👩‍👧 <0x41> <s>', 'a  b']) {
      const ids = tokenizer.encodeIds(text);
      expect(ids).not.toContain(0);
      expect(tokenizer.decode(ids)).toBe(text.normalize('NFKC'));
      expect(again.encodeIds(text)).toEqual(ids);
    }
  });

  it('does not hang on the order of the texts, and leaves rare characters out where asked', async () => {
    const texts = golden.texts.slice(0, 60);
    const options = { vocabSize: 500, characterCoverage: 0.99 };
    const one = await trainUnigram(texts, options);
    const two = await trainUnigram(texts.toReversed(), options);
    expect(two.toJSON()).toEqual(one.toJSON());
    expect(one.idsToTokens(one.encodeIds('ǅ'))).toEqual(['▁', '<unk>']);
  });

  it('reports, and stops when aborted', async () => {
    const seen: TrainProgress[] = [];
    await trainUnigram(golden.texts, { vocabSize: 450, onProgress: (p) => void seen.push(p) });
    const learned = seen.filter(({ stage }) => stage === 'learn').map(({ done }) => done);
    expect(learned).toEqual(learned.toSorted((a, b) => a - b));
    expect(seen.at(-1)).toEqual({ stage: 'learn', done: 450, total: 450 });
    const reason = new Error('enough');
    const controller = new AbortController();
    const promise = trainUnigram(golden.texts, {
      vocabSize: 450,
      signal: controller.signal,
      onProgress: ({ stage }) => stage === 'learn' && controller.abort(reason),
    });
    await expect(promise).rejects.toBe(reason);
  });

  it.each([
    [{ vocabSize: 3 }, 'vocabSize'],
    [{ vocabSize: 5 }, 'vocabSize'],
    [{ vocabSize: 40, specialTokens: [''] }, 'specialTokens'],
    [{ vocabSize: 40, characterCoverage: 0 }, 'characterCoverage'],
    [{ vocabSize: 40, maxTokenLength: 1 }, 'maxTokenLength'],
    [{ vocabSize: 40, shrinkingFactor: 1 }, 'shrinkingFactor'],
    [{ vocabSize: 40, subIterations: 0 }, 'subIterations'],
    [{ vocabSize: 40, seedSize: Number.NaN }, 'seedSize'],
    [{ vocabSize: 40, maxWordLength: 0 }, 'maxWordLength'],
    [{ vocabSize: 40, memoryLimit: Number.NaN }, 'memoryLimit'],
  ])('refuses %j', async (options, subject) => {
    await expect(trainUnigram(['abcdef'], options)).rejects.toMatchObject({ code: 'E_OPTION', subject });
  });

  it('takes text of nothing', async () => {
    const tokenizer = await trainUnigram(['', ' '], { vocabSize: 10 });
    expect(tokenizer.vocabSize).toBe(4);
    expect(tokenizer.idsToTokens(tokenizer.encodeIds('x'))).toEqual(['▁', '<unk>']);
  });
});

describe('digamma', () => {
  it.each([
    [1, -0.5772156649015329],
    [0.5, -1.9635100260214235],
    [10, 2.251752589066721],
    [1e6, 13.815510057964191],
  ])('of %d', (x, value) => {
    expect(Math.abs(digamma(x) - value)).toBeLessThan(1e-9);
  });
});

describe('the seed', () => {
  it('is what counting all substrings finds', () => {
    fc.assert(
      fc.property(counted, fc.integer({ min: 2, max: 6 }), (words, longest) => {
        const list = Object.entries(words);
        const starts = [0];
        for (const [word] of list) starts.push(starts.at(-1)! + word.length);
        const points = Int32Array.from(list.flatMap(([word]) => [...word].map((c) => c.codePointAt(0)!)));
        const counts = Float64Array.from(list, ([, count]) => count);
        const input: PointWords = { points, starts: Int32Array.from(starts), counts };
        const { order, found: candidates } = seedPieces(input, longest, 1e6);
        const found = candidates.map(({ from, to, length, count }) => {
          const all = Array.from(order.subarray(from, to), (at) =>
            String.fromCodePoint(...points.subarray(at, at + length)),
          );
          expect(new Set(all).size).toBe(1);
          return [all[0]!, count];
        });
        expect(new Map(found as [string, number][])).toEqual(slowSeed(list, longest));
        expect(found).toHaveLength(new Set(found.map(([token]) => token)).size);
      }),
      { numRuns: 500 },
    );
  });

  it('takes the largest of count times length first', () => {
    const points = Int32Array.from('abab', (c) => c.codePointAt(0)!);
    const words = { points, starts: Int32Array.of(0, 2, 4), counts: Float64Array.of(3, 4) };
    expect(seedPieces(words, 4, 1).found).toEqual([{ from: 0, to: 2, length: 2, count: 7 }]);
  });
});

/** Substrings that occur twice or more and that no one character always follows; by trying all. */
function slowSeed(words: readonly [string, number][], longest: number): Map<string, number> {
  const counts = new Map<string, number>();
  const next = new Map<string, Set<string>>();
  for (const [word, count] of words) {
    for (let i = 0; i < word.length; i++) {
      for (let j = i + 2; j <= Math.min(word.length, i + longest); j++) {
        const part = word.slice(i, j);
        counts.set(part, (counts.get(part) ?? 0) + count);
        // Past the longest nothing is told apart, so such a substring stands as it is.
        const follows = j - i === longest ? `${counts.size}` : (word[j] ?? '$');
        next.set(part, (next.get(part) ?? new Set()).add(follows));
      }
    }
  }
  const open = (part: string) =>
    part.length === longest || next.get(part)!.size > 1 || next.get(part)!.has('$');
  return new Map([...counts].filter(([part, count]) => count >= 2 && open(part)));
}

describe('EM', () => {
  const scores = new Map([
    ['a', -2],
    ['b', -2.5],
    ['c', -3],
    ['ab', -3],
    ['bc', -3.5],
    ['abc', -4],
    ['aa', -5],
  ]);

  it('expects what adding up all cuts gives', async () => {
    await fc.assert(
      fc.asyncProperty(counted, async (words) => {
        const { lattices, tokens, scores: byId } = scored(table(words), scores);
        const known = new Map(tokens.slice(1).map((token) => [token, scores.get(token)!]));
        const expected = await lattices.expect(byId.map(Math.exp), pace(), progress);
        const slow = new Map(tokens.map((token) => [token, 0]));
        for (const [word, count] of Object.entries(words)) {
          const all = [...cuts(word, known)].map((cut) => {
            const weight = Math.exp(cut.reduce((sum, token) => sum + known.get(token)!, 0));
            return { cut, weight };
          });
          const z = all.reduce((sum, { weight }) => sum + weight, 0);
          for (const { cut, weight } of all) {
            for (const token of cut) slow.set(token, slow.get(token)! + (count * weight) / z);
          }
        }
        tokens.forEach((token, id) => {
          expect(expected[id]).toBeCloseTo(slow.get(token)!, 9);
        });
      }),
      { numRuns: 100 },
    );
  });

  it('drops what is expected less than half a time', () => {
    const { kept, scores } = maximize(Float64Array.of(7, 3, 0.4, 0.5));
    expect([...kept]).toEqual([1, 3]);
    expect(scores[1]).toBeCloseTo(digamma(3) - digamma(3.5), 12);
    expect(scores[0]).toBe(scores[2]! - 10);
  });

  it('cuts and sums as the model that the pieces make does, also where words are long and pieces lack', async () => {
    const unit = fc.constantFrom('a', 'b', '砚', '🙂', 'é');
    const word = fc.oneof(
      fc.string({ unit, minLength: 1, maxLength: 20 }),
      fc.string({ unit, minLength: 200, maxLength: 400 }),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.dictionary(word, fc.integer({ min: 1, max: 9 }), { minKeys: 1, maxKeys: 4 }),
        fc.array(fc.integer({ min: -40, max: -1 }), { minLength: 1, maxLength: 40 }),
        fc.array(fc.boolean(), { minLength: 1, maxLength: 9 }),
        async (words, numbers, lacking) => {
          const counted = table(words);
          const { spelling } = seeded(counted);
          const wanted = new Map<string, number>();
          spelling.forEach((token, id) => {
            if (token && lacking[id % lacking.length]) wanted.set(token, numbers[id % numbers.length]!);
          });
          const { lattices, tokens, scores } = scored(counted, wanted);
          const vocab = tokens.map((token, id): [string, number] => [token, scores[id]!]);
          const model = new Unigram(vocab, { unkId: 0, hidden: new Set([0]) });
          const lattice = new Lattice();
          const sums = new Float64Array(tokens.length);
          const used = new Float64Array(tokens.length);
          for (let i = 0; i < counted.size; i++) {
            const count = counted.counts[i]!;
            lattice.fill(model, counted.piece(i)).marginals((id, p) => {
              sums[id]! += count * p;
            });
            for (const id of model.bestPath(counted.piece(i)).ids) used[id]! += count;
          }
          const expected = await lattices.expect(scores.map(Math.exp), pace(), progress);
          const cut = await lattices.cut(scores, pace(), progress);
          // The model joins neighbouring characters without a piece.
          for (let id = 1; id < tokens.length; id++) {
            expect(Math.abs(expected[id]! - sums[id]!)).toBeLessThan(1e-9 * (1 + sums[id]!));
            expect(cut.used[id]).toBe(used[id]);
            const [other] = lattice
              .fill(model, tokens[id]!)
              .nBest(1, (_, length) => length === tokens[id]!.length);
            expect([...cut.parts.subarray(cut.starts[id - 1], cut.starts[id])]).toEqual(other?.ids ?? []);
          }
        },
      ),
      { numRuns: 150 },
    );
  });

  it('prunes what matters least, and never what cannot be cut', async () => {
    const words = table({ abc: 50, ab: 10, bc: 1, aa: 2, a: 1 });
    const { lattices, tokens, scores: byId } = scored(words, scores);
    const cuts = await lattices.cut(byId, pace(), progress);
    const kept = (keep: number) => Array.from(prune(cuts, keep), (id) => tokens[id]).sort();
    expect(kept(5)).toEqual(['a', 'ab', 'abc', 'b', 'c']);
    expect(kept(4)).toEqual(['a', 'abc', 'b', 'c']);
    expect(kept(0)).toEqual(['a', 'b', 'c']);
  });
});
