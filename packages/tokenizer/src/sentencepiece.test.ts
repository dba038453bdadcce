import { describe, expect, it } from 'vitest';
import { fixture } from '../test/fixture.js';
import { decodeBase64 } from './base64.js';
import { fromSentencePiece } from './sentencepiece.js';
import { Tokenizer } from './tokenizer.js';

interface Golden {
  texts: string[];
  models: Record<string, { model: string; normalized: string[]; ids: number[][]; decoded: string[] }>;
}
const golden = fixture<Golden>('sentencepiece.json.gz');

/** Models whose tokenizer.json says all there is to say. */
const written = new Set(['bpe', 'char', 'char-suffix', 'unigram-suffix']);

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

  it.each(Object.entries(golden.models))('%s is the same when written and read', (name, { model, ids }) => {
    const tokenizer = fromSentencePiece(decodeBase64(model)!);
    const unwritten = name.includes('-decoded') ? 'decoder' : name.startsWith('word') ? 'model' : undefined;
    if (unwritten) {
      expect(() => tokenizer.toJSON()).toThrow(
        expect.objectContaining({ code: 'E_UNSUPPORTED', subject: unwritten }),
      );
      return;
    }
    const again = Tokenizer.fromJSON(JSON.parse(JSON.stringify(tokenizer.toJSON())));
    const same = golden.texts.filter((text, i) => {
      const expected = again.encodeIds(text);
      return expected.length === ids[i]!.length && expected.every((id, k) => id === ids[i]![k]);
    });
    // tokenizer.json has no word for the longest rule, user-defined symbols in BPE and single precision.
    if (written.has(name)) expect(same.length).toBe(golden.texts.length);
    else expect(same.length).toBeGreaterThan(golden.texts.length / 2);
  });

  it('streams what it decodes where there are rules for decoded text', () => {
    const { model, ids, decoded } = golden.models['bpe-decoded']!;
    const tokenizer = fromSentencePiece(decodeBase64(model)!);
    golden.texts.forEach((text, i) => {
      if (ids[i]!.includes(0) || text.startsWith('\u2581')) return;
      const stream = tokenizer.decodeStream();
      expect(ids[i]!.map((id) => stream.push(id)).join('') + stream.end()).toBe(decoded[i]);
    });
  });

  it('refuses models of other types, and broken rules', () => {
    const bytes = decodeBase64(golden.models.bpe!.model)!;
    const refused = (code: string, ...message: number[]) =>
      expect(() => fromSentencePiece(Uint8Array.of(...bytes, ...message))).toThrow(
        expect.objectContaining({ code }),
      );
    // A trainer_spec of another model type; a denormalizer_spec whose charsmap is too short; one without.
    refused('E_UNSUPPORTED', 0x12, 2, 0x18, 5);
    refused('E_FORMAT', 0x2a, 3, 0x12, 1, 65);
    expect(() => fromSentencePiece(Uint8Array.of(...bytes, 0x2a, 2, 0x12, 0))).not.toThrow();
  });

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
