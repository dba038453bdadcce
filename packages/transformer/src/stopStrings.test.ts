import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { StopStrings } from './stopStrings.js';

/** Cuts a text into pieces and streams it. */
function run(stops: string[], pieces: string[]): { text: string; found: string | null } {
  const watch = new StopStrings(stops);
  let text = '';
  for (const piece of pieces) text += watch.push(piece);
  return { text: text + watch.end(), found: watch.found };
}

describe('stop strings', () => {
  it('end the text before the first of them, however it is cut into pieces', () => {
    const letters = fc.string({ unit: fc.constantFrom('a', 'b', '\n'), maxLength: 20 });
    const stop = fc.string({ unit: fc.constantFrom('a', 'b', '\n'), minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(fc.array(stop, { maxLength: 3 }), fc.array(letters, { maxLength: 6 }), (stops, pieces) => {
        const whole = pieces.join('');
        const { text, found } = run(stops, pieces);
        const complete = stops
          .map((stop) => ({ stop, at: whole.indexOf(stop) }))
          .filter(({ at }) => at >= 0)
          .sort((a, b) => a.at + a.stop.length - (b.at + b.stop.length) || a.at - b.at)[0];
        const expected = complete ? whole.slice(0, complete.at) : whole;
        expect({ text, found }).toEqual({ text: expected, found: complete?.stop ?? null });
      }),
    );
  });

  it('hold back only what may be the beginning of one', () => {
    const stops = new StopStrings(['</s>', '\n\n']);
    expect(stops.push('a<b')).toBe('a<b');
    expect(stops.push('c</')).toBe('c');
    expect(stops.push('s')).toBe('');
    expect(stops.push('t\n')).toBe('</st');
    expect(stops.push('\nmore')).toBe('');
    expect(stops.found).toBe('\n\n');
    expect(stops.push('never')).toBe('');
    expect(stops.end()).toBe('');
  });

  it('must not be empty', () => {
    expect(() => new StopStrings([''])).toThrow(/must not be empty/);
  });
});
