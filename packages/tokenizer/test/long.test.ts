import { describe, expect, it } from 'vitest';
import { Tokenizer } from '../src/index.js';
import { fixture } from './fixture.js';

interface Golden {
  units: string[];
  cases: { tokenizer: string; unit: number; length: number; checksum: number }[];
}
const { units, cases } = fixture<Golden>('long.json');

function checksum(ids: Int32Array): number {
  let total = 0;
  for (const id of ids) total = (total * 31 + id + 1) % 2147483647;
  return total;
}

describe.each([...new Set(cases.map(({ tokenizer }) => tokenizer))])('a megabyte by %s', (name) => {
  const json = fixture<{ tokenizer?: object }>(`${name}.json`);
  const tokenizer = Tokenizer.fromJSON(json.tokenizer ?? json);
  it.each(
    cases
      .filter((each) => each.tokenizer === name)
      .map((each) => [units[each.unit]!.slice(0, 20), each] as const),
  )('of %j has the ids of Hugging Face', (_, { unit, ...wanted }) => {
    const text = units[unit]!.repeat(Math.floor(1_000_000 / Buffer.byteLength(units[unit]!)));
    const ids = tokenizer.encodeIds(text, { allowedSpecial: 'all' });
    expect([ids.length, checksum(ids)]).toEqual([wanted.length, wanted.checksum]);
  });
});
