import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import * as tensorCore from '@inkstone/tensor-core';
import * as tokenizers from '@inkstone/tokenizer';
import ts from 'typescript';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as transformer from '../src/index.js';

// Runs every `@example` of the sources and the code of the README, in a folder of their own. A line
// `expression; // => value` asserts. Everything the packages export is in scope, and what `context` adds.
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

function examplesOf(source: string): string[] {
  return [...source.matchAll(/\/\*\*(?:(?!\*\/)[\s\S])*?@example\n([\s\S]*?)\*\//g)].map((match) =>
    match[1]!.replace(/^\s*\* ?/gm, '').replace(/\n@[\s\S]*/, ''),
  );
}

async function run(code: string): Promise<void> {
  const body = code
    .replace(/^import .*$/gm, '')
    .replace(/^(\s*)(.*); \/\/ => (.*)$/gm, '$1__expect($2).toEqual($3);');
  const { outputText } = ts.transpileModule(`async function example() {\n${body}\n}`, {
    compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext },
  });
  const scope = { ...tensorCore, ...tokenizers, ...transformer, ...context, __expect: expect };
  written = '';
  await new Function(...Object.keys(scope), `${outputText}; return example();`)(...Object.values(scope));
}

describe.skipIf(!present)(present ? 'examples' : 'examples: device cpu is not present, skipped', () => {
  const files = readdirSync(path.join(root, 'src'), { recursive: true, encoding: 'utf8' }).sort();
  for (const file of files.filter((f) => f.endsWith('.ts') && !f.endsWith('.test.ts')))
    for (const [i, code] of examplesOf(readFileSync(path.join(root, 'src', file), 'utf8')).entries())
      it(`${file} ${i + 1}`, () => run(code));

  it('README.md', async () => {
    const readme = readFileSync(path.join(root, 'README.md'), 'utf8');
    await run(/```ts\n([\s\S]*?)```/.exec(readme)![1]!);
    expect(written).toMatch(/^ ground on the stone, and the stone/);
  });
});
