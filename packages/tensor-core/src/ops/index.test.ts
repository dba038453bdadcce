import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { Tensor } from '../index.js';
import { native } from '../runtime.js';
import * as operations from './index.js';

const read = (file: string) => readFileSync(new URL(file, import.meta.url), 'utf8');

// `export { a, b } from './file.js';` for each operation's file.
const files = [...read('./index.ts').matchAll(/^export \{ (.*) \} from '\.\/(\w+)\.js';$/gm)].map(
  ([, names, file]) => ({ file: file!, names: names!.split(', ').filter((n) => !n.startsWith('type ')) }),
);

// Every `new Kernel('name', 'layout')` of the package's source.
function kernelsUsed(): { name: string; layout: string; file: string }[] {
  const source = new URL('../', import.meta.url);
  return readdirSync(source, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
    .flatMap((file) =>
      [
        ...readFileSync(new URL(file, source), 'utf8').matchAll(
          /new Kernel\(\s*'(\w+)',\s*'([^']*)',?\s*\)/g,
        ),
      ].map(([, name, layout]) => ({ name: name!, layout: layout!, file })),
    );
}

// Kernels whose name is put together where they are made: elementwise ops, and max and min.
const computed = new Set([
  ...Object.values(operations).map((f) => f.definition.name),
  ...['max', 'min'].map((n) => `reduce_${n}`),
]);

describe('the list of operations', () => {
  it('has a line for each name', () => {
    expect(files.flatMap((f) => f.names).sort()).toEqual(Object.keys(operations).sort());
  });

  it.each(files)('$file has a test beside it that names $names', ({ file, names }) => {
    const test = new URL(`./${file}.test.ts`, import.meta.url);
    expect(existsSync(test), `${file}.test.ts`).toBe(true);
    const text = readFileSync(test, 'utf8');
    for (const name of names) expect(text).toMatch(new RegExp(`\\b${name}\\b`));
  });

  it.each(Object.entries(operations))('%s has a frozen definition that says how it runs', (_, f) => {
    const { definition } = f;
    expect(Object.isFrozen(definition)).toBe(true);
    const ways = [definition.native, definition.view, definition.run, definition.compute].filter(Boolean);
    expect(ways).toHaveLength(1);
  });

  it.each(Object.keys(operations))('%s is a method', (name) => {
    expect(typeof Tensor.prototype[name as keyof Tensor]).toBe('function');
  });
});

describe('the kernels', () => {
  const there = new Map(native().kernels.map((k) => [k.name, k.layout]));

  it.each(kernelsUsed())('$name of $file has the attributes that the addon reads', ({ name, layout }) => {
    expect(there.get(name)).toBe(layout);
  });

  it('are all used by some operation', () => {
    const used = new Set([...computed, ...kernelsUsed().map((k) => k.name)]);
    expect([...there.keys()].filter((name) => !used.has(name))).toEqual([]);
  });
});
