import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { Tokenizer, trainBpe, trainUnigram } from '@inkstone/tokenizer';
import { Command } from 'commander';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Stopped } from '../errors.js';
import { fastTrainer } from '../fast-tokenizer.js';
import { analyse, bytesPerToken, scriptOf, tokensPerWord } from './analyse.js';
import { addTokenizerCommands } from './commands.js';
import { renderPage } from './page.js';
import { SAMPLES } from './samples.js';
import { stretches, terminalView } from './view.js';

const TEXT = 'the ink stone, the ink stick, 墨と硯 и чернила\n'.repeat(40);
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'inkstone-tokenizer-'));
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
});

const at = (name: string) => path.join(folder, name);
const put = (name: string, content: string) => {
  writeFileSync(at(name), content);
  return at(name);
};

async function run(
  args: string[],
  { stdin = '', isTTY = false, signal = new AbortController().signal } = {},
) {
  let stdout = '';
  const program = new Command().exitOverride().configureOutput({
    writeOut: (s) => {
      stdout += s;
    },
    writeErr: () => undefined,
  });
  addTokenizerCommands(program, {
    stdout: { isTTY, columns: 200, write: (s: string) => (stdout += s) },
    stderr: { write: () => undefined },
    stdin: Readable.from([stdin]),
    signal,
    name: 'npx inkstone',
  });
  let error: unknown;
  await program.parseAsync(['tokenizer', ...args], { from: 'user' }).catch((cause: unknown) => {
    error = cause;
  });
  const lines = () =>
    stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
  return { stdout, error, lines };
}

const trained = async () => {
  await run(['train', '--data', put('a.txt', TEXT), '--vocab', '300', '--out', at('t')]);
  return at('t');
};

describe('inkstone tokenizer train', () => {
  it.each([
    ['bpe', []],
    ['wordpiece', ['--min-frequency', '1']],
    ['unigram', ['--byte-fallback', '--coverage', '0.99']],
  ])('saves a %s tokenizer that works', async (model, extra) => {
    const args = [
      '--data',
      put('a.txt', TEXT),
      '--model',
      model,
      '--vocab',
      '310',
      '--out',
      at('out'),
      ...extra,
    ];
    const { error, lines } = await run(['train', ...args]);
    expect(error).toBeUndefined();
    expect(lines().map(({ event }) => event)).toEqual(['collected', 'finished']);
    const tokenizer = await Tokenizer.fromPretrained(at('out'));
    expect(lines().at(-1)).toEqual({
      event: 'finished',
      out: at('out'),
      model,
      vocabSize: tokenizer.vocabSize,
      engine: model === 'wordpiece' ? 'TypeScript' : fastTrainer().engine,
    });
    expect(tokenizer.decode(tokenizer.encodeIds('the ink stone'))).toBe('the ink stone');
  });

  it('takes its options', async () => {
    const args = [
      '--data',
      put('a.md', TEXT),
      '--include',
      '.md',
      '--special',
      '<a>',
      '<b>',
      '--out',
      at('t.json'),
    ];
    await run(['train', ...args, '--vocab', '300', '--max-word-length', '3']);
    const tokenizer = await Tokenizer.fromFile(at('t.json'));
    expect([tokenizer.tokenToId('<a>'), tokenizer.tokenToId('<b>')]).toEqual([0, 1]);
    expect(tokenizer.tokenToId('Ġink')).toBeUndefined();
    expect(tokenizer.tokenToId('the')).toBeDefined();
  });

  it('says which words had no room', async () => {
    const many = Array.from({ length: 60_000 }, (_, i) => `word${i} `).join('');
    const args = ['--data', put('a.txt', many), '--vocab', '270', '--memory', '1', '--out', at('t')];
    const { lines } = await run(['train', ...args]);
    expect(lines()[1]).toMatchObject({ event: 'dropped', highestCount: 1 });
  });

  it('saves nothing when stopped', async () => {
    const controller = new AbortController();
    controller.abort();
    const args = ['train', '--data', put('a.txt', TEXT), '--out', at('out')];
    const { error, lines } = await run(args, { signal: controller.signal });
    expect(error).toBeInstanceOf(Stopped);
    expect(lines()).toEqual([{ event: 'stopped' }]);
    expect(readdirSync(folder)).toEqual(['a.txt']);
  });

  it.each([
    [['--model', 'bpe', '--byte-fallback'], /--byte-fallback: it is for unigram; received --model bpe/],
    [['--model', 'unigram', '--min-frequency', '3'], /--min-frequency: it is for bpe and wordpiece/],
    [['--vocab', '10'], /vocabSize: must be an integer of at least 256/],
    [['--model', 'morse'], /Allowed choices are bpe, wordpiece, unigram/],
    [['--vocab', 'x'], /It must be a number/],
  ])('refuses %j', async (extra, message) => {
    const { error } = await run(['train', '--data', put('a.txt', TEXT), '--out', at('out'), ...extra]);
    expect((error as Error).message).toMatch(message);
    expect(existsSync(at('out'))).toBe(false);
  });
});

