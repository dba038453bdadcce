import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fixture } from '../test/fixture.js';
import { AddedTokens } from './added-tokens.js';
import { BYTE_TO_CHAR } from './byte-alphabet.js';
import { ByteLevel } from './pre-tokenizers/byte-level.js';
import { PreTokenizerSequence } from './pre-tokenizers/simple.js';
import { Tokenizer } from './tokenizer.js';

// biome-ignore lint/suspicious/noExplicitAny: the tests below break this JSON on purpose
type Json = any;
const json = fixture<Json>('bpe-tokenizer.json');
const golden = fixture<{
  cases: { text: string; ids: number[]; plain: number[]; decoded: string }[];
  cuts: { ids: number[]; decoded: string }[];
}>('bpe-encode.json');
const tokenizer = Tokenizer.fromJSON(json);

describe('byte-level BPE', () => {
  it.each(golden.cases)('encodes and decodes as Hugging Face: $text', ({ text, ids, plain, decoded }) => {
    expect([...tokenizer.encodeIds(text, { allowedSpecial: 'all' })]).toEqual(ids);
    expect([...tokenizer.encodeIds(text)]).toEqual(plain);
    expect([...tokenizer.encode(text).ids]).toEqual(plain);
    expect(tokenizer.decode(ids, { skipSpecialTokens: false })).toBe(decoded);
  });

  it('decodes cut characters as Hugging Face', () => {
    for (const { ids, decoded } of golden.cuts) expect(tokenizer.decode(ids)).toBe(decoded);
  });

  it('gives back every text, whole and as a stream', () => {
    const unit = fc.oneof(
      {
        weight: 3,
        arbitrary: fc.constantFrom(
          ..." \n\t'aestll<|>".split(''),
          '\0',
          '\u200d',
          '好',
          '🙂',
          '\ud800',
          '\udc00',
        ),
      },
      fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
    );
    fc.assert(
      fc.property(fc.array(unit, { maxLength: 80 }), (units) => {
        const text = units.join('');
        const well = (text as unknown as { toWellFormed(): string }).toWellFormed();
        const ids = tokenizer.encodeIds(text);
        expect(tokenizer.decode(ids)).toBe(well);
        const stream = tokenizer.decodeStream();
        let streamed = '';
        for (const id of ids) {
          const part = stream.push(id);
          streamed += part;
          expect(well.startsWith(streamed)).toBe(true);
        }
        expect(streamed + stream.end()).toBe(well);
      }),
      { numRuns: 500 },
    );
  });

  it('does not take special tokens from a text unless asked', () => {
    const text = 'a<|endoftext|>b<|pad|>';
    expect([...tokenizer.encodeIds(text)]).not.toContain(0);
    expect([...tokenizer.encodeIds(text, { allowedSpecial: 'all' })].filter((id) => id < 2)).toEqual([0, 1]);
    const one = [...tokenizer.encodeIds(text, { allowedSpecial: ['<|pad|>'] })];
    expect(one.filter((id) => id < 2)).toEqual([1]);
    expect(tokenizer.decode(one)).toBe('a<|endoftext|>b');
    expect(tokenizer.decode(one, { skipSpecialTokens: false })).toBe(text);
  });

  it('merges long pieces as it merges short ones cut from them', () => {
    // A run of one letter is one GPT-2 piece, so this goes through the heap; the scan is the reference.
    for (const piece of ['a'.repeat(3000), 'ab'.repeat(1000), '-'.repeat(999), '好'.repeat(500)]) {
      const ids = tokenizer.encodeIds(piece);
      expect(tokenizer.decode(ids)).toBe(piece);
      expect([...ids]).toEqual(slowEncode(piece));
    }
  });

  it('puts a space before the text as the pre-tokenizer does, the short way and the long one', () => {
    const spaced = new ByteLevel({ addPrefixSpace: true });
    const short = tokenizer.with({ preTokenizer: spaced });
    // A sequence says nothing of what its only part does.
    const long = tokenizer.with({ preTokenizer: new PreTokenizerSequence([spaced]) });
    const unit = fc.constantFrom(' ', '  ', 'the', 'a', '好', '🙂', '\ud83d', "'s", '\n', '<|endoftext|>');
    fc.assert(
      fc.property(
        fc.array(unit, { maxLength: 12 }),
        fc.constantFrom('none' as const, 'all' as const),
        (units, all) => {
          const text = units.join('');
          const options = { allowedSpecial: all };
          const expected = long.encode(text, options);
          expect(short.encode(text, options)).toEqual(expected);
          expect(short.encodeIds(text, options)).toEqual(expected.ids);
        },
      ),
      { numRuns: 500 },
    );
  });

  it('keeps its ids when the cache overflows', () => {
    const words = Array.from({ length: 70_000 }, (_, i) => ` ${i.toString(36)}x`).join('');
    const first = tokenizer.encodeIds(words);
    expect([...tokenizer.encodeIds(words)]).toEqual([...first]);
    expect(tokenizer.decode(first)).toBe(words);
  });

  it('decodes an added token to itself, whatever the byte alphabet makes of its characters', () => {
    const flags = { singleWord: false, lstrip: false, rstrip: false, normalized: false, special: false };
    const addedTokens = new AddedTokens(
      ['é', '中文'].map((content, i) => ({ id: 600 + i, content, ...flags })),
    );
    const extended = tokenizer.with({ addedTokens });
    const ids = extended.encodeIds('a é 中文!');
    expect([...ids].filter((id) => id >= 600)).toEqual([600, 601]);
    expect(extended.decode(ids)).toBe('a é 中文!');
  });

  it('names what does not exist', () => {
    for (const id of [tokenizer.vocabSize, -1, 1.5, Number.NaN]) {
      expect(() => tokenizer.decode([id])).toThrow(
        expect.objectContaining({ code: 'E_VOCAB', subject: 'ids' }),
      );
    }
    expect(tokenizer.tokenToId('nope')).toBeUndefined();
    expect(tokenizer.idToToken(-1)).toBeUndefined();
    expect(tokenizer.tokenToId('<|pad|>')).toBe(1);
    expect(tokenizer.idToToken(1)).toBe('<|pad|>');
  });
});

