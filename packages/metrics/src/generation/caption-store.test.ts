import fc from 'fast-check';
import { expect, test } from 'vitest';
import { WordTable } from '../text/word-table.js';
import { CaptionStore } from './caption-store.js';

test('WordTable numbers words as a Map does', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: 'binary', maxLength: 6 }), { maxLength: 200 }), (words) => {
      const table = new WordTable();
      const map = new Map<string, number>();
      for (const word of words) {
        if (!map.has(word)) map.set(word, map.size);
        expect(table.idOf(word)).toBe(map.get(word));
      }
      expect(table.size).toBe(map.size);
      for (const [word, id] of map) expect(table.wordOf(id)).toBe(word);
    }),
  );
  // Past every growth, lone surrogates and the empty word included.
  const table = new WordTable();
  const words = ['', '\ud800', ...Array.from({ length: 20_000 }, (_, i) => `word ${i * 7919}`)];
  for (const [i, word] of words.entries()) expect(table.idOf(word)).toBe(i);
  for (const [i, word] of words.entries()) expect(table.idOf(word)).toBe(i);
  expect(table.wordOf(20_001)).toBe(words[20_001]);
});

test('frequencies hold every n-gram of two or more images with its count', () => {
  const caption = fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { maxLength: 7 });
  const images = fc.array(fc.array(caption, { minLength: 1, maxLength: 3 }), { maxLength: 8 });
  fc.assert(
    fc.property(
      images,
      fc.integer({ min: 1, max: 4 }),
      fc.nat(1),
      fc.boolean(),
      (samples, order, first, twice) => {
        const store = new CaptionStore();
        for (const texts of samples)
          store.add(texts.map((text) => Int32Array.from(text, (word) => store.words.idOf(word))));
        if (twice) store.merge(store);
        const all = twice ? [...samples, ...samples] : samples;
        expect(store.count).toBe(all.length);
        const expected = new Map<string, number>();
        for (const texts of all) {
          const grams = new Set(
            texts
              .slice(first)
              .flatMap((text) =>
                text.flatMap((_, i) =>
                  Array.from({ length: Math.min(order, text.length - i) }, (_unused, n) =>
                    text.slice(i, i + n + 1).join(' '),
                  ),
                ),
              ),
          );
          for (const gram of grams) expected.set(gram, (expected.get(gram) ?? 0) + 1);
        }
        const trie = store.frequencies(order, first);
        for (const [gram, count] of expected) {
          const node = gram
            .split(' ')
            .reduce((parent, word) => (parent < 0 ? -1 : trie.find(parent, store.words.idOf(word))), 0);
          if (count > 1 || node >= 0) expect(trie.limits[node]).toBe(count);
        }
      },
    ),
  );
});
