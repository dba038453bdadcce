// npm run bench:tokenizer [encode] [train] [worst]: the tokenizer against tiktoken and Hugging Face tokenizers (Python,
// INKSTONE_PYTHON) and gpt-tokenizer (npm; INKSTONE_TOKENIZER_PEERS is a folder that has it in node_modules), on the same
// text with the same vocabulary, in turns. Medians over rounds; ids must agree with tiktoken's before anything is timed.
// Results go to bench/results/tokenizer.json; a part that is not asked for keeps its last result.
import { execFileSync, spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { findPython } from './python.mjs';

const root = path.dirname(path.dirname(path.dirname(fileURLToPath(import.meta.url))));
const here = (name) => path.join(root, 'tools', 'bench', name);
const dist = path.join(root, 'packages', 'tokenizer', 'dist', 'native.js');
const rounds = Number(process.env.INKSTONE_BENCH_ROUNDS ?? 3);
const asked = process.argv.slice(2);
const parts = asked.length > 0 ? asked : ['encode', 'train', 'worst'];
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

/** Text that the development dependencies bring along: nothing has to be fetched, and nothing is said twice. */
function texts() {
  const modules = path.join(root, 'node_modules');
  const names = readdirSync(modules, { recursive: true, encoding: 'utf8' }).filter((name) =>
    /\.md$/i.test(name),
  );
  const markdown = (test) =>
    names
      .sort()
      .filter(test)
      .map((name) => readFileSync(path.join(modules, name), 'utf8'));
  const english = markdown((name) => !/zh-/.test(name));
  const chinese = ['zh-cn', 'zh-tw'].flatMap((tag) =>
    Object.values(
      JSON.parse(
        readFileSync(
          path.join(modules, 'typescript', 'lib', tag, 'diagnosticMessages.generated.json'),
          'utf8',
        ),
      ),
    ),
  );
  chinese.push(...markdown((name) => /README\.zh-/.test(name)));
  const own = process.env.INKSTONE_BENCH_CHINESE;
  return {
    'English Markdown of the development dependencies': english.join('\n'),
    'Chinese messages of TypeScript and Markdown': own ? readFileSync(own, 'utf8') : chinese.join('\n'),
  };
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
/** Medians field by field over runs of the same shape. */
const medians = (runs) =>
  Object.fromEntries(
    Object.keys(runs[0] ?? {}).map((key) => {
      const values = runs.map((r) => r[key]);
      return [key, typeof values[0] === 'number' ? Number(median(values).toFixed(3)) : values[0]];
    }),
  );
const ratio = (a, b) => (a && b ? Number((a / b).toFixed(2)) : null);
const git = (...args) => spawnSync('git', args, { cwd: root, encoding: 'utf8' }).stdout.trim();

const python = findPython('tiktoken', 'tokenizers');
const peers = process.env.INKSTONE_TOKENIZER_PEERS ?? '';
const absent = [];
if (!python) absent.push('tiktoken and Hugging Face tokenizers: set INKSTONE_PYTHON');
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
  const files = Object.entries(texts()).map(([name, text], i) => {
    const file = path.join(folder, `text${i}.txt`);
    writeFileSync(file, text.toWellFormed());
    return { name, file, bytes: Buffer.byteLength(text) };
  });
  if (parts.includes('encode')) results.encode = encodeCases(files);
  if (parts.includes('train')) results.train = trainCase(files);
  if (parts.includes('worst')) results.worst = ours('worst');
  report();
} finally {
  rmSync(folder, { recursive: true });
}

function encodeCases(files) {
  const out = [];
  for (const { size, pattern, patternName } of vocabularies) {
    for (const { name, file, bytes } of files) {
      const ranks = path.join(folder, `ranks-${size}-${path.basename(file)}`);
      const { tokens } = ours('ranks', files.map((f) => f.file).join(), String(size), patternName, ranks);
      const config = path.join(folder, 'case.json');
      writeFileSync(config, JSON.stringify({ file, ranks, pattern, peers }));
      const native = [];
      const other = [];
      for (let round = 0; round < rounds; round++) {
        native.push(ours('encode', config));
        if (python) other.push(run(python, [here('tokenizer_peers.py'), 'encode', config]));
      }
      const mine = medians(native);
      const theirs = medians(other);
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
          'native decode / tiktoken decode': ratio(mine.nativeDecode, theirs.tiktokenDecode),
          'two threads / one': ratio(mine.nativeBatch2, mine.nativeBatch1),
          'TypeScript / gpt-tokenizer': ratio(mine.typescript, mine.gptTokenizer),
          'TypeScript / tiktoken': ratio(mine.typescript, theirs.tiktoken),
        },
      });
      console.log(name, tokens, patternName, JSON.stringify(out.at(-1).ratios));
    }
  }
  return out;
}

function trainCase(files) {
  const list = files.map((f) => f.file).join();
  const mine = [];
  const theirs = [];
  for (let round = 0; round < rounds; round++) {
    mine.push(ours('train', list, '32768'));
    if (python) theirs.push(run(python, [here('tokenizer_peers.py'), 'train', list, '32768']));
  }
  const a = medians(mine);
  const b = medians(theirs);
  if (python && a.checksum !== b.checksum)
    throw new Error('training: merges differ from those of Hugging Face');
  return {
    vocabulary: 32768,
    inkstone: a,
    huggingFace: b,
    ratios: {
      'Hugging Face seconds / ours': ratio(b.seconds, a.seconds),
      'Hugging Face peak MB / ours': ratio(b.peakMegabytes, a.peakMegabytes),
    },
  };
}

function report() {
  const goals = [];
  for (const c of results.encode ?? []) {
    const name = `${c.text}, ${c.tokens} tokens (${c.pattern})`;
    const chinese = c.text.startsWith('Chinese');
    goals.push(goal(`${name}: native warm / tiktoken`, c.ratios['native warm / tiktoken'], chinese ? 5 : 10));
    goals.push(goal(`${name}: native cold / tiktoken`, c.ratios['native cold / tiktoken'], chinese ? 5 : 4));
    goals.push(goal(`${name}: two threads / one`, c.ratios['two threads / one'], 1.8));
    goals.push(goal(`${name}: TypeScript / gpt-tokenizer`, c.ratios['TypeScript / gpt-tokenizer'], 2));
    goals.push(goal(`${name}: native decode MB/s`, c.mbPerSecond.nativeDecode, 200));
  }
  if (results.train) {
    goals.push(
      goal('training, Hugging Face seconds / ours', results.train.ratios['Hugging Face seconds / ours'], 5),
    );
    goals.push(
      goal('training, Hugging Face peak / ours', results.train.ratios['Hugging Face peak MB / ours'], 1),
    );
  }
  for (const [name, { worstRatio }] of Object.entries(results.worst ?? {}))
    goals.push(goal(`2.2 / worst ratio per doubling, ${name}`, ratio(2.2, worstRatio), 1));
  const machine = { cpu: os.cpus()[0]?.model, cores: os.availableParallelism(), node: process.version };
  mkdirSync(path.dirname(target), { recursive: true });
  const { encode, train, worst } = results;
  const all = {
    commit: git('rev-parse', '--short', 'HEAD'),
    machine,
    skipped: absent,
    goals,
    encode,
    train,
    worst,
  };
  writeFileSync(target, `${JSON.stringify(all, null, 2)}\n`);
}
