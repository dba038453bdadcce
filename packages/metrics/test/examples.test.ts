import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { describe, expect, test } from 'vitest';
import * as metrics from '../src/index.js';

/**
 * Runs every `@example` of the sources and every `ts` block of the README.
 * A line `expression; // => value` asserts; everything the package exports is in scope.
 */
const root = join(import.meta.dirname, '..');
const sources = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
  .sort();

function examplesOf(text: string): string[] {
  const found: string[] = [];
  for (const comment of text.match(/\/\*\*[\s\S]*?\*\//g) ?? []) {
    const lines = comment
      .replace(/\*\/$/, '')
      .split('\n')
      .map((line) => line.replace(/^\s*(\/\*\*|\*) ?/, ''));
    for (let i = 0; i < lines.length; i++) {
      if (!lines[i]!.startsWith('@example')) continue;
      const body: string[] = [];
      for (i++; i < lines.length && !lines[i]!.startsWith('@'); i++) body.push(lines[i]!);
      i--;
      found.push(body.join('\n'));
    }
  }
  return found;
}

const readmeBlocks = (text: string): string[] =>
  [...text.matchAll(/```ts\n([\s\S]*?)```/g)].map((match) => match[1]!);

async function run(code: string): Promise<number> {
  let assertions = 0;
  const body = code
    .replace(/^import .*$/gm, '')
    .split('\n')
    .map((line) => {
      const match = /^(\s*)(.*);\s*\/\/ => (.*)$/.exec(line);
      if (!match) return line;
      assertions++;
      return `${match[1]}__expect(${match[2]}).toEqual(${match[3]});`;
    })
    .join('\n');
  const { outputText } = ts.transpileModule(`async function __example() {\n${body}\n}`, {
    compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext },
  });
  const names = Object.keys(metrics);
  const make = new Function(...names, '__expect', `${outputText}; return __example();`);
  await make(...names.map((name) => (metrics as Record<string, unknown>)[name]), expect);
  return assertions;
}

describe('examples in docstrings', () => {
  for (const file of sources) {
    examplesOf(readFileSync(join(root, 'src', file), 'utf8')).forEach((code, i) => {
      test(`${file} #${i + 1}`, async () => {
        expect(await run(code)).toBeGreaterThan(0);
      });
    });
  }
});

test('examples in the README', async () => {
  const readme = join(root, 'README.md');
  for (const code of existsSync(readme) ? readmeBlocks(readFileSync(readme, 'utf8')) : []) {
    expect(await run(code), code).toBeGreaterThan(0);
  }
});

test('every export has a docstring', () => {
  const missing: string[] = [];
  for (const file of sources) {
    const lines = readFileSync(join(root, 'src', file), 'utf8').split('\n');
    lines.forEach((line, i) => {
      if (!/^export (abstract class|class|function|async function|const|interface|type) \w/.test(line))
        return;
      if (!lines[i - 1]?.trimEnd().endsWith('*/')) missing.push(`${file}:${i + 1} ${line.slice(0, 60)}`);
    });
  }
  expect(missing).toEqual([]);
});
