import { loadAddon } from '@inkstone/native';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fixture } from '../test/fixture.js';
import { nativeTrainer } from './native.js';
import { NativeLattices } from './native-lattices.js';
import { Lowercase } from './normalizers/simple.js';
import { Metaspace } from './pre-tokenizers/metaspace.js';
import { cutMarks } from './pre-tokenizers/pre-tokenizer.js';
import { byteWords } from './trainers/byte-words.js';
import type { DroppedWords } from './trainers/count-words.js';
import { PieceLattices } from './trainers/piece-lattices.js';
import { Pace, type TrainProgress } from './trainers/progress.js';
import { type TrainUnigramOptions, trainUnigram } from './trainers/unigram.js';
import { withUnknown } from './trainers/unigram-em.js';
import { WordCounts } from './trainers/word-counts.js';

const golden = fixture<{ texts: string[]; held: string[] }>('unigram-train.json');

let absent = '';
try {
  loadAddon();
} catch (error) {
  absent = (error as Error).message;
}
const title = absent ? `skipped: Unigram of nativeTrainer (${absent})` : 'Unigram of nativeTrainer';

/** What training finds, or the error it ends in. */
async function outcome(texts: readonly string[], options: TrainUnigramOptions): Promise<unknown> {
  try {
    return (await trainUnigram(texts, options)).toJSON();
  } catch (error) {
    return { error: (error as Error).message };
  }
}

/** Holds the pieces and scores of one, two and three threads to those of TypeScript, to the bit. */
async function compare(texts: readonly string[], options: TrainUnigramOptions) {
  const plain = await outcome(texts, options);
  for (const threads of [1, 2, 3]) {
    expect(await outcome(texts, { ...options, engine: nativeTrainer({ threads }) })).toEqual(plain);
  }
  return plain;
}

const metaspace = (prependScheme: 'always' | 'first' | 'never', split: boolean) =>
  new Metaspace({ replacement: '▁', prependScheme, split });

const HAN = '砚者磨墨之石也文房四宝笔墨纸砚书法家以水研墨于其上历代名砚端歙洮澄泥';
let state = 1;
const random = (below: number) => (state = (state * 48271) % 2147483647) % below;
const chinese = Array.from({ length: 60 }, () =>
  Array.from({ length: 40 + random(200) }, () => HAN[random(1 + random(HAN.length))]).join(''),
);

