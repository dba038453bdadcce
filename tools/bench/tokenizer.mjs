// npm run bench:tokenizer [encode-8192 encode-32768 encode-100000 encode-200000 words train unigram worst]: the tokenizer against
// tiktoken, Hugging Face tokenizers and SentencePiece (Python, INKSTONE_PYTHON) and gpt-tokenizer (npm;
// INKSTONE_TOKENIZER_PEERS is a folder that has it in node_modules), on the same text with the same vocabulary, in turns.
// The best of some rounds, for all of them: what else the machine does only ever takes time. Ids must agree with tiktoken's.
// Results go to bench/results/tokenizer.json; a part that is not asked for keeps its last result.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { findPython } from './python.mjs';
import { benchTexts, declarations } from './tokenizer_texts.mjs';

const root = path.dirname(path.dirname(path.dirname(fileURLToPath(import.meta.url))));
const here = (name) => path.join(root, 'tools', 'bench', name);
const dist = path.join(root, 'packages', 'tokenizer', 'dist', 'native.js');
const rounds = Number(process.env.INKSTONE_BENCH_ROUNDS ?? 3);
const asked = process.argv.slice(2);
if (!existsSync(dist)) {
  console.error('bench: build first: npm run build');
  process.exit(1);
}

const GPT2 = "'(?:[sdmt]|ll|ve|re)| ?\\p{L}++| ?\\p{N}++| ?[^\\s\\p{L}\\p{N}]++|\\s++$|\\s+(?!\\S)|\\s";
const CL100K =
  "'(?i:[sdmt]|ll|ve|re)|[^\\r\\n\\p{L}\\p{N}]?+\\p{L}++|\\p{N}{1,3}+| ?[^\\s\\p{L}\\p{N}]++[\\r\\n]*+|" +
  '\\s++$|\\s*[\\r\\n]|\\s+(?!\\S)|\\s';
const O200K = o200kPattern();
const vocabularies = [
  { size: 8192, pattern: GPT2, patternName: 'r50k' },
  { size: 32768, pattern: GPT2, patternName: 'r50k' },
  { size: 100000, pattern: CL100K, patternName: 'cl100k' },
  { size: 200000, pattern: O200K, patternName: 'o200k' },
];

const known = [...vocabularies.map(({ size }) => `encode-${size}`), 'words', 'train', 'unigram', 'worst'];
const unknown = asked.filter((part) => !known.includes(part));
if (unknown.length > 0) {
  console.error(`bench: no part ${unknown.join(' ')}; there are ${known.join(' ')}`);
  process.exit(1);
}
const parts = asked.length > 0 ? asked : known;

function o200kPattern() {
  const upper = '[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]';
  const lower = '[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]';
  const before = '[^\\r\\n\\p{L}\\p{N}]?';
  const after = "(?i:'s|'t|'re|'ve|'m|'ll|'d)?";
  return [
    `${before}${upper}*${lower}+${after}`,
    `${before}${upper}+${lower}*${after}`,
    '\\p{N}{1,3}',
    ' ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*',
    '\\s*[\\r\\n]+',
    '\\s+(?!\\S)',
    '\\s+',
  ].join('|');
}

const run = (file, args) =>
  JSON.parse(
    execFileSync(file, args, {
      cwd: root,
      encoding: 'utf8',
      maxBuffer: 1 << 28,
      env: { ...process.env, INKSTONE_THREADS: '2', RAYON_NUM_THREADS: '2', TOKENIZERS_PARALLELISM: 'true' },
    })
      .trim()
      .split('\n')
      .at(-1),
  );
const ours = (...args) => run(process.execPath, ['--expose-gc', here('tokenizer_ours.mjs'), ...args]);
const median = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];
/** Field by field over runs of the same shape: the least seconds, the median peak, and the most of what is a speed. */
const bests = (runs) =>
  Object.fromEntries(
    Object.keys(runs[0] ?? {}).map((key) => {
      const values = runs.map((r) => r[key]);
      const pick =
        key === 'seconds' ? Math.min : key === 'peakMegabytes' ? (...all) => median(all) : Math.max;
      return [key, typeof values[0] === 'number' ? Number(pick(...values).toFixed(3)) : values[0]];
    }),
  );
