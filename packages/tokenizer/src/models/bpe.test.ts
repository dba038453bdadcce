import { describe, expect, it } from 'vitest';
import { fixture } from '../../test/fixture.js';
import { Tokenizer } from '../tokenizer.js';
import { Bpe } from './bpe.js';
import { Vocab } from './vocab.js';

interface Saved {
  model: { vocab: Record<string, number>; merges: [string, string][] };
}
const json = fixture<Saved>('bpe-tokenizer.json');
const vocab = Vocab.fromJSON(json.model.vocab);
const plain = Tokenizer.fromJSON(json);
const withDropout = (dropout: number, random = Math.random) =>
  plain.with({ model: new Bpe(vocab, json.model.merges, { dropout, random }) });

describe('BPE-dropout', () => {
  const text = 'the condetering thetion of the lazy dog, 你好';

  it('changes nothing at 0 and merges nothing at 1', () => {
    expect([...withDropout(0).encodeIds(text)]).toEqual([...plain.encodeIds(text)]);
    expect(withDropout(1).encodeIds(text).length).toBe(new TextEncoder().encode(text).length);
  });

  it('cuts in other ways that decode to the same, as the random numbers say', () => {
    const seeded = (seed: number) => () => (seed = (seed * 48271) % 2147483647) / 2147483647;
    const cuts = new Set<string>();
    for (let seed = 1; seed <= 20; seed++) {
      const ids = withDropout(0.3, seeded(seed)).encodeIds(text);
      expect(plain.decode(ids)).toBe(text);
      expect(ids.length).toBeGreaterThanOrEqual(plain.encodeIds(text).length);
      expect([...withDropout(0.3, seeded(seed)).encodeIds(text)]).toEqual([...ids]);
      cuts.add(ids.join());
    }
    expect(cuts.size).toBeGreaterThan(10);
  });

  it('refuses what is no probability', () => {
    for (const dropout of [-0.1, 1.1, Number.NaN]) {
      expect(() => withDropout(dropout)).toThrow(
        expect.objectContaining({ code: 'E_OPTION', subject: 'model.dropout' }),
      );
    }
  });
});

describe('rules as triples of ids', () => {
  it('are those of the pairs of tokens', () => {
    const ids = json.model.merges.flatMap(([left, right]) =>
      [left, right, left + right].map((token) => vocab.id(token)!),
    );
    const triples = plain.with({ model: new Bpe(vocab, Int32Array.from(ids)) });
    const text = 'the condetering thetion of the lazy dog, 你好';
    expect([...triples.encodeIds(text)]).toEqual([...plain.encodeIds(text)]);
  });

  it.each([[[0, 1]], [[0, 1, vocab.idLimit]], [[0, -1, 1]]])('refuses %j', (ids) => {
    expect(() => new Bpe(vocab, Int32Array.from(ids))).toThrow(
      expect.objectContaining({ code: 'E_FORMAT', subject: 'model.merges' }),
    );
  });
});

describe('long pieces', () => {
  it.each(['a', ' ', '^', '砚', '🙂', 'ab'])('of %s take no stack and come back whole', (unit) => {
    const text = unit.repeat(300_000);
    const ids = plain.encodeIds(text);
    expect(plain.decode(ids) === text).toBe(true);
  });
});
