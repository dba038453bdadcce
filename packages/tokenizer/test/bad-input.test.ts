import { mkdtempSync, openSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeBase64 } from '../src/base64.js';
import {
  fromSentencePiece,
  fromTiktoken,
  fromVocabAndMerges,
  fromVocabTxt,
  Tokenizer,
  TokenizerError,
} from '../src/index.js';
import { fixture } from './fixture.js';

// biome-ignore lint/suspicious/noExplicitAny: the tests below break this JSON on purpose
type Json = any;
const names = ['bert', 'unigram', 'llama', 'roberta', 'llama3', 'classic', 'words'];
const jsons: Json[] = names.map((name) => fixture<{ tokenizer: Json }>(`whole-${name}.json`).tokenizer);
const TEXT = 'The dog, 你好 e\u0301\u200d🙂 \0 12\t<s>';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'inkstone-bad-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Reads and uses a tokenizer; what goes wrong must be told by this package. */
function attempt(read: () => Tokenizer): void {
  try {
    const tokenizer = read();
    tokenizer.decode(tokenizer.encode(TEXT).ids);
    tokenizer.decode(tokenizer.encodeIds(TEXT, { allowedSpecial: 'all', pair: 'x' }));
    JSON.stringify(tokenizer.toJSON());
  } catch (error) {
    if (!(error instanceof TokenizerError)) throw error;
    expect(error.message).toMatch(/.+: .+; received .+; .+/s);
  }
}

describe('a tokenizer.json', () => {
  it('with any value in any place works or is refused', () => {
    const value = fc.oneof(
      fc.constantFrom<unknown>(
        null,
        true,
        '',
        'a',
        '▁',
        -1,
        0,
        1,
        1.5,
        1e20,
        [],
        {},
        [[]],
        ['a', 'b'],
        { String: 'a' },
        { Regex: '' },
      ),
      fc.constantFrom<unknown>(
        { type: 'Sequence' },
        { type: 'BPE' },
        { type: 'Fuse' },
        { type: 'Lowercase' },
        { type: 'Digits' },
      ),
    );
    fc.assert(
      fc.property(
        fc.constantFrom(...jsons),
        fc.array(fc.nat(1000), { minLength: 1, maxLength: 6 }),
        value,
        fc.boolean(),
        (json, turns, replacement, remove) => {
          const copy = structuredClone(json);
          let place = copy;
          for (const [i, turn] of turns.entries()) {
            const keys = Object.keys(place);
            if (keys.length === 0) break;
            const key = keys[turn % keys.length]!;
            if (i + 1 < turns.length && typeof place[key] === 'object' && place[key] !== null) {
              place = place[key];
              continue;
            }
            if (remove && !Array.isArray(place)) delete place[key];
            else place[key] = replacement;
            break;
          }
          attempt(() => Tokenizer.fromJSON(copy));
        },
      ),
      { numRuns: 1500 },
    );
  });

  it('cut short is named, wherever it is cut', async () => {
    const text = JSON.stringify(jsons[1]);
    const file = path.join(folder, 'tokenizer.json');
    for (let i = 0; i < 40; i++) {
      writeFileSync(file, text.slice(0, Math.floor((text.length * i) / 40)));
      await expect(Tokenizer.fromFile(file)).rejects.toMatchObject({
        code: 'E_FORMAT',
        subject: 'tokenizer.json',
      });
    }
  });

  it('longer than a string can be is an error, not a crash', async () => {
    const file = path.join(folder, 'huge.json');
    openSync(file, 'w');
    truncateSync(file, 3 * 2 ** 30);
    await expect(Tokenizer.fromFile(file)).rejects.toMatchObject({ code: 'E_FILE', subject: file });
  });

  it('whose bytes are no UTF-8 reads as with U+FFFD or is refused', async () => {
    const bytes = Buffer.from(JSON.stringify(jsons[0]));
    for (let i = 0; i < 20; i++) {
      const copy = Buffer.from(bytes);
      copy[Math.floor((copy.length * (i + 0.5)) / 20)] = 0xff;
      const file = path.join(folder, 'tokenizer.json');
      writeFileSync(file, copy);
      const read = await Tokenizer.fromFile(file).catch((error: unknown) => error);
      if (!(read instanceof Tokenizer)) expect(read).toBeInstanceOf(TokenizerError);
    }
  });

  it('with holes in its vocabulary knows which ids there are not', () => {
    const model = { type: 'WordLevel', vocab: { '?': 0, a: 2, b: 7 }, unk_token: '?' };
    const tokenizer = Tokenizer.fromJSON({
      version: '1.0',
      pre_tokenizer: { type: 'WhitespaceSplit' },
      model,
    });
    expect([...tokenizer.encodeIds('a b c')]).toEqual([2, 7, 0]);
    expect(tokenizer.vocabSize).toBe(8);
    expect(tokenizer.idToToken(3)).toBeUndefined();
    for (const id of [1, 3, 8, -1]) {
      const missing = expect.objectContaining({ code: 'E_VOCAB' });
      expect(() => tokenizer.decode([id])).toThrow(missing);
      expect(() => tokenizer.idsToTokens([id])).toThrow(missing);
      expect(() => tokenizer.decodeStream().push(id)).toThrow(missing);
    }
    expect((tokenizer.toJSON() as Json).model.vocab).toEqual(model.vocab);
  });

  it.each([
    [
      'that lead back to where they began',
      [
        ['a', ''],
        ['', 'a'],
      ],
      ['', 'a'],
    ],
    [
      'that make one token in two ways',
      [
        ['a', 'b'],
        ['ab', 'c'],
        ['b', 'c'],
        ['a', 'bc'],
      ],
      ['a', 'b', 'c', 'ab', 'bc', 'abc'],
    ],
    [
      'given twice',
      [
        ['a', 'b'],
        ['a', 'b'],
      ],
      ['a', 'b', 'ab'],
    ],
    [
      'of a token with itself',
      [
        ['a', 'a'],
        ['aa', 'aa'],
      ],
      ['a', 'aa', 'aaaa'],
    ],
  ])('with merges %s ends', (_, merges, tokens) => {
    const model = { type: 'BPE', merges, vocab: Object.fromEntries(tokens.map((token, id) => [token, id])) };
    const tokenizer = Tokenizer.fromJSON({ version: '1.0', model, decoder: { type: 'Fuse' } });
    const text = tokens.includes('b') ? 'abcabcab'.slice(0, tokens.includes('c') ? 8 : 2) : 'a'.repeat(1000);
    expect(tokenizer.decode(tokenizer.encodeIds(text))).toBe(text);
  });

  it('whose merges need tokens that there are not names the merge', () => {
    const model = { type: 'BPE', vocab: { a: 0, b: 1 }, merges: [['a', 'b']] };
    expect(() => Tokenizer.fromJSON({ version: '1.0', model })).toThrow(
      expect.objectContaining({ code: 'E_FORMAT', subject: 'model.merges[0]' }),
    );
  });
});

