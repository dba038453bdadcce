// What the tokenizer's bench reads: text that the development dependencies bring along. Nothing has to be fetched and
// nothing is said twice. INKSTONE_BENCH_CHINESE and INKSTONE_BENCH_ENGLISH name longer texts, the latter in Markdown.
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

/** Texts with a name and a word on where they come from. */
export function benchTexts(root) {
  const modules = path.join(root, 'node_modules');
  const names = packageFiles(modules);
  const read = (test) =>
    names.filter((name) => test.test(name)).map((name) => readFileSync(path.join(modules, name), 'utf8'));
  const markdown = read(/(?<!zh-\w*)\.md$/i).join('\n');
  const messages = ['zh-cn', 'zh-tw'].flatMap((tag) =>
    Object.values(
      JSON.parse(
        readFileSync(
          path.join(modules, 'typescript', 'lib', tag, 'diagnosticMessages.generated.json'),
          'utf8',
        ),
      ),
    ),
  );
  const given = (name) => process.env[name] && readFileSync(process.env[name], 'utf8');
  const own = (name) => `the file of ${name}: real text, nothing repeated`;
  const chinese = given('INKSTONE_BENCH_CHINESE');
  const english = given('INKSTONE_BENCH_ENGLISH');
  return [
    { name: 'English Markdown', source: 'Markdown of the development dependencies', text: markdown },
    {
      name: 'English prose',
      source: english ? own('INKSTONE_BENCH_ENGLISH') : 'paragraphs of the same Markdown',
      text: paragraphs(english || markdown),
    },
    {
      name: 'Chinese',
      source: chinese
        ? own('INKSTONE_BENCH_CHINESE')
        : 'messages of TypeScript and Markdown of the development dependencies',
      text: chinese || [...messages, ...read(/README\.zh-.*\.md$/)].join('\n'),
    },
  ].map(({ text, ...rest }) => ({ ...rest, text: text.toWellFormed() }));
}

/** Files of all packages but this repository's own, sorted. */
function packageFiles(modules) {
  return readdirSync(modules, { recursive: true, encoding: 'utf8' })
    .filter((name) => !name.startsWith('@inkstone'))
    .sort();
}

/** Declarations of the development dependencies: a larger text to train on. */
export function declarations(root) {
  const modules = path.join(root, 'node_modules');
  const text = packageFiles(modules)
    .filter((name) => /\.d\.ts$/.test(name))
    .map((name) => readFileSync(path.join(modules, name), 'utf8'))
    .join('\n');
  return { name: 'TypeScript', source: 'declarations of the development dependencies', text };
}

/** The paragraphs: lines of words, without code, tables and headings, and without their marks and links. */
function paragraphs(markdown) {
  let fenced = false;
  const lines = [];
  for (const line of markdown.split('\n')) {
    if (/^\s*(```|~~~)/.test(line)) fenced = !fenced;
    if (fenced || /^\s*[|#<]|^ {4}|^\t/.test(line)) continue;
    const text = line
      .replace(/!?\[([^\]]*)\](\([^)]*\)|\[[^\]]*\])/g, '$1')
      .replace(/<[^>]*>|https?:\S+|[`*_]/g, '')
      .replace(/^\s*([-+]|\d+\.)\s+/, '');
    const letters = text.match(/[A-Za-z ]/g)?.length ?? 0;
    if (text.length > 40 && letters > 0.9 * text.length) lines.push(text);
  }
  return lines.join('\n');
}
