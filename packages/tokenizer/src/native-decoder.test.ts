import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { absent, bytePair, nativeTitle } from '../test/native-engine.js';
import { BYTE_TO_CHAR } from './byte-alphabet.js';
import type { Tokenizer } from './tokenizer.js';

describe.skipIf(absent !== '')(nativeTitle('the native decoder'), () => {
  let plain: Tokenizer;
  let native: Tokenizer;
  beforeAll(async () => {
    ({ plain, native } = await bytePair('cl100k', false));
  });

  it('decodes bytes that are no UTF-8 as TextDecoder does', () => {
    const bytes = fc.oneof(
      { weight: 2, arbitrary: fc.uint8Array({ maxLength: 4 }) },
      {
        weight: 3,
        arbitrary: fc.constantFrom(
          ...[[0xc0, 0xaf], [0xc3], [0xe0, 0x9f, 0xbf], [0xe0, 0xa0], [0xe4, 0xb8], [0xad]],
          ...[
            [0xed, 0x9f, 0xbf],
            [0xed, 0xa0, 0x80],
            [0xef, 0xbb, 0xbf],
            [0xef, 0xbf, 0xbf],
          ],
          ...[
            [0xf0, 0x8f, 0xbf, 0xbf],
            [0xf0, 0x9f, 0x99],
            [0xf4, 0x8f, 0xbf, 0xbf],
            [0xf4, 0x90, 0x80],
            [0xff],
          ],
        ),
      },
      {
        weight: 2,
        arbitrary: fc
          .constantFrom('砚墨纸笔是文房四宝', 'é', '🙂', 'the ink stone is old', '\0', 'ÿ')
          .map((text) => [...new TextEncoder().encode(text)]),
      },
    );
    fc.assert(
      fc.property(fc.array(bytes, { minLength: 16, maxLength: 40 }), (parts) => {
        const all = Uint8Array.from([...parts.flatMap((part) => [...part]), ...new Array(16).fill(0x41)]);
        const ids = Array.from(all, (byte) => plain.tokenToId(BYTE_TO_CHAR[byte]!)!);
        for (const end of [0, 15, 16]) {
          const cut = all.subarray(0, all.length - end);
          const expected = new TextDecoder('utf-8', { ignoreBOM: true }).decode(cut);
          expect(native.decode(ids.slice(0, cut.length))).toBe(expected);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('decodes as TypeScript does and refuses ids that do not exist', () => {
    const limit = plain.vocabSize;
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: limit - 1 }), { minLength: 16, maxLength: 60 }),
        fc.boolean(),
        (ids, skipSpecialTokens) => {
          const options = { skipSpecialTokens };
          expect(native.decode(ids, options)).toBe(plain.decode(ids, options));
          expect(native.decodeBytes(Int32Array.from(ids), options)).toEqual(plain.decodeBytes(ids, options));
        },
      ),
    );
    const good = new Array<number>(20).fill(40);
    for (const bad of [-1, limit, 1.5, Number.NaN, 2 ** 32 + 40]) {
      expect(() => native.decode([...good, bad])).toThrow(expect.objectContaining({ code: 'E_VOCAB' }));
    }
    for (const bad of [-1, limit]) {
      const ids = Int32Array.from([...good, bad]);
      expect(() => native.decode(ids)).toThrow(expect.objectContaining({ code: 'E_VOCAB' }));
    }
  });
});
