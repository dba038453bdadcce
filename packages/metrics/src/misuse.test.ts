import { describe, expect, test } from 'vitest';
import { ACCUMULATORS } from '../test/accumulators.js';
import * as m from './index.js';

describe.each(Object.entries(ACCUMULATORS))('%s', (_, { make }) => {
  test.each([
    ['null for a sample', [null]],
    ['undefined for a sample', [undefined]],
    ['an empty object for a sample', [{}]],
    ['a symbol for a sample', [Symbol('x')]],
    ['an object for a batch', {}],
    ['null for a batch', null],
  ])('%s is refused with a typed error', (_name, batch) => {
    expect(() => make().update(batch as never)).toThrow(m.MetricError);
  });
});

test('an accumulator merged with itself counts everything twice', () => {
  const text = { hypothesis: 'a b c', references: ['a b d'] };
  const cider = new m.Cider();
  cider.update([text, { hypothesis: 'x', references: ['x y'] }]);
  cider.merge(cider);
  expect(cider.count).toBe(4);
  expect(cider.compute().scores).toHaveLength(4);
  const bleu = new m.Bleu();
  bleu.update([text]);
  bleu.merge(bleu);
  expect([bleu.count, bleu.compute().hypothesisLength, bleu.rows().length]).toEqual([2, 6, 20]);
  const self = new m.SelfBleu();
  self.update(['a', 'b']);
  self.merge(self);
  expect(self.compute().scores).toHaveLength(4);
  const classes = new m.Classification();
  classes.update([{ label: 'a', prediction: 'b' }]);
  classes.merge(classes);
  expect(classes.compute().matrix).toEqual([
    [0, 2],
    [0, 0],
  ]);
  const ranking = new m.BinaryRanking();
  ranking.update([
    { label: true, score: 1 },
    { label: false, score: 0 },
  ]);
  ranking.merge(ranking);
  expect(ranking.compute().positives).toBe(2);
  const fid = new m.FrechetDistance();
  for (const real of [true, false]) fid.update([[0], [real ? 2 : 4]].map((features) => ({ features, real })));
  fid.merge(fid);
  expect(fid.compute().score).toBeCloseTo(1 + (Math.sqrt(4 / 3) - Math.sqrt(16 / 3)) ** 2, 12);
});

test('merging large shards does not overflow the stack', () => {
  const size = 300_000;
  const ranking = new m.BinaryRanking();
  const shard = new m.BinaryRanking();
  shard.update(Array.from({ length: size }, (_, i) => ({ label: i >= size / 2, score: i })));
  ranking.merge(shard);
  expect(ranking.compute().score).toBe(1);
  const inception = new m.InceptionScore({ splits: 1 });
  inception.update(Array.from({ length: size }, () => [1, 0]));
  const other = new m.InceptionScore({ splits: 1 });
  other.merge(inception);
  expect(other.compute().score).toBe(1);
});
