import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { loadAddon } from '@inkstone/native';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fixture } from '../test/fixture.js';
import { BYTE_TO_CHAR, byteAlphabet } from './byte-alphabet.js';
import { nativeTrainer } from './native.js';
import { ByteLevel } from './pre-tokenizers/byte-level.js';
import { CL100K_PATTERN, QWEN2_PATTERN, TIKTOKEN_CL100K_PATTERN } from './pre-tokenizers/known-patterns.js';
import { O200K_PATTERN } from './pre-tokenizers/o200k-cutter.js';
import { PreTokenizerSequence } from './pre-tokenizers/simple.js';
import { Split } from './pre-tokenizers/split.js';
import { type TrainBpeOptions, trainBpe } from './trainers/bpe.js';
import type { DroppedWords } from './trainers/count-words.js';
import { trainFromFiles } from './trainers/files.js';
import { Pace, type TrainProgress } from './trainers/progress.js';
import { WordCounts } from './trainers/word-counts.js';
import { toWellFormed } from './unicode.js';

const sequence = (pattern: string) =>
  new PreTokenizerSequence([
    new Split({ Regex: pattern }, 'Isolated', false),
    new ByteLevel({ useRegex: false }),
  ]);
const preTokenizers = {
  gpt2: new ByteLevel(),
  whole: new ByteLevel({ useRegex: false }),
  cl100k: sequence(CL100K_PATTERN),
  'cl100k of tiktoken': sequence(TIKTOKEN_CL100K_PATTERN),
  qwen2: sequence(QWEN2_PATTERN),
  o200k: sequence(O200K_PATTERN),
};
interface Run {
  vocabSize: number;
  minFrequency: number;
  maxTokenLength: number | null;
  merges: [string, string][];
}
const golden = fixture<{ texts: string[]; runs: Run[] }>('bpe-train.json');
const specialTokens = ['<|endoftext|>', '<|pad|>'];

let absent = '';
try {
  loadAddon();
} catch (error) {
  absent = (error as Error).message;
}
const title = absent ? `skipped: nativeTrainer (${absent})` : 'nativeTrainer';

/** What both trainers find, in the spelling of tokenizer.json. */
async function both(texts: readonly string[], options: TrainBpeOptions, threads = 2) {
  const plain = await trainBpe(texts, options);
  const native = await trainBpe(texts, { ...options, engine: nativeTrainer({ threads }) });
  return { plain: plain.toJSON(), native: native.toJSON() };
}

const mixed = fc
  .array(
    fc.oneof(
      { weight: 4, arbitrary: fc.constantFrom(...golden.texts).map((text) => text.slice(0, 60)) },
      { weight: 2, arbitrary: fc.string({ unit: 'binary', maxLength: 12 }) },
      {
        weight: 3,
        arbitrary: fc.constantFrom(
          ...[
            "it's",
            "'LL",
            "'ſ",
            '  ',
            '\n',
            '\r\n\n',
            '\u3000',
            '砚墨',
            '👩‍👩‍👧',
            '\ud83d',
            '\ude42',
            'éa',
            '123456',
            'AbC',
          ],
        ),
      },
    ),
    { maxLength: 30 },
  )
  .map((parts) => parts.join(''));

