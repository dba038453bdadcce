import { describe, expect, it } from 'vitest';
import { fixture } from '../test/fixture.js';
import { decodeBase64 } from './base64.js';
import { fromSentencePiece } from './sentencepiece.js';

interface Golden {
  texts: string[];
  models: Record<string, { model: string; normalized: string[]; ids: number[][]; decoded: string[] }>;
}
const golden = fixture<Golden>('sentencepiece.json.gz');

describe('fromSentencePiece', () => {
  it.each(Object.entries(golden.models))(
    '%s gives the ids of SentencePiece',
    (_, { model, normalized, ids, decoded }) => {
      const tokenizer = fromSentencePiece(decodeBase64(model)!);
      golden.texts.forEach((text, i) => {
        expect([text, tokenizer.normalize(text)]).toEqual([text, normalized[i]]);
        expect([text, ...tokenizer.encodeIds(text)]).toEqual([text, ...ids[i]!]);
        const { offsets } = tokenizer.encode(text);
        for (const offset of offsets) expect(offset).toBeLessThanOrEqual(text.length);
        // Decoding, SentencePiece spells the unknown token its own way and drops more than one escape at the start.
        if (!ids[i]!.includes(0) && !text.startsWith('\u2581'))
          expect(tokenizer.decode(ids[i]!)).toBe(decoded[i]);
      });
    },
  );

  it('refuses what is no model', () => {
    const bytes = decodeBase64(golden.models.bpe!.model)!;
    const expected = expect.objectContaining({ name: 'TokenizerError', code: 'E_FORMAT' });
    expect(() => fromSentencePiece(new Uint8Array(0))).toThrow(expected);
    expect(() =>
      fromSentencePiece(Uint8Array.of(255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255)),
    ).toThrow(expected);
    for (const cut of [1, 10, 100, 1001, 3003]) {
      expect(() => fromSentencePiece(bytes.subarray(0, cut))).toThrow(expected);
    }
  });
});
