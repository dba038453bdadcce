// One measurement of the tokenizer, as a line of JSON: ranks | encode | words | train | unigram | worst. Run by tokenizer.mjs.
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const dist = new URL('../../packages/tokenizer/dist/', import.meta.url);
const { fromTiktoken, trainBpe, trainUnigram, ByteLevel, Split, PreTokenizerSequence } = await import(
  new URL('index.js', dist)
);
const { nativeObstacle, nativeTrainer, useNative } = await import(new URL('native.js', dist));
const [mode, ...args] = process.argv.slice(2);
const modes = { ranks, encode, words, train, unigram, worst };
console.log(JSON.stringify(await modes[mode](...args)));

/** Documents of about 4000 characters, cut at line breaks: what a data pipeline would encode. */
function documents(text) {
  const out = [];
  let from = 0;
  while (from < text.length) {
    const line = text.indexOf('\n', from + 4000);
    const to = line < 0 ? text.length : line + 1;
    // A slice would lean on the whole text; a copy is what a reader of documents has.
    out.push(Buffer.from(text.slice(from, to)).toString());
    from = to;
  }
  return out;
}

function read(list) {
  return list.split(',').flatMap((file) => documents(readFileSync(file, 'utf8')));
}

/** Trains a vocabulary on the texts and writes it as tiktoken ranks and as tokenizer.json. */
async function ranks(list, size, patternName, target, saved) {
  const { TIKTOKEN_ENCODINGS } = await import(new URL('index.js', dist));
  const { pattern } = TIKTOKEN_ENCODINGS[`${patternName}_base`];
  const preTokenizer = new PreTokenizerSequence([
    new Split({ Regex: pattern }, 'Isolated', false),
    new ByteLevel({ useRegex: false }),
  ]);
  const engine = nativeTrainer();
  const options = { vocabSize: Number(size), minFrequency: 1, specialTokens: [], preTokenizer, engine };
  const tokenizer = await trainBpe(read(list), options);
  const lines = Array.from({ length: tokenizer.vocabSize }, (_, id) => {
    const bytes = tokenizer.decodeBytes([id]);
    return `${Buffer.from(bytes).toString('base64')} ${id}`;
  });
  writeFileSync(target, lines.join('\n'));
  writeFileSync(saved, JSON.stringify(tokenizer));
  return { tokens: tokenizer.vocabSize };
}

function checksum(lists) {
  const hash = createHash('sha256');
  for (const ids of lists) hash.update(Buffer.from(Int32Array.from(ids).buffer));
  return hash.digest('hex').slice(0, 16);
}