/** Merges by taking the lowest rank anew each time, over the tokens of the fixture. */
function slowEncode(piece: string): number[] {
  let symbols = Array.from(new TextEncoder().encode(piece), (byte) => BYTE_TO_CHAR[byte]!);
  for (const [left, right] of json.model.merges as [string, string][]) {
    const next: string[] = [];
    for (let i = 0; i < symbols.length; i++) {
      if (symbols[i] === left && symbols[i + 1] === right) next.push(left + symbols[++i]);
      else next.push(symbols[i]!);
    }
    symbols = next;
  }
  return symbols.map((token) => json.model.vocab[token]);
}

describe('files', () => {
  let dir = '';
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'tokenizer-'));
  });
  afterAll(() => rm(dir, { recursive: true }));

  it('saves what it reads, whole files only', async () => {
    await tokenizer.save(join(dir, 'model'));
    expect((await readdir(join(dir, 'model'))).sort()).toEqual(['tokenizer.json', 'tokenizer_config.json']);
    const saved = JSON.parse(await readFile(join(dir, 'model', 'tokenizer.json'), 'utf8'));
    expect(saved).toEqual({ ...json, post_processor: null });
    const again = await Tokenizer.fromPretrained(join(dir, 'model'));
    expect([...again.encodeIds('the dog')]).toEqual([...tokenizer.encodeIds('the dog')]);
    await tokenizer.save(join(dir, 'alone.json'));
    expect((await Tokenizer.fromFile(join(dir, 'alone.json'))).vocabSize).toBe(569);
  });

  it('says what is wrong with a file', async () => {
    await expect(Tokenizer.fromFile(join(dir, 'none.json'))).rejects.toMatchObject({ code: 'E_FILE' });
    await writeFile(join(dir, 'cut.json'), JSON.stringify(json).slice(0, 5000));
    await expect(Tokenizer.fromFile(join(dir, 'cut.json'))).rejects.toMatchObject({
      code: 'E_FORMAT',
      subject: 'cut.json',
    });
    await writeFile(join(dir, 'plain'), '');
    await expect(tokenizer.save(join(dir, 'plain', 'under'))).rejects.toMatchObject({ code: 'E_FILE' });
    await expect(tokenizer.save(join(dir, 'no', 'folder.json'))).rejects.toMatchObject({ code: 'E_FILE' });
  });
});

describe('broken tokenizer.json', () => {
  const broken = (edit: (copy: Json) => void) => {
    const copy = structuredClone(json);
    edit(copy);
    return () => Tokenizer.fromJSON(copy);
  };
  it.each<[string, (copy: Json) => void, string, string]>([
    ['unknown model', (c) => (c.model.type = 'Morse'), 'E_UNSUPPORTED', 'model.type'],
    ['unknown field', (c) => (c.model.shiny = 1), 'E_UNSUPPORTED', 'model.shiny'],
    ['unknown part', (c) => (c.translator = {}), 'E_UNSUPPORTED', 'tokenizer.translator'],
    ['dangling merge', (c) => (c.model.merges[3] = ['zz', 'q']), 'E_FORMAT', 'model.merges[3]'],
    ['merge of three', (c) => (c.model.merges[0] = 'a b c'), 'E_FORMAT', 'model.merges[0]'],
    ['no merges', (c) => (c.model.merges = null), 'E_FORMAT', 'model.merges'],
    ['vocab array', (c) => (c.model.vocab = []), 'E_FORMAT', 'model.vocab'],
    ['same id twice', (c) => (c.model.vocab.zz = 5), 'E_FORMAT', 'model.vocab'],
    ['negative id', (c) => (c.model.vocab.zz = -5), 'E_FORMAT', 'model.vocab'],
    ['huge id', (c) => (c.model.vocab.zz = 2 ** 40), 'E_FORMAT', 'model.vocab'],
    ['id as text', (c) => (c.model.vocab.zz = '5'), 'E_FORMAT', 'model.vocab'],
    ['dropout', (c) => (c.model.dropout = 2), 'E_FORMAT', 'model.dropout'],
    ['added token', (c) => delete c.added_tokens[0].content, 'E_FORMAT', 'added_tokens[0].content'],
    ['added twice', (c) => (c.added_tokens[1].id = 0), 'E_FORMAT', 'added_tokens'],
    ['flag', (c) => (c.added_tokens[1].special = 'yes'), 'E_FORMAT', 'added_tokens[1].special'],
    ['no model', (c) => delete c.model, 'E_FORMAT', 'model'],
  ])('%s', (_, edit, code, subject) => {
    expect(broken(edit)).toThrow(expect.objectContaining({ name: 'TokenizerError', code, subject }));
  });

  it.each([null, undefined, [], 'text', 5])('refuses %s', (value) => {
    expect(() => Tokenizer.fromJSON(value)).toThrow(expect.objectContaining({ code: 'E_FORMAT' }));
  });

  it('reads merges spelled as strings', () => {
    const copy = structuredClone(json);
    copy.model.merges = copy.model.merges.map((pair: string[]) => pair.join(' '));
    expect(Tokenizer.fromJSON(copy).toJSON()).toEqual(tokenizer.toJSON());
  });
});