describe.skipIf(absent !== '')(title, () => {
  it.each(golden.runs)(
    'learns what Hugging Face learns: $vocabSize $minFrequency $maxTokenLength',
    async (run) => {
      const { vocabSize, minFrequency } = run;
      const maxTokenLength = run.maxTokenLength ?? undefined;
      const options = { vocabSize, minFrequency, maxTokenLength, specialTokens };
      const tokenizer = await trainBpe(golden.texts, { ...options, engine: nativeTrainer() });
      expect((tokenizer.model.toJSON() as { merges: unknown }).merges).toEqual(run.merges);
    },
  );

  it('finds the merges of TypeScript where tokens come about in several ways', async () => {
    const letters = (unit: string) =>
      fc.string({ unit: fc.constantFrom(...unit), minLength: 1, maxLength: 24 });
    await fc.assert(
      fc.asyncProperty(
        fc
          .constantFrom('ab', 'abc', 'a')
          .chain((unit) => fc.array(letters(unit), { minLength: 1, maxLength: 24 })),
        fc.record({
          vocabSize: fc.integer({ min: 262, max: 330 }),
          minFrequency: fc.constantFrom(0, 1, 2, 2.5, 3, 5),
          maxTokenLength: fc.constantFrom(undefined, 2, 3, 4, 6, 9),
          maxWordLength: fc.constantFrom(Infinity, 20, 5),
          // Merges spell some of these.
          specialTokens: fc.uniqueArray(fc.constantFrom('ab', 'aba', 'bab', 'aaaa', 'abcabc', '<|pad|>'), {
            maxLength: 4,
          }),
        }),
        async (texts, options) => {
          const { plain, native } = await both(texts, options);
          expect(native).toEqual(plain);
        },
      ),
      { numRuns: 500 },
    );
  });

  it.each(Object.keys(preTokenizers) as (keyof typeof preTokenizers)[])(
    'trains as TypeScript does, %s',
    async (name) => {
      const preTokenizer = preTokenizers[name];
      await fc.assert(
        fc.asyncProperty(
          fc.array(mixed, { maxLength: 8 }),
          fc.constantFrom(1, 2, 3),
          async (texts, threads) => {
            const { plain, native } = await both(
              texts,
              { vocabSize: 400, minFrequency: 1, preTokenizer },
              threads,
            );
            expect(native).toEqual(plain);
          },
        ),
        { numRuns: 40 },
      );
    },
  );

  it.each(Object.keys(preTokenizers) as (keyof typeof preTokenizers)[])(
    'counts the words of TypeScript, %s',
    (name) => {
      const cut = preTokenizers[name].byteCutter!;
      const check = (texts: readonly string[], maxWordLength: number, threads: number) => {
        const counter = nativeTrainer({ threads }).counter(cut, maxWordLength)!;
        const words = new WordCounts();
        for (const given of texts) {
          counter.add(given);
          const text = toWellFormed(given);
          for (let at = 0; at < text.length; ) {
            const next = cut(text, at, text.length);
            if (next - at <= maxWordLength) words.add(text, at, next);
            at = next;
          }
        }
        // In the order of UTF-16 units.
        const found = [...counter.drain()];
        expect(found.length).toBe(words.size);
        expect(found).toEqual([...words.entries()]);
        expect([...counter.drain()]).toEqual([]);
      };
      fc.assert(
        fc.property(
          fc.array(mixed, { maxLength: 20 }),
          fc.constantFrom(Infinity, 1, 2, 7),
          fc.constantFrom(1, 2),
          check,
        ),
        { numRuns: 60 },
      );
      // Taken in parts: cuts fall into words, runs of spaces, contractions, surrogate pairs.
      const parts = [
        "it's",
        '  ',
        '\n',
        "don't 🙂",
        '砚台',
        ' 123456 ',
        '\ud83d',
        "x'll",
        '...\n\n',
        '\u3000 y',
      ];
      let seed = 1;
      const long = Array.from(
        { length: 700_000 },
        () => parts[(seed = (seed * 48271) % 2147483647) % parts.length],
      ).join('');
      check([long, 'a'.repeat(3_000_000), long.slice(0, 5)], Infinity, 2);
    },
  );

  it('learns the same from files, on disk meanwhile or not', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'inkstone-native-'));
    try {
      const file = path.join(folder, 'a.txt');
      writeFileSync(file, Array.from({ length: 3 }, () => golden.texts.join('\n')).join('\n'));
      const wanted = (await trainFromFiles([file], { vocabSize: 500 })).toJSON();
      const engine = nativeTrainer({ threads: 2 });
      const dropped: DroppedWords[][] = [[], []];
      const options = (at: number) => ({
        vocabSize: 500,
        onDropped: (d: DroppedWords) => void dropped[at]!.push(d),
      });
      expect((await trainFromFiles([file], { ...options(0), engine })).toJSON()).toEqual(wanted);
      expect(dropped[0]).toEqual([]);
      for (const memoryLimit of [5_000, 12_000, 30_000, 60_000, 1e6]) {
        dropped[0] = [];
        dropped[1] = [];
        const tight = await trainFromFiles([file], { ...options(0), engine, memoryLimit });
        expect(tight.toJSON()).toEqual(
          (await trainFromFiles([file], { ...options(1), memoryLimit })).toJSON(),
        );
        expect(dropped[0]).toHaveLength(memoryLimit < 30_000 ? 1 : dropped[1].length);
        expect(dropped[0]).toEqual(dropped[1]);
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('learns natively what TypeScript counted by an expression', async () => {
    const preTokenizer = sequence('[a-z]+|[^a-z]');
    const { plain, native } = await both(golden.texts, { vocabSize: 450, preTokenizer });
    expect(nativeTrainer().counter(preTokenizer.byteCutter!, Infinity)).toBeUndefined();
    expect(native).toEqual(plain);
  });

  it('merges by counts beyond 32 bits', async () => {
    const words = {
      bytes: new TextEncoder().encode('abcdef'),
      starts: Uint32Array.of(0, 2, 4, 6),
      counts: Float64Array.of(2 ** 52, 2 ** 52 + 2, 2 ** 52 + 1),
    };
    const tokens = byteAlphabet();
    const byteIds = Int32Array.from(BYTE_TO_CHAR, (char) => tokens.indexOf(char));
    const options = { byteIds, vocabSize: 259, minFrequency: 2 };
    const merges = await nativeTrainer().learn(tokens, words, options, new Pace({}));
    expect(merges.map((pair) => pair.map((id) => tokens[id]).join(''))).toEqual(['cd', 'ef', 'ab']);
    expect(tokens.slice(256)).toEqual(['cd', 'ef', 'ab']);
  });

  it('reports, and stops when aborted while it reads and while it learns', async () => {
    const engine = nativeTrainer();
    const seen: TrainProgress[] = [];
    const onProgress = (p: TrainProgress) => void seen.push(p);
    await trainBpe(golden.texts, { vocabSize: 400, engine, onProgress });
    expect(seen[0]).toEqual({ stage: 'read', done: golden.texts.length, total: undefined });
    expect(seen.at(-1)).toEqual({ stage: 'learn', done: 400, total: 400 });

    const reason = new Error('enough');
    const stop = async (texts: Iterable<string>, stage: 'read' | 'learn') => {
      const controller = new AbortController();
      const options = {
        vocabSize: 2_000_000,
        minFrequency: 1,
        engine,
        signal: controller.signal,
        onProgress: (p: TrainProgress) => {
          if (p.stage === stage && (stage === 'read' || p.done < 2_000_000)) controller.abort(reason);
        },
      };
      await expect(trainBpe(texts, options)).rejects.toBe(reason);
    };
    function* endless() {
      for (;;) yield 'text without end';
    }
    await stop(endless(), 'read');
    let seed = 1;
    const word = () => Array.from({ length: 12 }, () => (seed = (seed * 48271) % 2147483647) % 10).join('');
    await stop(
      [
        Array.from({ length: 200_000 }, () =>
          `x${word()}`.replace(/\d/g, (d) => 'abcdefghij'[Number(d)]!),
        ).join(' '),
      ],
      'learn',
    );
  });

  it('refuses what makes no sense', async () => {
    expect(() => nativeTrainer({ threads: 0 })).toThrow(
      expect.objectContaining({ code: 'E_OPTION', subject: 'threads' }),
    );
    const engine = nativeTrainer();
    const bad: [Partial<TrainBpeOptions>, string][] = [
      [{ memoryLimit: 0 }, 'memoryLimit'],
      [{ maxWordLength: 0 }, 'maxWordLength'],
    ];
    for (const [options, subject] of bad) {
      await expect(trainBpe(['a'], { vocabSize: 300, engine, ...options })).rejects.toMatchObject({
        code: 'E_OPTION',
        subject,
      });
    }
    const { WordCounter, MergeLearner } = loadAddon();
    const scanner = {
      pattern: 1,
      digits: 3,
      wholeTail: false,
      contractions: true,
      classes: new Uint8Array(0x110000),
    };
    expect(() => new WordCounter({ ...scanner, maxWordLength: Number.NaN })).toThrow(TypeError);
    const counter = new WordCounter({ ...scanner, maxWordLength: Infinity });
    expect(() => counter.count([5 as unknown as string], 1)).toThrow(TypeError);
    expect(() => counter.countOpen(5 as unknown as string)).toThrow(TypeError);
    const words = { bytes: Uint8Array.of(1, 2), starts: Uint32Array.of(0, 2), counts: Float64Array.of(3) };
    const good = {
      bytes: new Uint8Array(256).map((_, i) => i),
      starts: new Uint32Array(257).map((_, i) => i),
      byteIds: new Int32Array(256).map((_, i) => i),
      vocabSize: 257,
      minFrequency: 1,
      maxTokenLength: Infinity,
    };
    const learner = new MergeLearner(words, good);
    expect(learner.learn(1000)).toBe(true);
    expect(learner.take()).toEqual(Int32Array.of(1, 2, 256));
    expect(() => learner.take()).toThrow(TypeError);
    expect(() => learner.learn(1)).toThrow(TypeError);
    const wrongWords = [
      { starts: Uint32Array.of(0, 3) },
      { starts: Uint32Array.of(0) },
      { starts: Uint32Array.of(2, 2) },
      { counts: Float64Array.of(-1) },
      { counts: Float64Array.of(Number.NaN) },
    ];
    for (const wrong of wrongWords)
      expect(() => new MergeLearner({ ...words, ...wrong }, good)).toThrow(TypeError);
    const wrongOptions = [
      { byteIds: new Int32Array(256) },
      { byteIds: new Int32Array(255) },
      { byteIds: new Int32Array(256).fill(-1) },
      { vocabSize: -1 },
      { vocabSize: Number.NaN },
    ];
    for (const wrong of wrongOptions)
      expect(() => new MergeLearner(words, { ...good, ...wrong })).toThrow(TypeError);
  });
});
