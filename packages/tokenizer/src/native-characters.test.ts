import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fixture } from '../test/fixture.js';
import {
  absent,
  addedWords,
  anyText,
  characterPair,
  expectAsTypeScript,
  golden,
  nativeTitle,
  normalizers,
  rulesOf,
} from '../test/native-engine.js';
import { expectSame } from '../test/same.js';
import { decodeBase64 } from './base64.js';
import { Bpe } from './models/bpe.js';
import { useNative } from './native.js';
import { Metaspace } from './pre-tokenizers/metaspace.js';
import { Split } from './pre-tokenizers/split.js';
import { fromSentencePiece } from './sentencepiece.js';

describe.skipIf(absent !== '')(nativeTitle('the native engine of characters'), () => {
  it.each([
    ['as of Llama 2', false, true],
    ['as of Gemma', false, false],
    ['with merges that go on to a space', true, true],
  ])('gives the ids, offsets and words of TypeScript for BPE of characters, %s', (_, across, prepend) => {
    const { plain: one, native: two } = characterPair(across, prepend);
    const text = fc.oneof(
      anyText,
      fc.constantFrom(...golden.texts),
      fc.constantFrom('▁', ' ▁▁a', '▁ b▁', 'e  a'),
    );
    fc.assert(
      fc.property(
        fc.array(text, { maxLength: 4 }),
        fc.constantFrom('none' as const, 'all' as const),
        (texts, allowedSpecial) => {
          const options = { allowedSpecial };
          for (let pass = 0; pass < 2; pass++) {
            expectSame(two.encodeIdsBatch(texts, options), one.encodeIdsBatch(texts, options));
            expectSame(two.encodeBatch(texts, options), one.encodeBatch(texts, options));
          }
          for (const each of texts) {
            const ids = one.encodeIds(each, options);
            expectSame(two.encodeIds(each, options), ids);
            expect(two.decode(ids)).toBe(one.decode(ids));
          }
        },
      ),
      { numRuns: 200 },
    );
    const long = golden.texts.join(' ').repeat(20);
    expectSame(two.encodeIds(long), one.encodeIds(long));
    expect(() => two.decodeBytes(new Int32Array(20))).toThrow(
      expect.objectContaining({ code: 'E_UNSUPPORTED' }),
    );
  });

  const metaspaces = (['always', 'first', 'never'] as const).flatMap((prependScheme) =>
    [true, false].map((split) => new Metaspace({ replacement: '▁', prependScheme, split })),
  );

  it.each(metaspaces.map((each) => [JSON.stringify(each), each] as const))(
    'encodes characters as TypeScript does with %s',
    (_, preTokenizer) => {
      for (const across of [false, true]) {
        const { plain: one } = characterPair(across, true);
        for (const normalizer of Object.values(normalizers)) {
          expectAsTypeScript(one.with({ preTokenizer, normalizer, addedTokens: addedWords }), 15);
        }
      }
    },
  );

  it.each(['Llama 2', 'Gemma'])(
    'encodes characters as TypeScript does with added tokens in normalized text, as of %s',
    (name) => {
      const { plain: one } = characterPair(false, name === 'Llama 2');
      const preTokenizer =
        name === 'Gemma' ? new Split({ String: ' ' }, 'MergedWithPrevious', false) : undefined;
      expectAsTypeScript(one.with({ preTokenizer, addedTokens: addedWords }), 200);
    },
  );

  it('takes texts of characters that are tokens as a whole', () => {
    const { plain: one } = characterPair(false, true);
    const model = one.model as Bpe;
    const { vocab, merges } = rulesOf(one);
    const hidden = new Set([vocab['<s>']!]);
    const ignoring = new Bpe(model.vocab, merges.slice(0, 5), {
      byteFallback: true,
      ignoreMerges: true,
      hidden,
    });
    const tokenizer = one.with({ model: ignoring });
    expectAsTypeScript(tokenizer);
    const two = useNative(tokenizer.with({ normalizer: undefined }), { threads: 1 });
    const long = Object.keys(vocab).filter((token) => /^▁?\p{L}{2,}$/u.test(token));
    for (const token of [...long, '<s>', '<0x41>', 'a', '\ud83d']) {
      expectSame(two.encode(token), two.with({ engine: undefined }).encode(token));
    }
    expect(long.length).toBeGreaterThan(20);
    expect(two.encodeBatch(long, { addSpecialTokens: false }).map(({ ids }) => ids[0])).toEqual(
      long.map((token) => vocab[token]),
    );
  });

  it.each(['bpe-llama', 'bpe-suffix'])('takes the SentencePiece model %s', (name) => {
    const { models, texts } = fixture<{
      models: Record<string, { model: string; ids: number[][] }>;
      texts: string[];
    }>('sentencepiece.json.gz');
    const one = fromSentencePiece(decodeBase64(models[name]!.model)!);
    expectAsTypeScript(one);
    const two = useNative(one, { threads: 1 });
    expect(texts.map((text) => [...two.encodeIds(text)])).toEqual(models[name]!.ids);
  });
});