const ratio = (a, b) => (a && b ? Number((a / b).toFixed(2)) : null);
const git = (...args) => spawnSync('git', args, { cwd: root, encoding: 'utf8' }).stdout.trim();

const python = findPython('tiktoken', 'tokenizers', 'sentencepiece');
const peers = process.env.INKSTONE_TOKENIZER_PEERS ?? '';
const absent = [];
if (!python) absent.push('tiktoken, Hugging Face tokenizers and SentencePiece: set INKSTONE_PYTHON');
if (!peers) absent.push('gpt-tokenizer: set INKSTONE_TOKENIZER_PEERS');
for (const line of absent) console.log(`skipped: ${line}`);

const folder = mkdtempSync(path.join(os.tmpdir(), 'inkstone-bench-'));
const target = path.join(root, 'bench', 'results', 'tokenizer.json');
const results = existsSync(target) ? JSON.parse(readFileSync(target, 'utf8')) : {};
const goal = (name, value, least) => {
  const met = value !== null && value >= least;
  console.log(`${met ? 'met   ' : 'MISSED'} ${name}: ${value} (goal ${least})`);
  return { name, value, goal: least, met };
};

try {
  const save = ({ name, source, text }) => {
    const file = path.join(folder, `${name.replace(/ /g, '-')}.txt`);
    writeFileSync(file, text);
    return { name, source, file, bytes: Buffer.byteLength(text) };
  };
  const files = benchTexts(root).map(save);
  results.texts = files.map(({ file, ...rest }) => rest);
  for (const vocabulary of vocabularies) {
    const part = `encode-${vocabulary.size}`;
    if (parts.includes(part)) results[part] = encodeCases(files, vocabulary);
  }
  if (parts.includes('words'))
    results.words = ['wordpiece', 'unigram'].flatMap((kind) => wordCases(kind, [files[1], files[2]]));
  if (parts.includes('train'))
    results.train = [
      trainCase('English Markdown and Chinese', [files[0], files[2]]),
      trainCase('TypeScript declarations', [save(declarations(root))]),
    ];
  if (parts.includes('unigram')) results.unigram = unigramCase(files[1]);
  if (parts.includes('worst')) results.worst = worstCases();
  report();
} finally {
  rmSync(folder, { recursive: true });
}

function encodeCases(files, { size, pattern, patternName }) {
  const out = [];
  const ranks = path.join(folder, `${size}.ranks`);
  const saved = path.join(folder, `${size}.json`);
  const all = files.map((f) => f.file).join();
  const { tokens } = ours('ranks', all, String(size), patternName, ranks, saved);
  for (const { name, file, bytes } of files) {
    const config = path.join(folder, 'case.json');
    writeFileSync(config, JSON.stringify({ file, ranks, saved, pattern, peers }));
    const native = [];
    const other = [];
    for (let round = 0; round < rounds; round++) {
      native.push(ours('encode', config));
      if (python) other.push(run(python, [here('tokenizer_peers.py'), 'encode', config]));
    }
    const mine = bests(native);
    const theirs = bests(other);
    if (python && mine.checksum !== theirs.checksum)
      throw new Error(`${name}, ${size}: ids differ from tiktoken's`);
    out.push({
      text: name,
      bytes,
      tokens,
      pattern: patternName,
      mbPerSecond: { ...mine, ...theirs, checksum: undefined },
      ratios: {
        'native warm / tiktoken': ratio(mine.nativeWarm, theirs.tiktoken),
        'native cold / tiktoken': ratio(mine.nativeCold, theirs.tiktoken),
        'native warm / Hugging Face': ratio(mine.nativeWarm, theirs.huggingFace),
        'native decode / tiktoken decode': ratio(mine.nativeDecode, theirs.tiktokenDecode),
        'two threads / one': ratio(mine.nativeBatch2, mine.nativeBatch1),
        'TypeScript / gpt-tokenizer': ratio(mine.typescript, mine.gptTokenizer),
        'TypeScript / tiktoken': ratio(mine.typescript, theirs.tiktoken),
      },
    });
    console.log(name, tokens, patternName, JSON.stringify(out.at(-1).ratios));
  }
  return out;
}

