import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { absent, golden, nativeTitle } from '../test/native-engine.js';
import { expectSame } from '../test/same.js';
import { leftBy, unigramFamilies, unigramFamily } from '../test/unigram-families.js';
import { useNative } from './native.js';
import type { Tokenizer } from './tokenizer.js';

/** Long texts of what is rewritten together: scripts with marks, letters and their marks apart, joined emoji, quotes, CRLF. */
const clustered = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        ...'हिन्दी में ज़्यादा क्षेत्र प्रार्थना க்ஷ தமிழ் বাংলা ภาษาไทย น้ำ เพื่อที่ ລາວນ້ຳ မြန်မာ ខ្មែរ'.split(' '),
        ...'بِسْمِ اللَّهِ الرَّحْمَٰنِ الْحَمْدُ لِلَّهِ رَبِّ آمَنُوا שָׁלוֹם'.split(' '),
        ...'déjà Å naïveté Việt được ǖ 한국어 각하 がぎ パ İstanbul ΑΣ'
          .split(' ')
          .map((word) => word.normalize('NFD')),
        ...'👩‍👩‍👧 👍🏽 ❤️ 🏳️‍🌈 🇫🇷🇩🇪 1️⃣ ℹ️ ©️'.split(' '),
        ...['``', "''", '`', "'", '```', "don't", '\r\n', '\r\n\r\n', '\n'],
        ...'ink stone ﬁ ㎏ ½ ｶﾞ 砚 墨水 … ＡＢ'.split(' '),
      ),
      fc.constantFrom(' ', ' ', '  ', '. ', '\u3000', '\u00ad', '\u200b', '▁'),
      fc.constantFrom(...golden.texts),
    ),
    { minLength: 1, maxLength: 150, size: 'max' },
  )
  .map((parts) => parts.join(''));

describe.skipIf(absent !== '')(nativeTitle('Unigram of families by the addon'), () => {
  it.each(Object.keys(unigramFamilies))(
    'gives the ids, offsets and words of Hugging Face, as of %s',
    (name) => {
      const plain = unigramFamily(name);
      for (const tokenizer of [plain, useNative(plain, { threads: 1 })]) {
        for (const { text, ids, offsets, words: wordIds } of unigramFamilies[name]!.cases) {
          const made = tokenizer.encode(text, { offsetUnit: 'codePoint' });
          expect([text, [...made.ids], [...made.offsets], [...made.wordIds]]).toEqual([
            text,
            ids,
            offsets,
            wordIds,
          ]);
        }
      }
    },
  );

  it.each(Object.keys(unigramFamilies))(
    'takes long texts of characters that are rewritten together natively, as of %s',
    (name) => {
      const plain = unigramFamily(name);
      const native = useNative(plain, { threads: 2 });
      fc.assert(
        fc.property(fc.array(clustered, { minLength: 1, maxLength: 3 }), (texts) => {
          const before = leftBy(native);
          const expected = plain.encodeBatch(texts);
          expectSame(native.encodeBatch(texts), expected);
          texts.forEach((text, i) => {
            expectSame(native.encode(text), expected[i]);
            expectSame(native.encodeIds(text), expected[i]!.ids);
          });
          // Stripped first, a text can begin within a space and a flag.
          if (name !== 'deberta') expect(leftBy(native)).toBe(before);
        }),
        { numRuns: 40 },
      );
    },
  );

  it('leaves texts to TypeScript only where what is around a cluster matters', () => {
    const leaver = (plain: Tokenizer) => {
      const native = useNative(plain, { threads: 1 });
      return (text: string) => {
        const before = leftBy(native);
        for (let pass = 0; pass < 2; pass++) expectSame(native.encode(text), plain.encode(text));
        return leftBy(native) - before;
      };
    };
    const leaves = leaver(unigramFamily('t5'));
    for (const text of [...golden.texts, 'ﬁ\x07', '\x07\u0301', 'क्', '\r', 'e\u0301\r'])
      expect([text, leaves(text)]).toEqual([text, 0]);
    // A sign that joins consonants with a mark behind it, and more marks than a cluster is long.
    for (const text of ['क\u094d\u0301न', `e${'\u0301'.repeat(64)}`])
      expect([text, leaves(text)]).toEqual([text, 2]);
    expect(leaver(unigramFamily('deberta'))('a \u0301')).toBe(2);
  });

  it('learns more clusters than it keeps', () => {
    const plain = unigramFamily('t5');
    const native = useNative(plain, { threads: 1 });
    const marks = Array.from({ length: 0x70 }, (_, i) => String.fromCodePoint(0x300 + i));
    for (const first of marks.slice(0, 3)) {
      const text = marks.flatMap((one) => marks.map((other) => `a${first}${one}${other}`)).join('');
      expectSame(native.encodeIds(text), plain.encodeIds(text));
    }
    // The one at which all are forgotten.
    expect(leftBy(native)).toBe(1);
  });
});
