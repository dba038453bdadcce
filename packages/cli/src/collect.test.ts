import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { collect, readText, split } from './collect.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'inkstone-collect-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const put = (name: string, content: string | Uint8Array) => {
  const full = path.join(folder, name);
  mkdirSync(path.dirname(full), { recursive: true });
  writeFileSync(full, content);
  return full;
};
const names = async (paths: string[], options = {}) =>
  [...new Set((await collect(paths, options)).documents.map((d) => path.relative(folder, d.path)))].sort();

describe('collect', () => {
  it('takes text and leaves out binary files, hidden folders, links and nested node_modules', async () => {
    put('a.md', 'text');
    put('sub/b.txt', 'more');
    put('.git/c.md', 'hidden');
    put('node_modules/x/d.md', 'dependency');
    put('image.png', Uint8Array.of(137, 80, 78, 71, 0, 1));
    put('latin1.txt', Uint8Array.of(0x63, 0x61, 0x66, 0xe9));
    put('empty.txt', '');
    symlinkSync(folder, path.join(folder, 'loop'));
    const corpus = await collect([folder]);
    expect(await names([folder])).toEqual(['a.md', 'sub/b.txt']);
    expect(corpus).toMatchObject({ files: 2, bytes: 8, skipped: { binary: 2, duplicate: 0, overLimit: 0 } });
    expect(await names([path.join(folder, 'node_modules')])).toEqual(['node_modules/x/d.md']);
  });

  it('takes a file that is named, whatever it is called, and only the wanted endings of a folder', async () => {
    const named = put('notes', 'named');
    put('src/a.d.ts', 'types');
    put('src/a.ts', 'code');
    expect(await names([named, path.join(folder, 'src')], { include: ['.d.ts'] })).toEqual([
      'notes',
      'src/a.d.ts',
    ]);
  });

  it('takes equal text once', async () => {
    put('a.md', 'same');
    put('b.md', 'same');
    put('c.md', 'other');
    expect((await collect([folder])).skipped.duplicate).toBe(1);
  });

  it('keeps to a limit with the same sample each time', async () => {
    for (let i = 0; i < 50; i++) put(`${i}.md`, `text ${i} `.repeat(10));
    const some = await names([folder], { maxBytes: 1000 });
    expect(some.length).toBeGreaterThan(5);
    expect(some.length).toBeLessThan(15);
    expect(await names([folder], { maxBytes: 1000 })).toEqual(some);
    expect((await collect([folder], { maxBytes: 1000 })).skipped.overLimit).toBe(50 - some.length);
  });

  it('cuts long files at lines, loses nothing, and never cuts a character', async () => {
    const lines = `${'línea de texto, 文字 '.repeat(2000)}\n`.repeat(60);
    const one = `${'文'.repeat(700_000)}é`;
    put('lines.txt', lines);
    put('one.txt', one);
    const { documents } = await collect([folder]);
    for (const [name, text] of [
      ['lines.txt', lines],
      ['one.txt', one],
    ] as const) {
      const parts = documents.filter((d) => d.path.endsWith(name));
      expect(parts.length).toBeGreaterThan(1);
      expect(parts.map((d) => d.last)).toEqual(parts.map((_, i) => i === parts.length - 1));
      expect((await Promise.all(parts.map(readText))).join('') === text).toBe(true);
    }
  });

  it('tells what is wrong in one line', async () => {
    await expect(collect([path.join(folder, 'none')])).rejects.toThrow(
      /none: the data must be there and readable; received ENOENT; check the path/,
    );
    await expect(collect([folder])).rejects.toThrow('there must be text to train on; received no files');
    put('a.bin', Uint8Array.of(0, 1, 2));
    put('b.txt', '');
    await expect(collect([folder])).rejects.toMatchObject({
      code: 'E_DATA',
      message: expect.stringContaining('received 2 files, 1 of them binary and the rest empty'),
    });
    await expect(collect([folder], { include: ['.md', '.rst'] })).rejects.toThrow(
      'in files that end in .md or .rst; received no files',
    );
  });

  it('stops when asked to', async () => {
    put('a.md', 'text');
    await expect(collect([folder], { signal: AbortSignal.abort(new Error('enough')) })).rejects.toThrow(
      'enough',
    );
  });
});

describe('split', () => {
  it('holds about the share out, by content', async () => {
    for (let i = 0; i < 400; i++) put(`${i}.md`, `document number ${i}\n`);
    const { documents } = await collect([folder]);
    const { train, validation } = await split(documents, 0.1);
    expect(train.length + validation.length).toBe(400);
    expect(validation.length).toBeGreaterThan(15);
    expect(validation.length).toBeLessThan(75);
    const again = await split([...documents].reverse(), 0.1);
    expect(new Set(again.validation.map((d) => d.path))).toEqual(new Set(validation.map((d) => d.path)));
  });

  it.each([
    ['lines', 'one line of text\n'.repeat(100)],
    ['a single line', 'é'.repeat(500)],
  ])('holds the end of a single file of %s out', async (_, text) => {
    put('a.txt', text);
    const { documents } = await collect([folder]);
    const { train, validation } = await split(documents, 0.1);
    const head = await readText(train[0]!);
    const tail = await readText(validation[0]!);
    expect(head + tail).toBe(text);
    expect(tail.length / text.length).toBeGreaterThan(0.05);
    expect(tail.length / text.length).toBeLessThan(0.2);
    expect([train[0]!.last, validation[0]!.last]).toEqual([false, true]);
  });
});