/** Runs of ours, each with arguments of its own behind the others, and of the peers in turns, as the best of them. */
function inTurns(mode, args, names, variants = { inkstone: [] }) {
  const runs = [];
  for (let round = 0; round < rounds; round++) {
    const row = Object.fromEntries(
      Object.entries(variants).map(([key, more]) => [key, ours(mode, ...args, ...more)]),
    );
    if (python)
      for (const [key, peer] of Object.entries(names))
        row[key] = run(python, [here('tokenizer_peers.py'), peer, ...args]);
    runs.push(row);
  }
  return Object.fromEntries(Object.keys(runs[0]).map((key) => [key, bests(runs.map((row) => row[key]))]));
}

/** Models of words, in TypeScript against the Rust of Hugging Face. */
function wordCases(kind, files) {
  const saved = path.join(folder, `${kind}.json`);
  const { tokens } = ours('words', kind, files.map((f) => f.file).join(), saved, '16000');
  return files.map(({ name, bytes, file }) => {
    const { inkstone, huggingFace } = inTurns('words', [kind, file, saved], { huggingFace: 'words' });
    // Scores as read from JSON may differ there in the last bit, and settle ties of Unigram.
    const agrees = huggingFace && huggingFace.checksum === inkstone.checksum;
    if (huggingFace && !agrees && kind !== 'unigram')
      throw new Error(`${kind} on ${name}: ids differ from those of Hugging Face`);
    return {
      model: kind,
      text: name,
      bytes,
      tokens,
      huggingFaceAgrees: agrees,
      mbPerSecond: { ...inkstone, checksum: undefined, huggingFace: huggingFace?.warm },
      ratios: {
        'cold / Hugging Face': ratio(inkstone.cold, huggingFace?.warm),
        'warm / Hugging Face': ratio(inkstone.warm, huggingFace?.warm),
        'native cold / Hugging Face': ratio(inkstone.nativeCold, huggingFace?.warm),
        'native warm / Hugging Face': ratio(inkstone.nativeWarm, huggingFace?.warm),
      },
    };
  });
}

function trainCase(name, files) {
  const list = files.map((f) => f.file).join();
  const found = inTurns('train', [list, '32768'], { huggingFace: 'train' });
  const { inkstone, huggingFace } = found;
  if (huggingFace && inkstone.checksum !== huggingFace.checksum)
    throw new Error(`training on ${name}: merges differ from those of Hugging Face`);
  return {
    text: name,
    bytes: files.reduce((sum, { bytes }) => sum + bytes, 0),
    vocabulary: 32768,
    ...found,
    ratios: {
      'Hugging Face seconds / ours': ratio(huggingFace?.seconds, inkstone.seconds),
      'Hugging Face peak MB / ours': ratio(huggingFace?.peakMegabytes, inkstone.peakMegabytes),
    },
  };
}

function unigramCase({ name, bytes, file }) {
  const peersOf = { huggingFace: 'unigram_hf', sentencePiece: 'unigram_spm' };
  const variants = { inkstone: ['0'], native1: ['1'], native2: ['2'] };
  const found = inTurns('unigram', [file, '4000'], peersOf, variants);
  const { inkstone, native1, native2, huggingFace, sentencePiece } = found;
  if (native1.checksum !== inkstone.checksum || native2.checksum !== inkstone.checksum)
    throw new Error(`Unigram on ${name}: scores differ between TypeScript and C++`);
  return {
    text: name,
    bytes,
    vocabulary: 4000,
    ...found,
    ratios: {
      'Hugging Face seconds / ours': ratio(huggingFace?.seconds, inkstone.seconds),
      'SentencePiece seconds / ours': ratio(sentencePiece?.seconds, inkstone.seconds),
      'Hugging Face seconds / native': ratio(huggingFace?.seconds, native1.seconds),
      'SentencePiece seconds / native': ratio(sentencePiece?.seconds, native1.seconds),
      'TypeScript seconds / native': ratio(inkstone.seconds, native1.seconds),
      'one thread / two': ratio(native1.seconds, native2.seconds),
    },
  };
}

