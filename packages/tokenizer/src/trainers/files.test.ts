import { closeSync, mkdtempSync, openSync, readdirSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fixture } from '../../test/fixture.js';
import { trainBpe } from './bpe.js';
import type { DroppedWords } from './count-words.js';
import { trainFromFiles } from './files.js';
import { learnMerges } from './learn-merges.js';
import { Pace, type TrainProgress } from './progress.js';
import { WordSpill } from './spill.js';
import { readTexts } from './text-files.js';
import { trainUnigram } from './unigram.js';
import { WordCounts } from './word-counts.js';
import { trainWordPiece } from './word-piece.js';

const { texts } = fixture<{ texts: string[] }>('bpe-train.json');
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'inkstone-files-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const put = (name: string, content: string | Uint8Array) => {
  writeFileSync(path.join(folder, name), content);
  return path.join(folder, name);
};
const spilled = () => readdirSync(tmpdir()).filter((name) => name.startsWith('inkstone-words-'));
async function all(paths: readonly string[]) {
  const out: string[] = [];
  for await (const text of readTexts(paths, () => undefined)) out.push(text);
  return out;
}

describe('trainFromFiles', () => {
  it('learns from files what it learns from their texts, with every model', async () => {
    const whole = [texts.slice(0, 30), texts.slice(30)].map((part) => `${part.join('\n')}\n`);
    const files = whole.map((text, i) => put(`${i}.txt`, text));
    const vocabSize = 450;
    const same = async (one: Promise<{ toJSON(): object }>, two: Promise<{ toJSON(): object }>) =>
      expect((await one).toJSON()).toEqual((await two).toJSON());
    await same(trainFromFiles(files, { vocabSize }), trainBpe(whole, { vocabSize }));
    await same(
      trainFromFiles(files, { model: 'wordPiece', vocabSize }),
      trainWordPiece(whole, { vocabSize }),
    );
    await same(trainFromFiles(files, { model: 'unigram', vocabSize }), trainUnigram(whole, { vocabSize }));
  });

  it('learns the same when the words went to disk and all fit in the end', async () => {
    const file = put('a.txt', texts.join('\n'));
    // About twenty texts fill the table once.
    const lines = Array.from({ length: 3 }, () => texts).flat();
    const wanted = await trainBpe(lines, { vocabSize: 500 });
    const dropped: DroppedWords[] = [];
    const options = { vocabSize: 500, onDropped: (d: DroppedWords) => void dropped.push(d) };
    const got = await trainBpe(lines, { ...options, memoryLimit: 60_000 });
    expect(dropped).toEqual([]);
    expect(got.toJSON()).toEqual(wanted.toJSON());
    const tight = await trainFromFiles([file], { ...options, memoryLimit: 10_000 });
    expect(dropped).toHaveLength(1);
    expect(dropped[0]!.words).toBeGreaterThan(0);
    expect(tight.vocabSize).toBeGreaterThan(256);
    expect(spilled()).toEqual([]);
  });

  it('tells bytes while it reads', async () => {
    const file = put('a.txt', texts.join('\n'));
    const seen: TrainProgress[] = [];
    await trainFromFiles([file, file], { vocabSize: 300, onProgress: (p) => void seen.push(p) });
    const total = 2 * Buffer.byteLength(texts.join('\n'));
    expect(seen.findLast(({ stage }) => stage === 'read')).toEqual({ stage: 'read', done: total, total });
  });

  it('names a file that is not there, and leaves nothing behind when stopped', async () => {
    const promise = trainFromFiles([path.join(folder, 'none')], { vocabSize: 300 });
    await expect(promise).rejects.toMatchObject({ code: 'E_FILE', subject: path.join(folder, 'none') });
    await expect(trainFromFiles([folder], { vocabSize: 300 })).rejects.toMatchObject({ code: 'E_FILE' });
    const reason = new Error('enough');
    const controller = new AbortController();
    function* endless() {
      for (let i = 0; ; i++) yield `word${i} `.repeat(3);
    }
    setTimeout(() => controller.abort(reason), 250);
    const stopped = trainBpe(endless(), { vocabSize: 300, memoryLimit: 1e5, signal: controller.signal });
    await expect(stopped).rejects.toBe(reason);
    expect(spilled()).toEqual([]);
  });
});

