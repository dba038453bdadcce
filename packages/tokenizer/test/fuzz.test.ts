import { describe, expect, it } from 'vitest';
import { nativeObstacle, useNative } from '../src/native.js';
import { Tokenizer } from '../src/tokenizer.js';
import { type Columns, columnsOf } from './columns.js';
import { fixture } from './fixture.js';
import { absent } from './native-engine.js';

interface Fuzz {
  models: Record<string, object>;
  cases: {
    tokenizer: { model: [string, object] };
    encodings: {
      text: string;
      pair: string | null;
      special: boolean;
      /** Null where the reference fails. */
      encoding: Columns | null;
      of: number[];
      decoded: string | null;
      all: string | null;
    }[];
  }[];
}
const { models, cases } = fixture<Fuzz>('fuzz.json.gz');
const tokenizers = cases.map(({ tokenizer: json, encodings }) => {
  const [kind, options] = json.model;
  return { encodings, tokenizer: Tokenizer.fromJSON({ ...json, model: { ...models[kind], ...options } }) };
});

function expectReference(tokenizer: Tokenizer, encodings: Fuzz['cases'][number]['encodings']): void {
  for (const { text, pair, special, encoding, of, decoded, all } of encodings) {
    if (encoding) {
      const made = tokenizer.encode(text, {
        ...(pair === null ? {} : { pair }),
        addSpecialTokens: special,
        allowedSpecial: 'all',
        offsetUnit: 'codePoint',
      });
      const columns = { ...columnsOf(made), overflowing: [] };
      expect({ text, pair, ...columns }).toEqual({ text, pair, ...encoding });
    }
    if (decoded !== null) expect(tokenizer.decode(of)).toBe(decoded);
    if (all !== null) expect(tokenizer.decode(of, { skipSpecialTokens: false })).toBe(all);
  }
}

describe('tokenizers put together at random', () => {
  it('encode and decode as Hugging Face', () => {
    expect(tokenizers.length).toBeGreaterThan(100);
    for (const { tokenizer, encodings } of tokenizers) expectReference(tokenizer, encodings);
  });

  it.skipIf(absent !== '')('do so natively', () => {
    const able = tokenizers.filter(({ tokenizer }) => nativeObstacle(tokenizer) === undefined);
    expect(able.length).toBeGreaterThan(5);
    for (const { tokenizer, encodings } of able) {
      expectReference(useNative(tokenizer, { threads: 1 }), encodings);
    }
  });
});