describe('inkstone tokenizer encode and decode', () => {
  it('go there and back', async () => {
    const tokenizer = await trained();
    const texts = ['the ink', '墨 🙂', ''];
    const { stdout, lines } = await run(['encode', tokenizer, '--lines'], {
      stdin: texts.join('\n').concat('\n'),
    });
    expect(lines()).toHaveLength(3);
    const [first] = lines();
    expect(first.tokens).toEqual(['the', 'Ġink']);
    expect(first.offsets).toEqual([
      [0, 3],
      [3, 7],
    ]);
    const back = await run(['decode', tokenizer], { stdin: stdout });
    expect(back.lines()).toEqual(texts.map((text) => ({ text })));
    const whole = await run(['encode', tokenizer], { stdin: 'the\nink\n' });
    const { ids } = whole.lines()[0];
    expect((await run(['decode', tokenizer, ...ids.map(String)])).lines()).toEqual([{ text: 'the\nink\n' }]);
    expect((await run(['decode', tokenizer, ids.join(',')], { isTTY: true })).stdout).toBe('the\nink\n\n');
    expect((await run(['encode', tokenizer, 'the ink'], { isTTY: true })).stdout).toBe(
      `${first.ids.join(' ')}\n`,
    );
    const points = await run(['encode', tokenizer, '🙂x', '--code-points']);
    expect(points.lines()[0].offsets.at(-1)).toEqual([1, 2]);
  });

  it('make no special token of text unless asked to', async () => {
    const tokenizer = await trained();
    const text = '<|endoftext|>';
    expect((await run(['encode', tokenizer, text])).lines()[0].ids.length).toBeGreaterThan(1);
    const { ids } = (await run(['encode', tokenizer, text, '--allow-special'])).lines()[0];
    expect(ids).toEqual([0]);
    expect((await run(['decode', tokenizer, '0'])).lines()).toEqual([{ text: '' }]);
    expect((await run(['decode', tokenizer, '0', '--keep-special'])).lines()).toEqual([{ text }]);
  });

  it.each([
    [['decode', 'T', 'x'], /ids: they must be whole numbers/],
    [['decode', 'T', '1.5'], /ids: they must be whole numbers/],
    [['decode', 'T', '{"ids":"a"}'], /ids: they must be whole numbers/],
    [['decode', 'T', '[1'], /ids: they must be whole numbers/],
    [['decode', 'T', '99999'], /every id exists/],
    [['encode', 'none.model', 'a'], /none.model: the file must be there/],
    [['encode', 'none', 'a'], /none: the folder can be read/],
    [['encode', '/x/morse.tiktoken', 'a'], /ENOENT|named after its encoding/],
  ])('refuse %j', async (args, message) => {
    const tokenizer = await trained();
    const { error } = await run(args.map((arg) => (arg === 'T' ? tokenizer : arg)));
    expect((error as Error).message).toMatch(message);
  });
});

describe('inkstone tokenizer inspect', () => {
  it('counts by text and script, and writes a page', async () => {
    const tokenizer = await trained();
    const { lines, error } = await run([
      'inspect',
      tokenizer,
      '--data',
      `mine=${at('a.txt')}`,
      '--out',
      at('p.html'),
    ]);
    expect(error).toBeUndefined();
    const [sample] = lines();
    expect(sample).toMatchObject({ event: 'sample', label: 'mine', characters: TEXT.length, unknown: 0 });
    expect(sample.bytes).toBe(Buffer.byteLength(TEXT));
    const scripts = lines().filter(({ event }) => event === 'script');
    expect(scripts.map(({ script }) => script).sort()).toEqual([
      'Common',
      'Cyrillic',
      'Han',
      'Hiragana',
      'Latin',
    ]);
    for (const key of ['tokens', 'bytes', 'characters'])
      expect(scripts.reduce((sum, row) => sum + row[key], 0)).toBe(sample[key]);
    expect(scripts.find(({ script }) => script === 'Latin')).toMatchObject({ words: 240 });
    expect(lines().at(-1)).toMatchObject({ event: 'finished', out: at('p.html') });
    expect(readFileSync(at('p.html'), 'utf8')).toContain('mine');
    expect(readdirSync(folder).sort()).toEqual(['a.txt', 'p.html', 't']);
  });

  it('shows a person coloured tokens and a table', async () => {
    vi.stubEnv('NO_COLOR', '');
    const tokenizer = await trained();
    const { stdout } = await run(['inspect', tokenizer, 'the ink', '--out', at('p.html')], { isTTY: true });
    expect(stdout).toContain('\x1b[30;48;5;153mthe\x1b[0m\x1b[30;48;5;222m ink\x1b[0m');
    expect(stdout).toMatch(/Latin +2 +1\.00 +3\.00/);
    expect(stdout).not.toContain('{"event"');
  });

  it('has samples of many languages', async () => {
    const { lines } = await run(['inspect', await trained(), '--out', at('p.html')]);
    expect(lines().filter(({ event }) => event === 'sample')).toHaveLength(SAMPLES.length);
  });

  it('writes no page when stopped', async () => {
    const tokenizer = await trained();
    const { error } = await run(['inspect', tokenizer, '--out', at('p.html')], {
      signal: AbortSignal.abort(),
    });
    expect(error).toBeInstanceOf(Stopped);
    expect(existsSync(at('p.html'))).toBe(false);
  });
});