async function encode(config) {
  const { file, ranks: ranksFile, pattern, peers } = JSON.parse(readFileSync(config, 'utf8'));
  const text = readFileSync(file, 'utf8');
  const bytes = Buffer.byteLength(text);
  const docs = documents(text);
  const ranksText = readFileSync(ranksFile, 'utf8');
  const plain = fromTiktoken(ranksText, { pattern, specialTokens: {} });
  const out = {};
  /** MB/s of the best of some runs; the first, where caches are empty, apart. */
  const time = (runs, f) => {
    const speeds = [];
    for (let i = 0; i < runs; i++) {
      const start = performance.now();
      f();
      speeds.push(bytes / 1e3 / (performance.now() - start));
    }
    return [speeds[0], Math.max(...speeds)];
  };
  const each = (f) => () => {
    for (const doc of docs) f(doc);
  };
  // Code is warm before the cold figure is taken: what is cold is the cache.
  const scout = useNative(plain, { threads: 1 });
  for (let i = 0; i < 3; i++) for (const doc of docs) scout.encodeIds(doc);
  const one = useNative(plain, { threads: 1 });
  const two = useNative(plain, { threads: 2 });
  const colds = Array.from({ length: 12 }, () => {
    const fresh = useNative(plain, { threads: 1 });
    global.gc();
    return time(
      1,
      each((doc) => fresh.encodeIds(doc)),
    )[0];
  });
  out.nativeCold = Math.max(...colds);
  // As often as it takes until memory is warm too: at first results lie where nothing has been, until the collector runs.
  [, out.nativeWarm] = time(
    60,
    each((doc) => one.encodeIds(doc)),
  );
  [, out.nativeOffsets] = time(
    20,
    each((doc) => one.encode(doc)),
  );
  // In turns, so that what else the machine does falls on both; some in a row, as a pipeline encodes.
  const batch = (tokenizer) => time(5, () => tokenizer.encodeIdsBatch(docs))[1];
  const batches = Array.from({ length: 20 }, () => [one, two].map(batch));
  [out.nativeBatch1, out.nativeBatch2] = [0, 1].map((which) => Math.max(...batches.map((row) => row[which])));
  [out.typescriptCold, out.typescript] = time(
    5,
    each((doc) => plain.encodeIds(doc)),
  );
  const ids = docs.map((doc) => one.encodeIds(doc));
  out.checksum = checksum(ids);
  if (checksum(two.encodeIdsBatch(docs)) !== out.checksum)
    throw new Error('batches differ from single texts');
  if (checksum(docs.map((doc) => plain.encodeIds(doc))) !== out.checksum)
    throw new Error('TypeScript differs');
  const decode = (tokenizer) => () => {
    for (const list of ids) tokenizer.decode(list);
  };
  [, out.nativeDecode] = time(7, decode(one));
  [, out.typescriptDecode] = time(5, decode(plain));
  if (peers) {
    const gpt = await gptTokenizer(peers, ranksText, pattern);
    const theirs = checksum(docs.map((doc) => gpt.encode(doc)));
    // Its expressions are JavaScript's: Unicode may differ, the work does not.
    out.gptTokenizerAgrees = theirs === out.checksum;
    [, out.gptTokenizer] = time(
      5,
      each((doc) => gpt.encode(doc)),
    );
    [, out.gptTokenizerDecode] = time(5, () => {
      for (const list of ids) gpt.decode(list);
    });
  }
  return out;
}

async function gptTokenizer(peers, ranksText, pattern) {
  const require = createRequire(path.join(peers, 'package.json'));
  const load = (name) => import(pathToFileURL(require.resolve(name)).href);
  const { GptEncoding } = await load('gpt-tokenizer/GptEncoding');
  const constants = await load('gpt-tokenizer/encodingParams/constants').catch(() => ({}));
  const own = pattern.includes('\\p{Lu}')
    ? constants.O200K_TOKEN_SPLIT_REGEX
    : pattern.includes('{1,3}')
      ? constants.CL100K_TOKEN_SPLIT_REGEX
      : constants.R50K_TOKEN_SPLIT_REGEX;
  // JavaScript has no possessive quantifiers; without them the same pieces are found.
  const regex =
    own ??
    new RegExp(
      pattern.replaceAll('++', '+').replaceAll('?+', '?').replaceAll('}+', '}').replaceAll('*+', '*'),
      'gu',
    );
  const decoder = ranksText.split('\n').map((line) => {
    const bytes = Buffer.from(line.split(' ')[0], 'base64');
    const string = bytes.toString('utf8');
    return Buffer.from(string).equals(bytes) ? string : [...bytes];
  });
  return new GptEncoding({
    bytePairRankDecoder: decoder,
    // It takes no empty list; the texts do not spell this one.
    specialTokensEncoder: new Map([['<|endoftext|>', decoder.length]]),
    tokenSplitRegex: regex,
  });
}

/**
 * WordPiece, cut as for BERT, or Unigram. Trains it on both texts and saves it, or with no size encodes with what is saved:
 * the first time, when no word is known, and later.
 */
