import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import * as tensorCore from '@inkstone/tensor-core';
import * as tokenizers from '@inkstone/tokenizer';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { examplesOf, runExample } from '../../../tools/testing/examples.js';
import * as transformer from '../src/index.js';

// Runs the examples in a folder of their own. Everything the packages export is in scope, and what `context` adds.
const root = path.join(import.meta.dirname, '..');
const { Generator, GPT, savePretrained, tensor, trainBpe } = { ...tensorCore, ...transformer, ...tokenizers };
const present = tensorCore.deviceStatus().cpu.present;

let context: Record<string, unknown>;
let written: string;
const home = process.cwd();
const dir = mkdtempSync(path.join(tmpdir(), 'inkstone-examples-'));

beforeAll(async () => {
  if (!present) return;
  process.chdir(dir);
  const tokenizer = await trainBpe(['once upon a time there was a stone'], { vocabSize: 300 });
  const shape = { vocab_size: 300, n_positions: 64, n_embd: 8, n_layer: 2, n_head: 2 };
  const model = new GPT(shape, { generator: new Generator(1) });
  await savePretrained(model, 'my-model');
  const [ids, targets] = [
    [1, 2, 3, 4],
    [2, 3, 4, 5],
  ].map((row) => tensor(row, { shape: [1, 4], dtype: 'i32' }));
  const stdout = { write: (text: string) => (written += text) };
  context = { tokenizer, model, ids, targets, process: { stdout }, console: { log: stdout.write } };
});
afterAll(() => {
  process.chdir(home);
  rmSync(dir, { recursive: true });
});

describe.skipIf(!present)(present ? 'examples' : 'examples: device cpu is not present, skipped', () => {
  for (const example of examplesOf(root))
    it(example.name, async () => {
      written = '';
      await runExample(example, { ...tensorCore, ...tokenizers, ...transformer, ...context });
      if (example.name === 'README.md 1') expect(written).toMatch(/^ ground on the stone, and the stone/);
    });
});
