import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AlignedText } from '../aligned-text.js';
import { normalizedText } from './normalizer.js';
import { type Form, UnicodeForm } from './unicode-form.js';

describe('UnicodeForm', () => {
  it.each<Form>(['NFC', 'NFD', 'NFKC', 'NFKD'])('gives the text of JavaScript: %s', (name) => {
    const form = new UnicodeForm(name);
    // Letters of Hangul in every spelling, which come together in syllables, and what marks and sound marks join.
    const char = fc.oneof(
      fc.constantFrom('a', 'ﬃ', '㎏', '가', 'か', 'ｶ', 'ﾞ', '\u0301', '\u0323', '\u0f71', '\u09c7', '\u09be'),
      fc.integer({ min: 0x1100, max: 0x11ff }).map((point) => String.fromCodePoint(point)),
      fc.integer({ min: 0x3131, max: 0x318e }).map((point) => String.fromCodePoint(point)),
      fc.integer({ min: 0xff9e, max: 0xffdc }).map((point) => String.fromCodePoint(point)),
      fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
    );
    fc.assert(
      fc.property(fc.array(char, { maxLength: 8 }), (chars) => {
        const text = chars.join('');
        expect(form.normalize(AlignedText.of(text)).text).toBe(text.normalize(name));
        expect(normalizedText(text, form)).toBe(text.normalize(name));
      }),
      { numRuns: 2000 },
    );
  });

  it('takes letters of Hangul together that are compatible with those of syllables', () => {
    const found = new UnicodeForm('NFKC').normalize(AlignedText.of('㎏ㅏㄱㅏ'));
    expect(found.text).toBe('kg\u1161가');
    expect(Array.from({ length: 4 }, (_, i) => found.span(i, i + 1))).toEqual([
      [0, 1],
      [0, 1],
      [1, 2],
      [2, 3],
    ]);
  });
});