describe('counts', () => {
  it('merges by counts beyond 32 bits', async () => {
    // Three pairs whose counts are told apart by the last of more than 32 bits, in an order that rounding would lose.
    const words = {
      symbols: Int32Array.of(0, 1, 2, 3, 4, 5),
      starts: Int32Array.of(0, 2, 4, 6),
      counts: Float64Array.of(2 ** 52, 2 ** 52 + 2, 2 ** 52 + 1),
    };
    const tokens = [...'abcdef'];
    const merges = await learnMerges(tokens, words, { vocabSize: 9, minFrequency: 2 }, new Pace({}));
    expect(merges).toEqual([
      [2, 3],
      [4, 5],
      [0, 1],
    ]);
  });
});

describe('readTexts', () => {
  it('gives the whole text of files, however long their lines', async () => {
    const lines = `${'line of text, 行 🙂\n'.repeat(90_000)}the end`;
    const spaces = `${'字'.repeat(30)} `.repeat(30_000);
    const solid = '🙂'.repeat(900_000);
    const files = [put('a', lines), put('b', spaces), put('c', solid), put('d', '')];
    const found = await all(files);
    expect(found.join('') === lines + spaces + solid).toBe(true);
    expect(Math.max(...found.map((text) => text.length))).toBeLessThan(2 ** 21);
    for (const text of found) expect(/[\ud800-\udbff]$|^[\udc00-\udfff]/.test(text)).toBe(false);
    const cuts = found.filter((text) => text.startsWith('line'));
    expect(cuts.length).toBeGreaterThan(1);
  });

  it('replaces bytes that are no UTF-8, a character cut short too, and drops a byte order mark', async () => {
    expect(await all([put('a', Uint8Array.of(0xef, 0xbb, 0xbf, 0x61, 0xff, 0xc3))])).toEqual([
      'a\ufffd\ufffd',
    ]);
  });

  it('reads a file longer than a string can be, in bounded memory', async () => {
    const file = path.join(folder, 'sparse');
    const handle = openSync(file, 'w');
    writeSync(handle, 'x', 3 * 2 ** 30);
    closeSync(handle);
    let units = 0;
    for await (const text of readTexts([file], () => undefined)) {
      units += text.length;
      if (units > 2 ** 26) break;
    }
    expect(units).toBeLessThan(2 ** 26 + 2 ** 21);
  });
});

describe('the table of words on disk', () => {
  it('merges to exact counts, the most frequent words first', async () => {
    const word = fc.string({ unit: 'binary', minLength: 1, maxLength: 4 });
    const counted = fc.dictionary(word, fc.integer({ min: 1, max: 2 ** 51 }), { maxKeys: 12 });
    await fc.assert(
      fc.asyncProperty(
        fc.array(counted, { minLength: 1, maxLength: 4 }),
        fc.integer({ min: 1, max: 600 }),
        async (tables, limit) => {
          const spill = await WordSpill.create();
          const sums = new Map<string, number>();
          for (const entries of tables) {
            const words = new WordCounts();
            for (const [piece, count] of Object.entries(entries)) {
              words.add(piece, 0, piece.length, count);
              sums.set(piece, (sums.get(piece) ?? 0) + count);
            }
            await spill.write(words.entries());
          }
          let dropped: DroppedWords | undefined;
          const merged = await spill.merge(
            limit,
            (d) => {
              dropped = d;
            },
            () => undefined,
          );
          await spill.remove();
          const found = Array.from({ length: merged.size }, (_, i) => [merged.piece(i), merged.counts[i]!]);
          const least = dropped?.highestCount ?? 0;
          const wanted = [...sums].filter(([, count]) => count > least);
          expect(new Map(found as [string, number][])).toEqual(new Map(wanted));
          expect(merged.bytes).toBeLessThanOrEqual(Math.max(0, limit));
          expect(dropped?.words ?? 0).toBe(sums.size - wanted.length);
        },
      ),
      { numRuns: 60 },
    );
  });
});