describe('the view of tokens', () => {
  it('shows every character once, whatever the tokenizer', async () => {
    const tokenizers = [
      await trainBpe([TEXT], { vocabSize: 280 }),
      await trainUnigram([TEXT], { vocabSize: 320, byteFallback: true }),
      await trainUnigram([TEXT], { vocabSize: 60 }),
    ];
    const text = fc.string({ unit: 'grapheme', maxLength: 20 });
    fc.assert(
      fc.property(text, fc.constantFrom(...tokenizers), (given, tokenizer) => {
        const { tokens, total, scripts } = analyse(tokenizer, given);
        const shown = stretches(given, tokens);
        expect(shown.map((part) => part.text).join('')).toBe(given);
        expect(shown.filter(({ token }) => token)).toHaveLength(tokens.length);
        expect(total.bytes).toBe(Buffer.byteLength(given));
        let sum = 0;
        for (const { tokens: count } of scripts.values()) sum += count;
        expect(sum).toBe(tokens.length);
      }),
    );
  });

  it('gives every byte the script of its character', async () => {
    const tokenizer = await trainUnigram(['abc'], { vocabSize: 300, byteFallback: true });
    // The first token is the space before the text, which stands on its first character.
    const { scripts } = analyse(tokenizer, '字ひж');
    expect([...scripts].map(([name, { tokens }]) => [name, tokens])).toEqual([
      ['Han', 4],
      ['Hiragana', 3],
      ['Cyrillic', 2],
    ]);
  });

  it('lets no text steer a terminal', () => {
    const token = { id: 1, token: 'x', start: 0, end: 9, unknown: false };
    const view = terminalView('\x1b[2J\x07\u202e\x9b\n\t', [token], true);
    expect(view.split('\x1b[30;48;5;153m').join('').split('\x1b[0m').join('')).toBe(
      '␛[2J␇\ufffd\ufffd⏎\n⇥   ',
    );
    expect(terminalView('ab', [{ ...token, end: 1 }], false)).toBe('a|b');
  });

  it.each([
    ['a', 'Latin'],
    ['字', 'Han'],
    ['ー', 'Hiragana'],
    ['🙂', 'Emoji'],
    ['1', 'Common'],
    ['ߊ', 'Other'],
    ['ก', 'Thai'],
  ])('knows the script of %s', (char, script) => {
    expect(scriptOf(char)).toBe(script);
  });

  it('has no rates of nothing', () => {
    const none = { tokens: 0, words: 0, bytes: 0, characters: 0, unknown: 0 };
    expect([tokensPerWord(none), bytesPerToken(none)]).toEqual([Number.NaN, Number.NaN]);
  });
});

describe('the page', () => {
  const total = { tokens: 1, words: 1, bytes: 1, characters: 1, unknown: 1 };
  const page = (text: string) =>
    renderPage({
      title: text,
      facts: { [text]: text },
      scripts: new Map([[text, total]]),
      samples: [
        {
          label: text,
          total,
          text,
          tokens: [{ id: 7, token: text, start: 0, end: text.length, unknown: true }],
        },
      ],
    });

  it('reaches for nothing outside itself and knows both colour schemes', () => {
    const html = page('a');
    expect(html).toContain("default-src 'none'");
    expect(html).toContain('prefers-color-scheme: dark');
    expect(html).toContain('data-tip="7  a"');
    expect(html).not.toMatch(/<script|<(link|img|iframe)|url\(|@import/);
  });

  it('lets no text become markup', () => {
    const nasty = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom('</pre><script>x()', '"><b>', "'", '&lt;'),
    );
    fc.assert(
      fc.property(nasty, (text) => {
        for (const part of page(`§${text}§`).match(/§[^§]*§/g)!) expect(part).not.toMatch(/[<>"'\0]/);
      }),
    );
  });
});

describe('--help', () => {
  it.each(['train', 'encode', 'decode', 'inspect'])('of tokenizer %s has examples', async (command) => {
    const { stdout } = await run([command, '--help']);
    expect(
      stdout.split('\n').filter((line) => line.startsWith(`  npx inkstone tokenizer ${command} `)).length,
    ).toBeGreaterThan(2);
  });
});
