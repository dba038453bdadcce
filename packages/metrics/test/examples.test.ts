import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { examplesOf, runExample } from '../../../tools/testing/examples.js';
import * as metrics from '../src/index.js';

const root = join(import.meta.dirname, '..');
const sources = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
  .sort();

describe('examples: each asserts something', () => {
  for (const example of examplesOf(root))
    test(example.name, async () => {
      expect(await runExample(example, metrics)).toBeGreaterThan(0);
    });
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
