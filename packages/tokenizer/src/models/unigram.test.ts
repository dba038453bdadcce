import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Unigram, type UnigramOptions } from './unigram.js';

const vocab: [string, number][] = [
  ['<unk>', 0],
  ['a', -1],
  ['b', -1.5],
  ['ab', -2],
  ['aa', -2.25],
  ['aba', -2.9],
];
const make = (options: UnigramOptions = {}) =>
  new Unigram(vocab, { unkId: 0, hidden: new Set([0]), ...options });

/** Every cut of a text of a and b, by trying all, best first. */
function allCuts(text: string): { ids: number[]; score: number }[] {
  if (text === '') return [{ ids: [], score: 0 }];
  return vocab
    .flatMap(([token, score], id) =>
      id > 0 && text.startsWith(token)
        ? allCuts(text.slice(token.length)).map((cut) => ({
            ids: [id, ...cut.ids],
            score: score + cut.score,
          }))
        : [],
    )
    .sort((a, b) => b.score - a.score);
}

const encode = (model: Unigram, piece: string) => {
  const ids: number[] = [];
  model.tokenize(piece, { ids: { push: (id: number) => ids.push(id) } as never, spans: null });
  return ids;
};

describe('Unigram', () => {
  it('lists the n best cuts', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 9 }),
        fc.integer({ min: 1, max: 12 }),
        (text, count) => {
          const wanted = allCuts(text).slice(0, count);
          const found = make().nBest(text, count);
          expect(found).toHaveLength(wanted.length);
          found.forEach((cut, i) => {
            expect(cut.score).toBeCloseTo(wanted[i]!.score, 9);
            expect(cut.ids.map((id) => vocab[id]![0]).join('')).toBe(text);
            expect(cut.ends.at(-1) ?? 0).toBe(text.length);
          });
        },
      ),
    );
  });

  it.each([
    ['all', undefined, 0.7],
    ['the 3 best', 3, 0.7],
    ['all alike', undefined, 0],
  ])('draws among %s cuts in proportion to e^(alpha * score)', (_, nBest, alpha) => {
    const text = 'abaab';
    // Numbers that lie evenly over [0, 1), so that the shares are not left to chance.
    let state = 1;
    const random = () => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return state / 2 ** 32;
    };
    const model = make({ sampling: { alpha, random, ...(nBest ? { nBest } : {}) } });
    const seen = new Map<string, number>();
    const draws = 20_000;
    for (let i = 0; i < draws; i++) {
      const key = encode(model, text).join();
      seen.set(key, (seen.get(key) ?? 0) + 1);
    }
    const wanted = allCuts(text).slice(0, nBest ?? Infinity);
    const sum = wanted.reduce((total, { score }) => total + Math.exp(alpha * score), 0);
    expect(seen.size).toBe(wanted.length);
    for (const { ids, score } of wanted) {
      expect(Math.abs(seen.get(ids.join())! / draws - Math.exp(alpha * score) / sum)).toBeLessThan(0.015);
    }
  });

  it('takes the best cut for certain when alpha is large, and never fails at the edge of the numbers', () => {
    for (const nBest of [undefined, 2]) {
      const sampling = { alpha: 1000, random: () => 0.5, ...(nBest ? { nBest } : {}) };
      expect(encode(make({ sampling }), 'abaab')).toEqual(encode(make(), 'abaab'));
    }
    for (const random of [() => 0, () => 1 - Number.EPSILON / 2]) {
      const even = make({ sampling: { alpha: 0, random } });
      expect(
        encode(even, 'xabaabx')
          .map((id) => vocab[id]![0])
          .join(''),
      ).toBe('<unk>abaab<unk>');
    }
  });

  it.each([{ alpha: -1 }, { alpha: Number.NaN }, { alpha: 1, nBest: 0 }, { alpha: 1, nBest: 1.5 }])(
    'refuses sampling with %j',
    (sampling) => {
      expect(() => make({ sampling })).toThrow(expect.objectContaining({ code: 'E_OPTION' }));
    },
  );
});
