import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';

const root = path.join(import.meta.dirname, '..');
const readme = readFileSync(path.join(root, 'README.md'), 'utf8');
const rows = readme
  .split('## Features')[1]!
  .split('\n## ')[0]!
  .split('\n')
  .filter((line) => line.startsWith('|'))
  .slice(2)
  .map((line) => line.split('|').map((cell) => cell.trim()));

describe('the feature table', () => {
  it('has rows, each with a word for every library', () => {
    expect(rows.length).toBeGreaterThan(20);
    for (const row of rows)
      expect([row.length, row.slice(1, -1).every((cell) => cell !== '')]).toEqual([8, true]);
  });

  it.each(rows.map((row) => [row[1]!, row[2]!]))('backs "%s" by a test', (_, cell) => {
    const [, file, title] = /^\[yes\]\((\S+\.test\.ts) "([^"]+)"\)$/.exec(cell)!;
    const full = path.join(root, file!);
    expect(existsSync(full)).toBe(true);
    expect(readFileSync(full, 'utf8')).toContain(title);
  });
});
