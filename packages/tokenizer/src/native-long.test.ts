import { beforeAll, describe, expect, it } from 'vitest';
import { absent, bytePair, nativeTitle, rulesOf } from '../test/native-engine.js';
import { expectSame } from '../test/same.js';
import { Bpe } from './models/bpe.js';
import { Vocab } from './models/vocab.js';
import { useNative } from './native.js';
import { ByteLevel } from './pre-tokenizers/byte-level.js';
import type { Tokenizer } from './tokenizer.js';
import { trainBpe } from './trainers/bpe.js';

describe.skipIf(absent !== '')(nativeTitle('the native engine of long pieces'), () => {
  let plain: Tokenizer;
  let native: Tokenizer;
  beforeAll(async () => {
    ({ plain, native } = await bytePair('cl100k', false));
  });

  it.each(['a', ' ', '^', '砚', '🙂', 'ab', 'the'])('encodes a megabyte of %j as TypeScript does', (unit) => {
    const text = unit.repeat(Math.ceil(1_000_000 / unit.length));
    const expected = plain.encode(text);
    const encoding = native.encode(text);
    expectSame(encoding, expected);
    expect(native.decode(encoding.ids) === text).toBe(true);
  });

  it.each(['a', '^', '砚', 'ab', 'xyzzy'])('takes steps in proportion to a piece of %j', (unit) => {
    const steps = (count: number) => {
      const before = (native.engine as unknown as { steps: number }).steps;
      native.encodeIds(unit.repeat(count));
      return (native.engine as unknown as { steps: number }).steps - before;
    };
    const once = steps(10_000);
    // Windows overlap by less than one hundredth.
    expect(steps(20_000)).toBeLessThanOrEqual(2.02 * once + 4);
    expect(once).toBeLessThan(2 * 3 * unit.length * 10_000);
  });

  it.each([
    ['two letters', ['a', 'b']],
    ['letters', [...'etaoin']],
    ['characters that share bytes', ['é', 'è', '砚', '砖', '\u7a9a', '🙂', '🙃', 'a']],
    ['runs', ['aaaaaaa', 'aaaaaaaaaaaaaaaaa', 'b', 'ab']],
  ])('merges long pieces of %s as TypeScript does', async (_, units) => {
    let seed = 7;
    const next = (limit: number) => (seed = (seed * 48271) % 2147483647) % limit;
    const text = (count: number) => Array.from({ length: count }, () => units[next(units.length)]).join('');
    const preTokenizer = new ByteLevel({ useRegex: false });
    const corpus = Array.from({ length: 60 }, () => text(50));
    const trained = await trainBpe(corpus, {
      vocabSize: 500,
      minFrequency: 1,
      specialTokens: [],
      preTokenizer,
    });
    const { merges, vocab } = rulesOf(trained);
    // In any order, rules for a part may come behind those for the whole.
    const shuffled = merges.map((pair) => [next(1000), pair] as const).sort(([a], [b]) => a - b);
    for (const rules of [merges, shuffled.map(([, pair]) => pair)]) {
      const one = trained.with({ model: new Bpe(Vocab.fromJSON(vocab), rules, {}) });
      const two = useNative(one, { threads: 1 });
      for (const size of [33_000, 120_000]) {
        const long = text(size);
        expectSame(two.encodeIds(long), one.encodeIds(long));
      }
    }
  });
});