async function words(kind, list, saved, size) {
  const { Tokenizer, trainWordPiece } = await import(new URL('index.js', dist));
  if (size !== undefined) {
    const options = { vocabSize: Number(size) };
    const tokenizer = await (kind === 'wordpiece' ? trainWordPiece : trainUnigram)(read(list), options);
    writeFileSync(saved, JSON.stringify(tokenizer));
    return { tokens: tokenizer.vocabSize };
  }
  const fresh = () => Tokenizer.fromJSON(JSON.parse(readFileSync(saved, 'utf8')));
  const docs = read(list);
  const bytes = Buffer.byteLength(readFileSync(list, 'utf8'));
  const encodeAll = (tokenizer) => docs.map((doc) => tokenizer.encodeIds(doc, { addSpecialTokens: false }));
  const speed = (tokenizer) => {
    const start = performance.now();
    encodeAll(tokenizer);
    return bytes / 1e3 / (performance.now() - start);
  };
  // Code is warm before the cold figure is taken.
  encodeAll(fresh());
  const tokenizer = fresh();
  const cold = speed(tokenizer);
  const warm = Math.max(...Array.from({ length: 5 }, () => speed(tokenizer)));
  const out = { cold, warm, checksum: checksum(encodeAll(tokenizer)) };
  if (nativeObstacle(tokenizer) !== undefined) return out;
  const native = useNative(fresh(), { threads: 1 });
  out.nativeCold = speed(native);
  out.nativeWarm = Math.max(...Array.from({ length: 5 }, () => speed(native)));
  if (checksum(encodeAll(native)) !== out.checksum) throw new Error('native ids differ');
  return out;
}

async function train(list, size) {
  const docs = read(list);
  global.gc();
  const start = performance.now();
  const engine = nativeTrainer();
  const tokenizer = await trainBpe(docs, { vocabSize: Number(size), specialTokens: [], engine });
  const seconds = (performance.now() - start) / 1e3;
  const { merges } = tokenizer.model.toJSON();
  const hash = createHash('sha256').update(merges.map((pair) => pair.join(' ')).join('\n'));
  return {
    seconds,
    peakMegabytes: process.resourceUsage().maxRSS / 1024,
    checksum: hash.digest('hex').slice(0, 16),
  };
}

/** In C++ by so many threads, or with none in TypeScript. */
async function unigram(list, size, threads) {
  const docs = read(list);
  global.gc();
  const start = performance.now();
  const engine = Number(threads) > 0 ? { engine: nativeTrainer({ threads: Number(threads) }) } : {};
  const tokenizer = await trainUnigram(docs, { vocabSize: Number(size), ...engine });
  const seconds = (performance.now() - start) / 1e3;
  const hash = createHash('sha256').update(JSON.stringify(tokenizer.model.toJSON()));
  return {
    seconds,
    peakMegabytes: process.resourceUsage().maxRSS / 1024,
    checksum: hash.digest('hex').slice(0, 16),
  };
}

/** Milliseconds for one text that no pattern cuts: when the process first meets one of that length, and later. */
async function worst(name, engine, length) {
  const corpus = Array.from(
    { length: 200 },
    (_, i) => `the ink stone ${i} aaaa    ^^^^ ${'='.repeat(i % 40)}`,
  );
  const plain = await trainBpe(corpus, { vocabSize: 600, specialTokens: [] });
  const tokenizer = engine === 'native' ? useNative(plain, { threads: 1 }) : plain;
  const line = (n) => {
    let seed = 1;
    const letters = Buffer.alloc(n);
    for (let i = 0; i < n; i++) {
      seed = (seed * 48271) % 2147483647;
      letters[i] = 'etaoinshrdlu'.charCodeAt(seed % 12);
    }
    return letters.toString();
  };
  const inputs = { a: (n) => 'a'.repeat(n), space: (n) => ' '.repeat(n), '^': (n) => '^'.repeat(n), line };
  // A copy, not a rope of one letter.
  const make = (n) => Buffer.from(inputs[name](n)).toString();
  const time = (text) => {
    global.gc();
    const start = performance.now();
    tokenizer.encodeIds(text);
    return Number((performance.now() - start).toFixed(1));
  };
  // Code is warm, memory is not.
  const short = make(20_000);
  for (let i = 0; i < 40; i++) tokenizer.encodeIds(short);
  const text = make(Number(length));
  const first = time(text);
  return { first, again: Math.min(time(text), time(text), time(text)) };
}
