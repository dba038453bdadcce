import { expect, it } from 'vitest';
import { AlignedText } from '../aligned-text.js';
import { BertNormalizer } from './bert.js';

it.each([{}, { lowercase: false, stripAccents: true }, { cleanText: false, stripAccents: false }])(
  'makes of a character alone what it makes of a text of it, %j',
  (options) => {
    const normalizer = new BertNormalizer(options);
    const wrong: string[] = [];
    for (let point = 0; point < 0x30000; point++) {
      if (point >= 0xd800 && point < 0xe000) continue;
      const char = String.fromCodePoint(point);
      const expected = normalizer.normalize(AlignedText.of(char)).text;
      if (normalizer.normalizeCharacter(char) !== expected) wrong.push(char);
    }
    expect(wrong).toEqual([]);
  },
);
