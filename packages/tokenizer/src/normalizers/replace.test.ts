import { describe, expect, it } from 'vitest';
import { AlignedText } from '../aligned-text.js';
import { Replace } from './replace.js';

describe('Replace', () => {
  // What Hugging Face tokenizers 0.23 make of it.
  it.each([
    ['\\z', 'a b ', 'a b _'],
    ['\\A', 'abc', '_abc'],
    ['\\b', 'axb ', '_axb_ '],
    ['x*', 'axb ', '_a_b_ _'],
    ['(?=b)', 'axb ', 'ax_b '],
    ['x*\\z', 'axx', 'a_'],
    ['xx|\\z', 'axxa', 'a_a_'],
    ['\\z', '', ''],
  ])('puts something where %s matches nothing of %j', (pattern, text, expected) => {
    expect(new Replace({ Regex: pattern }, '_').normalize(AlignedText.of(text)).text).toBe(expected);
  });

  it('gives what it puts in the place of the character before', () => {
    const { text, starts, ends } = new Replace({ Regex: '(?=b)|\\z|\\A' }, '_').normalize(
      AlignedText.of('ab🙂'),
    );
    expect(text).toBe('_a_b🙂_');
    expect(starts).toEqual(Int32Array.of(0, 0, 0, 1, 2, 2, 2));
    expect(ends).toEqual(Int32Array.of(0, 1, 1, 2, 4, 4, 4));
  });
});
