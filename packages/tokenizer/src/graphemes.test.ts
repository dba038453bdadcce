import { expect, it } from 'vitest';
import { characterBlocks } from './character-blocks.js';
import { EXTENDS, TAKES } from './graphemes.js';

it('knows what may belong to the character before, or to the one behind', () => {
  const segmenter = new Intl.Segmenter('und', { granularity: 'grapheme' });
  const areOne = (text: string) => [...segmenter.segment(text)].length < 2;
  const wrong: string[] = [];
  for (const block of characterBlocks()) {
    for (const char of block) {
      if (/[\ud800-\udfff]/.test(char)) continue;
      if (!EXTENDS.test(char) && areOne(`a${char}`)) wrong.push(`joins ${char}`);
      if (!TAKES.test(char) && areOne(`${char}a`)) wrong.push(`takes ${char}`);
    }
  }
  expect(wrong).toEqual([]);
});
