import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AddedTokenFinder } from './added-tokens.js';

const letters = fc.string({ unit: fc.constantFrom('a', 'b', '<', '|', '🙂', '砚'), maxLength: 6 });

describe('a finder of added tokens', () => {
  it('may find one wherever it finds one, and nowhere without its beginning', () => {
    fc.assert(
      fc.property(
        fc.array(letters, { maxLength: 4 }),
        fc.array(letters, { maxLength: 4 }),
        (patterns, texts) => {
          const finder = new AddedTokenFinder(
            patterns.map((content, id) => [
              content,
              {
                id,
                content,
                special: false,
                normalized: false,
                singleWord: false,
                lstrip: false,
                rstrip: false,
              },
            ]),
          );
          const text = texts.join('');
          let found = false;
          finder.split(text, 'all', (_start, _end, token) => {
            found ||= token !== undefined;
          });
          if (found) expect(finder.mayFind(text)).toBe(true);
          const begins = patterns.some((pattern) => pattern !== '' && text.includes(pattern[0]!));
          if (!begins) expect(finder.mayFind(text)).toBe(false);
        },
      ),
      { numRuns: 2000 },
    );
  });
});