describe('other files', () => {
  const { models } = fixture<{ models: Record<string, { model: string }> }>('sentencepiece.json.gz');
  const bytes = Object.values(models).map(({ model }) => decodeBase64(model)!);

  it('of SentencePiece with any byte changed, or cut anywhere, work or are refused', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...bytes),
        fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
        fc.nat(255),
        fc.boolean(),
        (model, share, byte, cut) => {
          const at = Math.floor(share * model.length);
          const copy = cut ? model.slice(0, at) : model.slice();
          if (!cut) copy[at] = byte;
          attempt(() => fromSentencePiece(copy));
        },
      ),
      { numRuns: 150 },
    );
  });

  it('of text, whatever is in them, work or are refused', () => {
    const ranks = Array.from({ length: 256 }, (_, i) => `${Buffer.of(i).toString('base64')} ${i}`).join('\n');
    const line = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 8 }),
      fc.constantFrom('[UNK]', 'a b', 'a', '#version', 'YWE= 256', 'YWE= -1', '= 5'),
    );
    fc.assert(
      fc.property(fc.array(line, { maxLength: 12 }), (lines) => {
        const text = lines.join('\n');
        attempt(() => fromVocabTxt(`[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n${text}`));
        attempt(() => fromVocabTxt(text));
        attempt(() => fromVocabAndMerges(Object.fromEntries(lines.map((each, i) => [each, i])), text));
        attempt(() => fromTiktoken(`${ranks}\n${text}`, 'cl100k_base'));
      }),
      { numRuns: 200 },
    );
  });
});
