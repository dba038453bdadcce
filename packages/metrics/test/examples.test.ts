import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { examplesOf, runExample } from '../../../tools/testing/examples.js';
import * as metrics from '../src/index.js';
import { ACCUMULATORS } from './accumulators.js';

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

test('the configuration in the README is valid', () => {
  const blocks = [...readFileSync(join(root, 'README.md'), 'utf8').matchAll(/^```json\n([\s\S]*?)^```$/gm)];
  expect(blocks).toHaveLength(1);
  const { tasks } = metrics.parseEvaluationConfig(JSON.parse(blocks[0]![1]!));
  const names = tasks.flatMap((task) => task.metrics.map((m) => (typeof m === 'string' ? m : m.name)));
  for (const name of names) expect(metrics.TASK_METRICS).toHaveProperty(name);
});

/** The docstring right before an exported class or function. */
function docstringOf(name: string): string {
  const pattern = new RegExp(
    `/\\*\\*((?:(?!\\*/)[\\s\\S])*)\\*/\\s*export (?:abstract )?(?:class|(?:async )?function) ${name}\\b`,
  );
  for (const file of sources) {
    const found = pattern.exec(readFileSync(join(root, 'src', file), 'utf8'));
    if (found) return found[1]!.replace(/^\s*\* ?/gm, '');
  }
  throw new Error(`${name} has no docstring`);
}

test.each(
  Object.entries(metrics)
    .filter(([, value]) => typeof value === 'function')
    .map(([name]) => name),
)('%s has a runnable example', (name) => {
  expect(docstringOf(name)).toMatch(/^@example$/m);
});

/** Metrics that are functions of whole lists, beside the accumulators. */
const FUNCTIONS = [
  ...['rocCurve', 'precisionRecallCurve', 'rocAuc', 'averagePrecision', 'cohenKappa', 'bradleyTerry', 'elo'],
  ...['mcnemar', 'adjustPValues', 'clusteredStandardError', 'pairedBootstrap', 'approximateRandomization'],
  ...['wilsonInterval', 'jackknifeInterval', 'rollingWindows', 'judgeByRubric', 'judgePairs', 'porterStem'],
];

/** Either says so, or names an implementation that it equals or not. */
const COMPARED =
  /differ|sacrebleu|scikit|torchmetrics|NLTK|statsmodels|SciPy|pycocoevalcap|official script|\bHELM\b|Arena|\bthere\b/i;

// A mean is no one's invention.
test.each([...Object.keys(ACCUMULATORS).filter((name) => name !== 'Mean'), ...FUNCTIONS])(
  '%s cites its source and says where implementations differ',
  (name) => {
    const text = docstringOf(name).split('@example')[0]!;
    expect(text).toMatch(/\b(?:1[89]|20)\d\d\b/);
    expect(text).toMatch(COMPARED);
  },
);
