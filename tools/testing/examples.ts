import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import ts from 'typescript';
import { expect } from 'vitest';

/** Code that a package shows its readers. */
export interface Example {
  /** The file inside the package and the number of the example in it, such as `src/add.ts 1`. */
  readonly name: string;
  readonly file: string;
  readonly code: string;
}

// An address such as ann@example.org is no tag.
const TAG = /(?<=\s)@example(?=\s)/;

function docstringCode(source: string, file: string): string[] {
  const found = [...source.matchAll(/\/\*\*([\s\S]*?)\*\//g)].flatMap(([, comment]) =>
    comment!
      .replace(/^\s*\* ?/gm, '')
      .split(TAG)
      .slice(1)
      .map((part) => part.replace(/\n@[\s\S]*/, '').replace(/^```.*$/gm, '')),
  );
  // Nothing may be passed over, so a tag that is not in a docstring is an error.
  if (found.length !== source.split(TAG).length - 1)
    throw new Error(`${file}: every @example must be in a docstring`);
  return found;
}

const readmeCode = (text: string): string[] =>
  [...text.matchAll(/^```[jt]s\n([\s\S]*?)^```$/gm)].map((match) => match[1]!);

/**
 * Every `@example` in the sources of a package, and every `ts` and `js` block of its README.
 *
 * @param root the package's folder.
 * @example
 * for (const example of examplesOf(root)) it(example.name, () => runExample(example, { tensor }));
 */
export function examplesOf(root: string): Example[] {
  const sources = readdirSync(path.join(root, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
    .map((name) => `src/${name.replaceAll(path.sep, '/')}`)
    .sort();
  return [...sources, 'README.md'].flatMap((name) => {
    const file = path.join(root, name);
    const text = readFileSync(file, 'utf8');
    const found = name.endsWith('.ts') ? docstringCode(text, name) : readmeCode(text);
    return found.map((code, i) => ({ name: `${name} ${i + 1}`, file, code }));
  });
}

/**
 * Runs an example. In scope are the names given and, for a docstring, what its file exports; imports are dropped.
 * A line `expression; // => value` asserts that the two are equal.
 *
 * @returns how many lines assert.
 * @example
 * await runExample(example, { x: tensor([1, 2]) });
 */
export async function runExample({ file, code }: Example, names: object): Promise<number> {
  let assertions = 0;
  const body = code.replace(/^import\b[^;]*;$/gm, '').replace(/^(\s*)(.*); \/\/ => (.*)$/gm, (_, ...m) => {
    assertions++;
    return `${m[0]}__expect(${m[1]}).toEqual(${m[2]});`;
  });
  const { outputText } = ts.transpileModule(`async function example() {\n${body}\n}`, {
    compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext },
  });
  const own = file.endsWith('.ts') ? ((await import(/* @vite-ignore */ file)) as object) : {};
  const scope = { ...own, ...names, __expect: expect };
  await new Function(...Object.keys(scope), `${outputText}; return example();`)(...Object.values(scope));
  return assertions;
}
