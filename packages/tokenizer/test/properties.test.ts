import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Tokenizer } from '../src/index.js';
import { fixture } from './fixture.js';

const names = ['bert', 'unigram', 'llama', 'roberta', 'llama3', 'classic', 'words'];
const tokenizers = names.map(
  (name) =>
    [name, Tokenizer.fromJSON(fixture<{ tokenizer: object }>(`whole-${name}.json`).tokenizer)] as const,
);

/** What texts are made of: scripts, joiners, marks, white space, code, control characters, halves of pairs. */
const unit = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...' \n\tthedogTHE.,!?'.split(''), ' the', 'dog', '  ', '\r\n') },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      '你好',
      '世界',
      '砚',
      '日本語',
      'テキスト',
      'ひらがな',
      'ภาษาไทย',
      'ไม่มี',
      'مُحَمَّد',
      'نص',
      'हिन्दी',
      '한국어',
    ),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      '👨‍👩‍👧‍👦',
      '🏳️‍🌈',
      '👍🏽',
      '🇩🇪',
      '\u200d',
      '\u200b',
      '\ufeff',
      'e\u0301',
      'é',
      'ﬁ',
      'ſ',
      'İ',
      '½',
    ),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      'for (let i = 0; i < n; i++) {',
      '    ',
      '__init__',
      '=>',
      '<s>',
      '[MASK]',
      '\0',
      '\u001b',
    ),
  },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', minLength: 1, maxLength: 2 }) },
  { weight: 1, arbitrary: fc.constantFrom('\ud800', '\udc00') },
);
const anyText = fc.array(unit, { maxLength: 40 }).map((units) => units.join(''));
const wellFormed = (text: string) => (text as unknown as { toWellFormed(): string }).toWellFormed();
const columns = (encoding: object) =>
  JSON.stringify(encoding, (_, value) =>
    ArrayBuffer.isView(value) ? Array.from(value as Int32Array) : value,
  );

describe.each(tokenizers)('the tokenizer %s, on any text', (name, tokenizer) => {
  const byteLevel = ['roberta', 'llama3'].includes(name);

  it('encodes a batch as it encodes one by one, and ids as encode does', () => {
    fc.assert(
      fc.property(fc.array(anyText, { maxLength: 4 }), (texts) => {
        const batch = tokenizer.encodeBatch(texts);
        expect(batch.map(columns)).toEqual(texts.map((text) => columns(tokenizer.encode(text))));
        batch.forEach((encoding, i) => {
          expect(tokenizer.encodeIds(texts[i]!)).toEqual(encoding.ids);
        });
      }),
      { numRuns: 60 },
    );
  });

  it('gives offsets that rise within the text, in characters as in UTF-16 units', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const options = { addSpecialTokens: false } as const;
        const { offsets, wordIds } = tokenizer.encode(text, options);
        const points = tokenizer.encode(text, { ...options, offsetUnit: 'codePoint' }).offsets;
        let last = 0;
        for (let i = 0; i < offsets.length; i += 2) {
          const [start, end] = [offsets[i]!, offsets[i + 1]!];
          expect(start).toBeLessThanOrEqual(end);
          expect(end).toBeLessThanOrEqual(text.length);
          expect(start).toBeGreaterThanOrEqual(last);
          last = start;
          expect(points[i]).toBe([...text.slice(0, start)].length);
          expect(points[i + 1]).toBe([...text.slice(0, end)].length);
        }
        for (let i = 1; i < wordIds.length; i++)
          expect(wordIds[i]! - wordIds[i - 1]!).toBeGreaterThanOrEqual(0);
      }),
      { numRuns: 150 },
    );
  });

  it('streams what it decodes: each part is whole, and together they are all of it', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const ids = tokenizer.encodeIds(text);
        const whole = tokenizer.decode(ids);
        const stream = tokenizer.decodeStream();
        let out = '';
        for (const id of ids) {
          out += stream.push(id);
          expect(whole.startsWith(out)).toBe(true);
          expect(/[\ud800-\udbff]$/.test(out)).toBe(false);
        }
        expect(out + stream.end()).toBe(whole);
      }),
      { numRuns: 150 },
    );
  });

  it('loses nothing of what truncation cuts off', () => {
    fc.assert(
      fc.property(
        anyText,
        fc.integer({ min: 1, max: 9 }),
        fc.nat(8),
        fc.constantFrom('Left', 'Right'),
        (text, maxLength, stride, direction) => {
          fc.pre(stride < maxLength);
          const options = { addSpecialTokens: false, truncation: null } as const;
          const { ids } = tokenizer.encode(text, options);
          const cut = tokenizer.encode(text, { ...options, truncation: { maxLength, stride, direction } });
          const windows = [cut, ...cut.overflowing].map((part) => [...part.ids]);
          if (direction === 'Left') windows.reverse();
          for (const window of windows) expect(window.length).toBeLessThanOrEqual(maxLength);
          // Neighbours share `stride` tokens; only the window cut last may be shorter than the others.
          const joined =
            direction === 'Right'
              ? windows.flatMap((window, i) => (i > 0 ? window.slice(stride) : window))
              : windows.flatMap((window, i) =>
                  i + 1 < windows.length ? window.slice(0, -stride || undefined) : window,
                );
          expect(joined).toEqual([...ids]);
        },
      ),
      { numRuns: 150 },
    );
  });

  if (!byteLevel) return;

  it('gives the text back, and offsets that tile it', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const { ids, offsets } = tokenizer.with({ postProcessor: undefined }).encode(text);
        const prefix = name === 'roberta' && text !== '' && !/^\s/.test(text) ? ' ' : '';
        expect(tokenizer.decode(ids).replace(/^ /, '')).toBe((prefix + wellFormed(text)).replace(/^ /, ''));
        let done = 0;
        for (let i = 0; i < offsets.length; i += 2) {
          expect(offsets[i]).toBeLessThanOrEqual(done);
          done = Math.max(done, offsets[i + 1]!);
        }
        expect(done).toBe(text.length);
      }),
      { numRuns: 200 },
    );
  });
});
