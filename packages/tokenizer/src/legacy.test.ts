import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fixture } from '../test/fixture.js';
import { decodeBase64 } from './base64.js';
import { fromVocabAndMerges, fromVocabTxt } from './legacy.js';
import { Tokenizer } from './tokenizer.js';

interface Saved {
  model: { vocab: Record<string, number>; merges: [string, string][] };
}
const gpt2 = fixture<Saved>('bpe-tokenizer.json');
const { cases } = fixture<{ cases: { text: string; ids: number[]; decoded: string }[] }>('bpe-encode.json');
const merges = `#version: 0.2\n${gpt2.model.merges.map((pair) => pair.join(' ')).join('\n')}\n`;
const bert = fixture<{ tokenizer: Saved; cases: { text: string; ids: number[] }[] }>('whole-bert.json');
const byId = Object.entries(bert.tokenizer.model.vocab).sort(([, a], [, b]) => a - b);
const vocabTxt = `${byId.map(([token]) => token).join('\n')}\n`;

/** No text of a fixture spells this one, whose flags a vocab.txt cannot hold. */
const plain = bert.cases.filter(({ text }) => !text.includes('[MASK]'));

let dir = '';
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'tokenizer-'));
});
afterEach(() => rm(dir, { recursive: true }));
const write = (name: string, content: string | Uint8Array) => writeFile(join(dir, name), content);

describe('vocab.json and merges.txt', () => {
  it('give the ids of the tokenizer.json they come from', async () => {
    const tokenizer = fromVocabAndMerges(gpt2.model.vocab, merges, ['<|endoftext|>', '<|pad|>']);
    for (const { text, ids } of cases) {
      expect([...tokenizer.encodeIds(text, { allowedSpecial: 'all' })]).toEqual(ids);
    }
    await write('vocab.json', JSON.stringify(gpt2.model.vocab));
    await write('merges.txt', merges.replaceAll('\n', '\r\n'));
    await write(
      'tokenizer_config.json',
      JSON.stringify({ eos_token: { content: '<|endoftext|>' }, model_max_length: 7 }),
    );
    const read = await Tokenizer.fromPretrained(dir);
    expect([...read.encodeIds('the dog')]).toEqual([...tokenizer.encodeIds('the dog')]);
    expect(read.config.roles).toEqual({ eos: '<|endoftext|>' });
  });

  it('name the line at fault', () => {
    const expected = expect.objectContaining({ code: 'E_FORMAT', subject: 'merges.txt, line 3' });
    expect(() => fromVocabAndMerges(gpt2.model.vocab, `#version: 0.2\nt h\nt h e\n`)).toThrow(expected);
    const special = expect.objectContaining({ code: 'E_FORMAT', subject: 'vocab' });
    expect(() => fromVocabAndMerges(gpt2.model.vocab, merges, ['<none>'])).toThrow(special);
  });
});

describe('vocab.txt', () => {
  it('gives the ids of the tokenizer.json it comes from', async () => {
    expect(plain.length).toBeGreaterThan(50);
    // The fixture cuts words at 30 characters, a vocab.txt at 100.
    const tokenizer = fromVocabTxt(vocabTxt);
    for (const { text, ids } of plain.filter((each) => !/[^\s]{31}/.test(each.text))) {
      expect([text, ...tokenizer.encodeIds(text)]).toEqual([text, ...ids]);
    }
    await write('vocab.txt', vocabTxt);
    expect((await Tokenizer.fromPretrained(dir)).vocabSize).toBe(byId.length);
  });

  it('names what is wrong', () => {
    const twice = expect.objectContaining({ code: 'E_FORMAT', subject: 'vocab.txt, line 4' });
    expect(() => fromVocabTxt('[UNK]\n[CLS]\n[SEP]\n[CLS]\n')).toThrow(twice);
    expect(() => fromVocabTxt('[UNK]\na\n')).toThrow(
      expect.objectContaining({ code: 'E_FORMAT', subject: 'vocab' }),
    );
  });
});

describe('folders', () => {
  it('may hold a SentencePiece model and a chat template of its own', async () => {
    const { models } = fixture<{ models: Record<string, { model: string }> }>('sentencepiece.json.gz');
    await write('tokenizer.model', decodeBase64(models.bpe!.model)!);
    await write('tokenizer_config.json', '{"chat_template": "old"}');
    await write('chat_template.jinja', 'new {{ messages[0].content }}');
    const tokenizer = await Tokenizer.fromPretrained(dir);
    expect(tokenizer.renderChat([{ role: 'user', content: 'x' }])).toBe('new x');
    expect(tokenizer.decode(tokenizer.encodeIds('the dog'))).toBe('the dog');
  });

  it('keep what a config says', async () => {
    const config = {
      chatTemplates: { default: 'a', tool_use: 'b' },
      roles: { pad: '<|pad|>' },
      other: { x: [1] },
    };
    await Tokenizer.fromJSON(gpt2).with({ config }).save(dir);
    const { config: read } = await Tokenizer.fromPretrained(dir);
    expect(read).toEqual({ ...config, other: { x: [1], tokenizer_class: 'PreTrainedTokenizerFast' } });
  });

  it('are refused when empty, missing or broken', async () => {
    await expect(Tokenizer.fromPretrained(dir)).rejects.toMatchObject({ code: 'E_FILE' });
    await expect(Tokenizer.fromPretrained(join(dir, 'none'))).rejects.toMatchObject({ code: 'E_FILE' });
    await write('tokenizer_config.json', '{"chat_template": 5}');
    const subject = 'tokenizer_config.json.chat_template';
    await expect(Tokenizer.fromPretrained(dir)).rejects.toMatchObject({ code: 'E_FORMAT', subject });
  });
});
