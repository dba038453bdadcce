import { expect, it } from 'vitest';
import { characterBlocks } from './character-blocks.js';
import { EXTENDS } from './native-cells.js';

it('knows what may belong to the character before', () => {
  const segmenter = new Intl.Segmenter('und', { granularity: 'grapheme' });
  const wrong: string[] = [];
  for (const block of characterBlocks()) {
    for (const char of block) {
      if (EXTENDS.test(char) || /[\ud800-\udfff]/.test(char)) continue;
      if ([...segmenter.segment(`a${char}`)].length < 2) wrong.push(char);
    }
  }
  expect(wrong).toEqual([]);
});
