import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { TokenFile, writeTokenFile } from '@inkstone/trainer';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseRunConfig } from './config.js';
import { prepare } from './prepare.js';
import { makeReporter } from './reporter.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'inkstone-prepare-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const put = (name: string, text: string) => {
  writeFileSync(path.join(folder, name), text);
  return path.join(folder, name);
};
const config = (extra: object) =>
  parseRunConfig({ out: path.join(folder, 'run'), steps: 1, tokenizer: { vocab: 300 }, ...extra });
const reporter = () => {
  const lines: string[] = [];
  return { lines, ...makeReporter({ write: (text) => lines.push(text) }) };
};
const all = (name: string) => {
  using file = TokenFile.open(name);
  const ids = new Int32Array(file.length);
  file.read(0, ids);
  return ids;
};

describe('prepare', () => {
  it('trains a tokenizer and writes token files that decode to the text', async () => {
    const text = 'the cat sat on the mat\n'.repeat(100);
    put('a.txt', text);
    const log = reporter();
    const data = await prepare(config({ data: { train: [path.join(folder, 'a.txt')] } }), log);
    expect(data.tokenizer.vocabSize).toBeLessThanOrEqual(300);
    const decoded = data.tokenizer.decode([...all(data.train), ...all(data.validation)]);
    expect(decoded).toBe(text);
    expect(data.tokenizer.decode(all(data.validation), { skipSpecialTokens: false })).toMatch(
      /<\|endoftext\|>$/,
    );
    using file = TokenFile.open(data.train);
    using held = TokenFile.open(data.validation);
    expect(file.textBytes + held.textBytes).toBe(text.length);
    expect(log.lines.map((line) => JSON.parse(line).event)).toEqual(['collected', 'tokenizer', 'encoded']);
  });

  it('uses what is there already', async () => {
    const source = put('a.txt', 'some words\n'.repeat(50));
    const run = config({ data: { train: [source] } });
    const first = await prepare(run, reporter());
    const ids = all(first.train);
    put('a.txt', 'other words\n'.repeat(50));
    const second = await prepare(run, reporter());
    expect(all(second.train)).toEqual(ids);
    expect(second.tokenizer.toJSON()).toEqual(first.tokenizer.toJSON());
  });

  it('takes a tokenizer and token files that were made elsewhere', async () => {
    const source = put('a.txt', 'some words\n'.repeat(50));
    await prepare(config({ data: { train: [source] } }), reporter());
    const tokenizer = path.join(folder, 'run', 'tokenizer.json');
    const train = path.join(folder, 'run/data/train.tokens');
    const validation = path.join(folder, 'run/data/validation.tokens');
    const files = { data: { train: [train], validation: [validation] }, out: path.join(folder, 'other') };
    const data = await prepare(config({ ...files, tokenizer: { file: tokenizer } }), reporter());
    expect(data.train).toBe(train);
    expect(existsSync(path.join(folder, 'other', 'tokenizer.json'))).toBe(true);
    rmSync(path.join(folder, 'other'), { recursive: true });

    await expect(prepare(config(files), reporter())).rejects.toThrow(
      'needs the tokenizer it was made with; received none',
    );
    await expect(
      prepare(config({ ...files, data: { train: [train] }, tokenizer: { file: tokenizer } }), reporter()),
    ).rejects.toThrow('needs a .tokens file to validate on');
    const large = path.join(folder, 'large.tokens');
    await writeTokenFile(large, { vocabSize: 9999 }, (sink) => sink.write([9998]));
    await expect(
      prepare(
        config({
          ...files,
          data: { train: [large], validation: [validation] },
          tokenizer: { file: tokenizer },
        }),
        reporter(),
      ),
    ).rejects.toThrow(/its vocabulary must be that of .*; received 9999/);
  });

  it('writes nothing when there is no text', async () => {
    await expect(prepare(config({ data: { train: [folder] } }), reporter())).rejects.toThrow(
      'there must be text to train on',
    );
    expect(readdirSync(folder)).toEqual([]);
  });
});
