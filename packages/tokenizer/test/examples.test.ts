import { mkdtempSync, rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { loadAddon } from '@inkstone/native';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { examplesOf, runExample } from '../../../tools/testing/examples.js';
import { decodeBase64 } from '../src/base64.js';
import * as tokenizers from '../src/index.js';
import * as native from '../src/native.js';
import * as unicode from '../src/unicode.js';
import { fixture } from './fixture.js';

const root = path.join(import.meta.dirname, '..');
const { trainBpe } = tokenizers;
const home = process.cwd();
const dir = mkdtempSync(path.join(tmpdir(), 'inkstone-examples-'));
const sentencepiece = fixture<{ models: Record<string, { model: string }> }>('sentencepiece.json.gz');
const bytes = Array.from({ length: 256 }, (_, i) => `${Buffer.of(i).toString('base64')} ${i}`);
// What examples read from files: a model of SentencePiece, and ranks of single bytes in place of the long real ones.
const files: Record<string, unknown> = {
  'tokenizer.model': decodeBase64(Object.values(sentencepiece.models)[0]!.model)!,
  'cl100k_base.tiktoken': bytes.join('\n'),
};
let context: Record<string, unknown>;

beforeAll(async () => {
  process.chdir(dir);
  const chatTemplates = { default: '{% for m in messages %}{{ m.content }}{% endfor %}' };
  const tokenizer = (await trainBpe(['to be'], { vocabSize: 258 })).with({ config: { chatTemplates } });
  await tokenizer.save('my-model');
  await writeFile('corpus.txt', 'to be or not to be');
  context = {
    tokenizer,
    ids: tokenizer.encodeIds('to be'),
    readFile: async (name: string) => files[name],
    writeFile,
    process: { stdout: { write: () => true } },
    console: { log: () => undefined },
  };
});
afterAll(() => {
  process.chdir(home);
  rmSync(dir, { recursive: true });
});

let absent = '';
try {
  loadAddon();
} catch (error) {
  absent = (error as Error).message;
}

describe('examples', () => {
  for (const example of examplesOf(root)) {
    const lacking = absent !== '' && /useNative|nativeTrainer/.test(example.code);
    it.skipIf(lacking)(lacking ? `${example.name}, skipped: ${absent}` : example.name, async () => {
      await runExample(example, { ...unicode, ...tokenizers, ...native, ...context });
    });
  }
});