/**
 * Texts that no pattern cuts, doubling up to 10 million characters, in both ways: milliseconds of the first call in a process of
 * its own, where memory is the system's, and of the best of those that follow it. These find the memory of the one before if
 * malloc kept it, which it does for blocks up to some size: their ratios show that step too.
 */
function worstCases() {
  const lengths = [1_250_000, 2_500_000, 5_000_000, 10_000_000];
  const cases = ['a', 'space', '^', 'line'].flatMap((text) =>
    ['native', 'TypeScript'].map((engine) => ({ name: `${text}, ${engine}`, args: [text, engine] })),
  );
  const ratios = (times) => times.slice(1).map((t, i) => ratio(t, times[i]));
  return Object.fromEntries(
    cases.map(({ name, args }) => {
      const runs = [];
      const column = (key, some = runs) => lengths.map((_, i) => Math.min(...some.map((run) => run[i][key])));
      // Until three runs in a row have not made any time a fiftieth less, or for so long.
      const settled = () =>
        runs.length > 4 &&
        ['first', 'again'].every((key) => {
          const before = column(key, runs.slice(0, -3));
          return column(key).every((time, i) => time > 0.98 * before[i]);
        });
      while (!settled() && runs.length < 12)
        runs.push(lengths.map((length) => ours('worst', ...args, String(length))));
      const summary = (times) => ({
        milliseconds: Object.fromEntries(lengths.map((length, i) => [length, times[i]])),
        ratios: ratios(times),
        worstRatio: Math.max(...ratios(times)),
      });
      const out = { first: summary(column('first')), again: summary(column('again')) };
      console.log(name, runs.length, JSON.stringify({ first: out.first.ratios, again: out.again.ratios }));
      return [name, out];
    }),
  );
}

function report() {
  const goals = [];
  for (const c of vocabularies.flatMap(({ size }) => results[`encode-${size}`] ?? [])) {
    const name = `${c.text}, ${c.tokens} tokens (${c.pattern})`;
    const warm = c.text === 'Chinese' ? 5 : 10;
    goals.push(goal(`${name}: native warm / tiktoken`, c.ratios['native warm / tiktoken'], warm));
    goals.push(goal(`${name}: native cold / tiktoken`, c.ratios['native cold / tiktoken'], 4));
    goals.push(goal(`${name}: two threads / one`, c.ratios['two threads / one'], 1.8));
    goals.push(goal(`${name}: TypeScript / gpt-tokenizer`, c.ratios['TypeScript / gpt-tokenizer'], 2));
    goals.push(goal(`${name}: native decode MB/s`, c.mbPerSecond.nativeDecode, 200));
  }
  for (const { text, ratios } of results.train ?? []) {
    goals.push(
      goal(`training on ${text}, Hugging Face seconds / ours`, ratios['Hugging Face seconds / ours'], 5),
    );
    goals.push(
      goal(`training on ${text}, Hugging Face peak / ours`, ratios['Hugging Face peak MB / ours'], 1),
    );
  }
  if (results.unigram?.native1) {
    const { text, ratios } = results.unigram;
    const name = 'SentencePiece seconds / native';
    goals.push(goal(`Unigram on ${text}, ${name}`, ratios[name], 2));
  }
  for (const [name, { first, again }] of Object.entries(results.worst ?? {})) {
    goals.push(goal(`2.2 / worst ratio per doubling, ${name}`, ratio(2.2, first.worstRatio), 1));
    goals.push(goal(`2.2 / worst ratio per doubling, ${name}, again`, ratio(2.2, again.worstRatio), 1));
  }
  const machine = { cpu: os.cpus()[0]?.model, cores: os.availableParallelism(), node: process.version };
  mkdirSync(path.dirname(target), { recursive: true });
  const kept = Object.fromEntries(['texts', ...known].map((part) => [part, results[part]]));
  const all = { commit: git('rev-parse', '--short', 'HEAD'), machine, skipped: absent, goals, ...kept };
  writeFileSync(target, `${JSON.stringify(all, null, 2)}\n`);
}
