import { describe, expect, it } from 'vitest';
import { type Columns, columnsOf } from '../test/columns.js';
import { fixture } from '../test/fixture.js';
import { Tokenizer } from './tokenizer.js';
import { toWellFormed } from './unicode.js';

type Json = Record<string, unknown>;
interface Components {
  texts: string[];
  normalizers: Record<string, { json: Json; cases: [number, string | null, number[] | null][] }>;
  preTokenizers: Record<string, { json: Json; cases: [number, [string, number, number][]][] }>;
  decoders: Record<string, { json: Json; cases: [string[], string][] }>;
}
const golden = fixture<Components>('components.json');
const nothing = {
  added_tokens: [],
  normalizer: null,
  pre_tokenizer: null,
  post_processor: null,
  decoder: null,
};
const anything = { type: 'WordLevel', vocab: { '?': 0 }, unk_token: '?' };

/** A tokenizer of one component, whose every piece is the unknown token. */
function alone(parts: Json): Tokenizer {
  return Tokenizer.fromJSON({
    version: '1.0',
    truncation: null,
    padding: null,
    ...nothing,
    model: anything,
    ...parts,
  });
}

describe('normalizers', () => {
  it.each(Object.entries(golden.normalizers))(
    '%s gives the text and offsets of Hugging Face',
    (_, { json, cases }) => {
      const tokenizer = alone({ normalizer: json, pre_tokenizer: { type: 'FixedLength', length: 1 } });
      expect((tokenizer.toJSON() as Json).normalizer).toEqual(json);
      for (const [index, normalized, offsets] of cases) {
        const text = golden.texts[index]!;
        expect(tokenizer.normalize(text)).toBe(normalized ?? text);
        if (!offsets) continue;
        const encoding = tokenizer.encode(text, { offsetUnit: 'codePoint' });
        expect([text, ...encoding.offsets]).toEqual([text, ...offsets]);
      }
    },
  );
});

describe('pre-tokenizers', () => {
  it.each(Object.entries(golden.preTokenizers))('%s cuts where Hugging Face cuts', (_, { json, cases }) => {
    const tokenizer = alone({ pre_tokenizer: json });
    expect((tokenizer.toJSON() as Json).pre_tokenizer).toEqual(json);
    for (const [index, pieces] of cases) {
      const text = golden.texts[index]!;
      expect(tokenizer.preTokenize(text)).toEqual(pieces.map(([piece]) => piece));
      const { offsets } = tokenizer.encode(text, { offsetUnit: 'codePoint' });
      expect([...offsets]).toEqual(pieces.flatMap(([, start, end]) => [start, end]));
    }
  });
});

describe('decoders', () => {
  it.each(Object.entries(golden.decoders))('%s joins tokens as Hugging Face', (name, { json, cases }) => {
    const { decoder } = alone({ decoder: json });
    const written = decoder!.toJSON() as Json;
    expect(name.startsWith('ByteLevel') ? written.type : written).toEqual(
      name.startsWith('ByteLevel') ? json.type : json,
    );
    for (const [tokens, text] of cases) expect(decoder!.decodeChain(tokens).join('')).toBe(text);
  });
});

interface Deep extends Columns {
  overflowing: Deep[];
}
interface Whole {
  windows: { max: number; stride: number; direction: string; ids: number[][] }[];
  tokenizer: Json;
  long: string;
  cases: (Columns & { text: string; decoded: string; decodedAll: string })[];
  shapes: {
    max: number;
    stride: number;
    strategy: string;
    direction: string;
    pair: string | null;
    result: Deep | null;
  }[];
}
const wholes = ['bert', 'unigram', 'llama', 'roberta', 'llama3', 'classic', 'words'].map((name) => ({
  name,
  ...fixture<Whole>(`whole-${name}.json`),
}));

describe.each(wholes)('the tokenizer $name', ({ tokenizer: json, cases, shapes, windows, long }) => {
  const tokenizer = Tokenizer.fromJSON(json);

  it('is written as it was read', () => {
    expect(JSON.parse(JSON.stringify(tokenizer.toJSON()))).toEqual(json);
  });

  it('encodes and decodes as Hugging Face', () => {
    for (const golden of cases) {
      const options = { allowedSpecial: 'all', offsetUnit: 'codePoint' } as const;
      const encoding = tokenizer.encode(golden.text, options);
      const { sequences: _sequences, ...columns } = columnsOf(encoding);
      const got = {
        text: golden.text,
        ...columns,
        decoded: tokenizer.decode(encoding.ids),
        decodedAll: tokenizer.decode(encoding.ids, { skipSpecialTokens: false }),
      };
      const { sequences: _, ...wanted } = golden;
      expect(got).toEqual(wanted);
      expect([...tokenizer.encodeIds(golden.text, options)]).toEqual(golden.ids);
      const stream = tokenizer.decodeStream();
      let streamed = '';
      for (const id of encoding.ids) streamed += stream.push(id);
      expect(streamed + stream.end()).toBe(golden.decoded);
    }
  });

  it('truncates, pairs and pads as Hugging Face', () => {
    for (const shape of shapes) {
      const capital = (name: string) =>
        name.replace(/(?:^|_)(\w)/g, (_, letter: string) => letter.toUpperCase());
      const direction = capital(shape.direction) as 'Left' | 'Right';
      const encode = () =>
        tokenizer.encode(long, {
          allowedSpecial: 'all',
          offsetUnit: 'codePoint',
          ...(shape.pair === null ? {} : { pair: shape.pair }),
          truncation: {
            maxLength: shape.max,
            stride: shape.stride,
            strategy: capital(shape.strategy) as never,
            direction,
          },
          padding: { length: 'longest', direction, padId: 1, padTypeId: 3, padToken: 'p', multipleOf: 8 },
        });
      if (!shape.result) {
        expect(encode).toThrow(expect.objectContaining({ code: 'E_OPTION' }));
        continue;
      }
      const encoding = encode();
      // With truncation on, the reference stops tokenizing early, so what overflows is incomplete there
      // and words are counted from the first that is left.
      const bare = ({ sequences: _, words: __, ...rest }: Columns): object => rest;
      const { result, ...given } = shape;
      const { overflowing: _, ...wanted } = result;
      expect([given, bare(columnsOf(encoding))]).toEqual([given, bare(wanted)]);
    }
  });

  it('gives all that overflows in windows', () => {
    for (const { max, stride, direction, ids } of windows) {
      const side = direction === 'left' ? 'Left' : 'Right';
      const truncation = { maxLength: max, stride, direction: side } as const;
      const options = { allowedSpecial: 'all', addSpecialTokens: false, truncation } as const;
      const encoding = tokenizer.encode(long, options);
      expect([encoding, ...encoding.overflowing].map((part) => [...part.ids])).toEqual(ids);
    }
  });

  it('keeps well-formed text of any kind within bounds', () => {
    for (const text of ['\ud800', 'a\udc00b', '\0']) {
      const encoding = tokenizer.encode(text);
      expect([...encoding.ids]).toEqual([...tokenizer.encode(toWellFormed(text)).ids]);
      for (const offset of encoding.offsets) expect(offset).toBeLessThanOrEqual(text.length);
    }
  });
});
