import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fixture } from '../../test/fixture.js';
import { cutGpt2, GPT2_PATTERN } from './gpt2-cutter.js';

function pieces(text: string): string[] {
  const out: string[] = [];
  for (let at = 0; at < text.length; ) {
    const next = cutGpt2(text, at, text.length);
    out.push(text.slice(at, next));
    at = next;
  }
  return out;
}

describe('cutGpt2', () => {
  it.each(fixture<{ text: string; pieces: string[] }[]>('gpt2-pieces.json'))('cuts $text', (golden) => {
    expect(pieces(golden.text)).toEqual(golden.pieces);
  });

  it('cuts as the pattern does', () => {
    const unit = fc.constantFrom(
      ..." \t\n''sdmtlvreLa1!.".split(''),
      '\u00a0',
      '\u3000',
      'é',
      '好',
      '½',
      '🙂',
      '𝒳',
      '\u0301',
    );
    fc.assert(
      fc.property(fc.array(unit, { maxLength: 40 }), (units) => {
        const text = units.join('');
        expect(pieces(text)).toEqual(text.match(new RegExp(GPT2_PATTERN, 'gu')) ?? []);
      }),
      { numRuns: 2000 },
    );
  });

  it('sees nothing beyond the limit', () => {
    expect(cutGpt2('a  b', 1, 3)).toBe(3);
    expect(cutGpt2("'ll", 0, 2)).toBe(1);
    expect(cutGpt2("'s", 0, 1)).toBe(1);
    expect(cutGpt2(' x', 0, 1)).toBe(1);
  });
});
