import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  absent,
  addedWords,
  anyText,
  bytePair,
  expectAsTypeScript,
  nativeTitle,
  normalizers,
  preTokenizers,
  rulesOf,
} from '../test/native-engine.js';
import { expectSame } from '../test/same.js';
import { Bpe } from './models/bpe.js';
import { Vocab } from './models/vocab.js';
import { useNative } from './native.js';
import { ByteLevel } from './pre-tokenizers/byte-level.js';
import type { Tokenizer } from './tokenizer.js';
import { trainBpe } from './trainers/bpe.js';

const names = Object.keys(preTokenizers) as (keyof typeof preTokenizers)[];

describe.skipIf(absent !== '').each(names)(`${nativeTitle('the native engine')}, %s`, (name) => {
  for (const ranked of [false, true]) {
    describe(ranked ? 'by tiktoken ranks' : 'by merges', () => {
      let plain: Tokenizer;
      let native: Tokenizer;
      beforeAll(async () => {
        ({ plain, native } = await bytePair(name, ranked));
      });

      it('gives the ids, offsets and words of TypeScript, twice', () => {
        fc.assert(
          fc.property(
            anyText,
            fc.constantFrom('none' as const, 'all' as const, ['<|pad|>']),
            (text, allowedSpecial) => {
              const options = { allowedSpecial };
              const expected = plain.encode(text, options);
              for (let pass = 0; pass < 2; pass++) {
                expectSame(native.encodeIds(text, options), expected.ids);
                const encoding = native.encode(text, options);
                expectSame(encoding.ids, expected.ids);
                expectSame(encoding.offsets, expected.offsets);
                expectSame(encoding.wordIds, expected.wordIds);
              }
              expect(native.decode(expected.ids)).toBe(plain.decode(expected.ids));
            },
          ),
          { numRuns: 300 },
        );
      });

      it('encodes batches as one by one', () => {
        fc.assert(
          fc.property(fc.array(anyText, { maxLength: 12 }), (texts) => {
            const ids = texts.map((text) => plain.encodeIds(text));
            expectSame(native.encodeIdsBatch(texts), ids);
            expectSame(plain.encodeIdsBatch(texts), ids);
            expectSame(native.encodeBatch(texts), plain.encodeBatch(texts));
          }),
          { numRuns: 60 },
        );
      });
    });
  }
});

describe.skipIf(absent !== '')(nativeTitle('the native engine of bytes'), () => {
  it('merges as TypeScript does across characters, whatever the order of the rules', async () => {
    // Characters that share their bytes, so that rules across them are as frequent as rules within.
    const units = ['é', 'è', '\u0249', '砚', '砖', '\u7a9a', '\ua082', 'a', 'b', '🙂', '🙃', '\ud83d'];
    const text = (maxLength: number) =>
      fc.string({ unit: fc.constantFrom(...units), minLength: 1, maxLength });
    await fc.assert(
      fc.asyncProperty(
        fc.array(text(30), { minLength: 5, maxLength: 30 }),
        fc.array(fc.tuple(fc.nat(), fc.nat()), { maxLength: 8 }),
        fc.boolean(),
        fc.array(text(300), { minLength: 1, maxLength: 12 }),
        async (corpus, swaps, ignoreMerges, texts) => {
          const preTokenizer = new ByteLevel({ useRegex: false });
          const options = { vocabSize: 360, minFrequency: 1, specialTokens: [], preTokenizer };
          const trained = await trainBpe(corpus, options);
          const { merges, vocab } = rulesOf(trained);
          for (const [a, b] of swaps) {
            const [i, j] = [a % merges.length, b % merges.length];
            [merges[i], merges[j]] = [merges[j]!, merges[i]!];
          }
          const model = new Bpe(Vocab.fromJSON(vocab), merges, { ignoreMerges });
          const one = trained.with({ model });
          const two = useNative(one, { threads: 1 });
          for (const each of [...texts, ...corpus]) expectSame(two.encodeIds(each), one.encodeIds(each));
        },
      ),
      { numRuns: 200 },
    );
  });

  it.each(Object.entries(normalizers))(
    'encodes bytes as TypeScript does where the normalizer is %s',
    async (_, normalizer) => {
      const { plain: one } = await bytePair('cl100k', false);
      expectAsTypeScript(one.with({ normalizer }));
      expectAsTypeScript(one.with({ normalizer, addedTokens: addedWords }));
      expectAsTypeScript(one.with({ normalizer, preTokenizer: new ByteLevel({ addPrefixSpace: true }) }));
    },
  );
});
