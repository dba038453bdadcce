import { beforeAll, describe, expect, it } from 'vitest';
import { absent, bytePair, golden, nativeTitle } from '../test/native-engine.js';
import { expectSame } from '../test/same.js';
import { useNative } from './native.js';
import type { Tokenizer } from './tokenizer.js';

describe.skipIf(absent !== '')(nativeTitle('batches of the native engine'), () => {
  let plain: Tokenizer;
  let native: Tokenizer;
  beforeAll(async () => {
    ({ plain, native } = await bytePair('cl100k', false));
  });

  it('encodes many texts as one by one, whatever the threads', () => {
    const texts = Array.from({ length: 2000 }, (_, i) =>
      golden.texts[i % golden.texts.length]!.slice(i % 50),
    );
    texts.push('', '🙂'.repeat(20_000), '');
    const many = Array.from({ length: 70_000 }, (_, i) => texts[i % texts.length]!.slice(0, 3));
    const expected = texts.map((text) => native.encodeIds(text));
    for (const threads of [1, 2, 3]) {
      const tokenizer = useNative(plain, { threads });
      expectSame(tokenizer.encodeIdsBatch(texts), expected);
      expectSame(tokenizer.encodeBatch(texts.slice(-20)), plain.encodeBatch(texts.slice(-20)));
      const ids = tokenizer.encodeIdsBatch(many);
      expect(ids.length).toBe(many.length);
      for (let i = 0; i < ids.length; i += 997) expectSame(ids[i], native.encodeIds(many[i]!));
    }
    expectSame(native.encodeIdsBatch([]), []);
  });

  it('keeps to its arrays where a batch has more ids than the one before, and fewer', () => {
    const few = Array.from({ length: 20 }, () => ' the'.repeat(5000));
    const many = Array.from({ length: 20 }, (_, i) => '\u{1f54a}\u{ff21}'.repeat(4000) + i);
    const one = '\u{1f54a}'.repeat(30_000);
    const batches = [few, many, few, [one], ['a'.repeat(100_000)], [...many, one]].map((texts) => ({
      texts,
      ids: texts.map((text) => plain.encodeIds(text)),
    }));
    for (const threads of [1, 2]) {
      const tokenizer = useNative(plain, { threads });
      for (const { texts, ids } of batches) expectSame(tokenizer.encodeIdsBatch(texts), ids);
      expectSame(tokenizer.encodeBatch(many.slice(0, 2)), plain.encodeBatch(many.slice(0, 2)));
    }
  });

  it('needs no turn of the event loop to free what a loop over texts has dropped', () => {
    const texts = Array.from({ length: 100 }, (_, i) => ` the stone ${i}`.repeat(1500));
    const work = (rounds: number) => {
      for (let i = 0; i < rounds; i++) {
        native.encodeIdsBatch(texts);
        native.encodeIds(texts[0]!.repeat(40));
      }
      return process.memoryUsage().rss / 2 ** 20;
    };
    // 5 MB of ids a round: kept, they would be a gigabyte.
    const before = work(40);
    expect(work(200) - before).toBeLessThan(300);
  });
});