describe.skipIf(absent !== '')(title, () => {
  it.each<[string, readonly string[], TrainUnigramOptions]>([
    ['English and others', golden.texts, { vocabSize: 600 }],
    [
      'rare characters left out',
      golden.texts,
      { vocabSize: 500, characterCoverage: 0.97, byteFallback: true },
    ],
    ['short pieces, few of them', golden.texts, { vocabSize: 450, maxTokenLength: 3, seedSize: 900 }],
    ['other rounds', golden.texts, { vocabSize: 450, shrinkingFactor: 0.5, subIterations: 4 }],
    ['words of whole texts', golden.texts, { vocabSize: 700, preTokenizer: metaspace('always', false) }],
    ['Chinese without spaces', chinese, { vocabSize: 300 }],
    ['one-character words', ['a b c a b a', '砚 墨 🙂'], { vocabSize: 30 }],
    [
      'a very long word',
      ['abracadabra'.repeat(3000), 'x'.repeat(5000)],
      { vocabSize: 40, maxTokenLength: 64 },
    ],
    ['nothing', ['', ' '], { vocabSize: 10 }],
    [
      'pieces that are special tokens',
      golden.texts,
      { vocabSize: 500, specialTokens: ['<unk>', 'the', '▁a'] },
    ],
    ['another normalizer', golden.texts, { vocabSize: 500, normalizer: new Lowercase() }],
    [
      'no normalizer, no space before',
      golden.texts,
      { vocabSize: 700, normalizer: null, preTokenizer: metaspace('never', true) },
    ],
    ['a space before the first', golden.texts, { vocabSize: 600, preTokenizer: metaspace('first', true) }],
    ['too small a vocabulary', golden.texts, { vocabSize: 20 }],
  ])('finds the pieces and scores of TypeScript: %s', async (_name, texts, options) => {
    const found = (await compare(texts, options)) as { model?: { vocab: unknown[] } };
    if (options.vocabSize > 30) expect(found.model!.vocab.length).toBeGreaterThan(14);
  });

  it('finds the pieces and scores of TypeScript in whatever texts', async () => {
    const part = fc.oneof(
      { weight: 4, arbitrary: fc.constantFrom(...golden.texts).map((text) => text.slice(0, 60)) },
      { weight: 2, arbitrary: fc.string({ unit: 'binary', maxLength: 12 }) },
      {
        weight: 3,
        arbitrary: fc.constantFrom(
          ' ',
          '  ',
          '▁',
          'ab',
          'aba',
          '砚墨',
          '👩‍👩‍👧',
          '\ud83d',
          '\ude42',
          'ㄱㅏ',
          'ﷺ',
        ),
      },
    );
    const text = fc.array(part, { maxLength: 30 }).map((parts) => parts.join(''));
    await fc.assert(
      fc.asyncProperty(
        fc.array(text, { maxLength: 8 }),
        fc.record({
          vocabSize: fc.constantFrom(20, 100, 400),
          characterCoverage: fc.constantFrom(1, 0.8),
          maxTokenLength: fc.constantFrom(2, 5, 16, 64),
          maxWordLength: fc.constantFrom(Infinity, 9),
          seedSize: fc.constantFrom(1e6, 50),
        }),
        async (texts, options) => void (await compare(texts, options)),
      ),
      { numRuns: 60 },
    );
  });

  it('sums and cuts as TypeScript does, whatever the probabilities', async () => {
    const unit = fc.constantFrom('a', 'b', '砚', '🙂');
    const word = fc.oneof(
      fc.string({ unit, minLength: 1, maxLength: 12 }),
      fc.string({ unit, minLength: 100, maxLength: 900 }),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.dictionary(word, fc.integer({ min: 1, max: 2 ** 45 }), { minKeys: 1, maxKeys: 5 }),
        fc.array(fc.double({ min: -100, max: -0.1, noNaN: true }), { minLength: 1, maxLength: 40 }),
        fc.integer({ min: 1, max: 4 }),
        fc.constantFrom(1, 2, 3),
        async (counted, numbers, every, threads) => {
          const counts = new WordCounts();
          for (const [text, count] of Object.entries(counted)) counts.add(text, 0, text.length, count);
          const words = byteWords(counts);
          const plain = new PieceLattices(words);
          const native = new NativeLattices(loadAddon(), words, threads);
          const { points } = plain.characters();
          expect(native.characters().points.toSorted()).toEqual(points.toSorted());
          const seed = plain.seed(points, 16, 1e6);
          expect(native.seed(points, 16, 1e6)).toEqual(seed);
          const kept = Int32Array.from(seed.counts.keys())
            .map((i) => i + 1)
            .filter((id) => id % every === 0);
          plain.keep(kept);
          native.keep(kept);
          const scores = withUnknown(
            Float64Array.from([0, ...kept], (_, id) => numbers[id % numbers.length]!),
          );
          const pace = new Pace({});
          const progress: TrainProgress = { stage: 'learn', done: 0, total: 1 };
          const wanted = await plain.expect(scores.map(Math.exp), pace, progress);
          expect(wanted.every(Number.isFinite)).toBe(true);
          expect(await native.expect(scores.map(Math.exp), pace, progress)).toEqual(wanted);
          const cuts = await plain.cut(scores, pace, progress);
          const found = await native.cut(scores, pace, progress);
          expect(found).toEqual(cuts);
        },
      ),
      { numRuns: 120 },
    );
  });

  it('counts the words of TypeScript, in parts as well', () => {
    const text = metaspace('always', true).textMarker()!;
    const long = text(
      Array.from({ length: 400_000 }, () => ['ink', ' ', '  x', '砚', '▁'][random(5)]).join(''),
    );
    const counter = nativeTrainer({ threads: 2 }).counter(cutMarks, 20)!;
    const words = new WordCounts();
    for (const given of [long, '▁a', long.slice(7, 99), '▁']) {
      counter.add(given);
      for (let at = 0; at < given.length; ) {
        const next = cutMarks(given, at, given.length);
        if (next - at <= 20) words.add(given, at, next);
        at = next;
      }
    }
    expect([...counter.drain()]).toEqual([...words.entries()]);
  });

  it('learns the same from words that went to disk, and drops the same', async () => {
    for (const memoryLimit of [4_000, 20_000, 1e6]) {
      const dropped: DroppedWords[][] = [[], []];
      const run = (at: number, engine?: TrainUnigramOptions['engine']) =>
        outcome(golden.texts, {
          vocabSize: 450,
          characterCoverage: 0.95,
          memoryLimit,
          onDropped: (d) => void dropped[at]!.push(d),
          ...(engine && { engine }),
        });
      expect(await run(1, nativeTrainer({ threads: 2 }))).toEqual(await run(0));
      expect(dropped[1]).toEqual(dropped[0]);
    }
  });

  it('reports, and stops when aborted while it reads and while it learns', async () => {
    const engine = nativeTrainer();
    const seen: TrainProgress[] = [];
    await trainUnigram(golden.texts, { vocabSize: 450, engine, onProgress: (p) => void seen.push(p) });
    const learned = seen.filter(({ stage }) => stage === 'learn').map(({ done }) => done);
    expect(learned).toEqual(learned.toSorted((a, b) => a - b));
    expect(seen.at(-1)).toEqual({ stage: 'learn', done: 450, total: 450 });
    function* endless() {
      for (;;) yield 'text without end';
    }
    for (const [texts, wanted] of [
      [endless(), 'read'],
      [golden.texts, 'learn'],
    ] as const) {
      const reason = new Error('enough');
      const controller = new AbortController();
      const promise = trainUnigram(texts, {
        vocabSize: 450,
        engine,
        signal: controller.signal,
        onProgress: ({ stage }) => stage === wanted && controller.abort(reason),
      });
      await expect(promise).rejects.toBe(reason);
    }
  });

  it('works in slices that give the event loop its turns', () => {
    const { WordLattices } = loadAddon();
    const text = Array.from({ length: 40_000 }, () => 'abcdefg'[random(7)]).join('');
    const starts = Uint32Array.from({ length: 4001 }, (_, i) => 10 * i);
    const words = { bytes: new TextEncoder().encode(text), starts, counts: new Float64Array(4000).fill(1) };
    const once = (milliseconds: number) => {
      const lattices = new WordLattices(words);
      const { counts } = lattices.seed(lattices.characters().points, 8, 1e6);
      lattices.expect(new Float64Array(counts.length + 1).fill(0.01));
      let calls = 1;
      while (!lattices.run(1, milliseconds)) calls++;
      return { calls, sums: lattices.sums() };
    };
    const slow = once(0);
    expect(slow.calls).toBeGreaterThan(3);
    expect(slow.sums).toEqual(once(1e9).sums);
  });

  it('refuses what makes no sense', () => {
    const { WordLattices } = loadAddon();
    const words = {
      bytes: new TextEncoder().encode('abab砚'),
      starts: Uint32Array.of(0, 4, 7),
      counts: Float64Array.of(3, 1),
    };
    const bad = [
      { starts: Uint32Array.of(0, 8, 7) },
      { starts: Uint32Array.of(0, 4) },
      { starts: Uint32Array.of(0, 5, 7) },
      { starts: new Uint32Array(0) },
      { bytes: Uint8Array.of(97, 98, 97, 98, 0xe7, 0xa0, 0x41) },
      { bytes: Uint8Array.of(97, 98, 97, 0xf5, 0xe7, 0xa0, 0x9a) },
      { counts: Float64Array.of(3, 0) },
      { counts: Float64Array.of(Number.NaN, 1) },
      { counts: [3, 1] as unknown as Float64Array },
    ];
    for (const wrong of bad) expect(() => new WordLattices({ ...words, ...wrong })).toThrow(TypeError);
    expect(() => new WordLattices(undefined as never)).toThrow(TypeError);

    const lattices = new WordLattices(words);
    expect(() => lattices.run(1, 1)).toThrow(TypeError);
    expect(() => lattices.sums()).toThrow(TypeError);
    const points = Int32Array.of(97, 98);
    expect(() => lattices.seed(Int32Array.of(97, 97), 4, 9)).toThrow(TypeError);
    expect(() => lattices.seed(Int32Array.of(-1), 4, 9)).toThrow(TypeError);
    expect(() => lattices.seed(Int32Array.of(0x110000), 4, 9)).toThrow(TypeError);
    expect(() => lattices.seed(points, 65, 9)).toThrow(TypeError);
    expect(() => lattices.seed(points, 4, Number.NaN)).toThrow(TypeError);
    const again = new WordLattices(words);
    const seed = again.seed(points, 4, 9);
    expect(() => again.seed(points, 4, 9)).toThrow(TypeError);
    expect(() => again.characters()).toThrow(TypeError);
    for (const ids of [[0], [2, 1], [1, 1], [seed.counts.length + 1]]) {
      expect(() => again.keep(Int32Array.from(ids), 1)).toThrow(TypeError);
    }
    expect(() => again.expect(new Float64Array(seed.counts.length))).toThrow(TypeError);
    again.expect(new Float64Array(seed.counts.length + 1).fill(0.1));
    expect(() => again.sums()).toThrow(TypeError);
    expect(() => again.run(0, 1)).toThrow(TypeError);
    expect(() => again.run(1, Number.NaN)).toThrow(TypeError);
    while (!again.run(1, 1));
    expect(again.sums()).toHaveLength(seed.counts.length + 1);
    expect(() => again.parts()).toThrow(TypeError);
    expect(() => again.keep(Int32Array.of(1), 0)).toThrow(TypeError);
    again.keep(Int32Array.of(1), 1);
    expect(() => again.sums()).toThrow(TypeError);
  });
});
