// Writes the tables of README.md, README.zh-CN.md and the tokenizer's README.md from what the benches left in bench/results.
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.dirname(path.dirname(path.dirname(fileURLToPath(import.meta.url))));
const result = (name) =>
  JSON.parse(readFileSync(path.join(root, 'bench', 'results', `${name}.json`), 'utf8'));
const number = (x) => x.toLocaleString('en-US', { maximumFractionDigits: x < 10 ? 2 : 0 });

// One of each kind; `npm run bench:kernels` prints them all.
const shownKernels = [
  'matmul: f32 2048x2048x2048 NN',
  'matmul: bf16 2048x2048x2048 NN',
  'matmul: int8 512x768x3072 NT',
  'attention: f32 4x12x1024x64 causal forward and backward',
  'attention: bf16 4x12x1024x64 causal forward and backward',
  'attention: bf16 decode of 1 position over 4096, 32 heads, 8 groups of 128',
  'generation: GPT-2 small, 16 sequences, packed weights',
  'rows: layerNorm 4096x768 forward and backward',
  'rows: crossEntropy 512x50257 forward and backward',
  'rows: adamw 4096x4096',
  'conv: conv2d 3x3, 8x64x56x56 forward and backward',
  'sampling: top-p 0.9, 1 x 150000',
];

function rows() {
  const { steps, smallOp, machine } = result('training');
  const torch = `PyTorch ${machine.torch.split('+')[0]}`;
  const training = steps.map((step) => [
    step.name,
    `${number(step.inkstone.tokensPerSecond)} tokens/s, ${number(step.inkstone.peakBytes / 1e6)} MB`,
    `${torch}: ${number(step.torch.tokensPerSecond)} tokens/s, ${number(step.torch.peakBytes / 1e6)} MB`,
    step.ratio,
  ]);
  const call = [
    'add of 16 floats, one call',
    `${number(smallOp.inkstoneMicroseconds)} µs`,
    `${torch}: ${number(smallOp.torchMicroseconds)} µs`,
    smallOp.torchMicroseconds / smallOp.inkstoneMicroseconds,
  ];
  const kernels = shownKernels.map((wanted) => {
    const { family, name, seconds, torchSeconds, ratio } = result('kernels').cases.find(
      (c) => `${c.family}: ${c.name}` === wanted,
    );
    return [
      `${family}: ${name}`,
      `${number(seconds * 1e3)} ms`,
      `${torch}: ${number(torchSeconds * 1e3)} ms`,
      ratio,
    ];
  });
  const timed = Object.entries(result('metrics').results).filter(([, r]) => r.wallRatioMedian);
  const metrics = timed.map(([name, { samples, wallSeconds, wallRatioMedian }]) => [
    `${name}, ${number(samples)} samples`,
    `${number(wallSeconds.ours)} s`,
    `Python: ${number(wallSeconds.peer)} s`,
    wallRatioMedian,
  ]);
  const { 'encode-32768': encode, train } = result('tokenizer');
  const encoding = encode.map(({ text, tokens, mbPerSecond: { nativeWarm, tiktoken } }) => [
    `encoding, ${text}, ${number(tokens)} tokens`,
    `${number(nativeWarm)} MB/s`,
    `tiktoken: ${number(tiktoken)} MB/s`,
    nativeWarm / tiktoken,
  ]);
  const trained = train.map(({ text, bytes, vocabulary, inkstone, huggingFace }) => [
    `BPE of ${number(vocabulary)} tokens, ${number(bytes / 1e6)} MB of ${text}`,
    `${number(inkstone.seconds)} s, ${number(inkstone.peakMegabytes)} MB`,
    `Hugging Face: ${number(huggingFace.seconds)} s, ${number(huggingFace.peakMegabytes)} MB`,
    huggingFace.seconds / inkstone.seconds,
  ]);
  return [...training, call, ...kernels, ...metrics, ...encoding, ...trained];
}

/** How many times faster than its peers the tokenizer is, by text and vocabulary. */
function tokenizerTable() {
  const results = result('tokenizer');
  const ratios = [
    ['warm', 'native warm / tiktoken'],
    ['cold', 'native cold / tiktoken'],
    ['warm, of Hugging Face', 'native warm / Hugging Face'],
    ['decoding', 'native decode / tiktoken decode'],
    ['two threads of one', 'two threads / one'],
    ['TypeScript, of gpt-tokenizer', 'TypeScript / gpt-tokenizer'],
  ];
  const body = Object.keys(results)
    .filter((part) => part.startsWith('encode-'))
    .flatMap((part) => results[part])
    .map((c) => [
      `${c.text}, ${number(c.tokens)} tokens`,
      ...ratios.map(([, key]) => c.ratios[key].toFixed(1)),
    ]);
  return lines([['', ...ratios.map(([name]) => name)], ['---', ...ratios.map(() => '---:')], ...body]);
}

const lines = (cells) => cells.map((row) => `| ${row.join(' | ')} |`).join('\n');

const table = (head) =>
  lines([
    head,
    ['---', '---', '---', '---:'],
    ...rows().map((row) => [...row.slice(0, 3), `${row[3].toFixed(row[3] < 2 ? 2 : 1)}x`]),
  ]);

for (const [file, content] of [
  ['README.md', table(['work', 'Inkstone', 'peer', 'times as fast'])],
  ['README.zh-CN.md', table(['工作', 'Inkstone', '对照', '速度之比'])],
  ['packages/tokenizer/README.md', tokenizerTable()],
]) {
  const at = path.join(root, file);
  const text = readFileSync(at, 'utf8');
  const [begin, end] = ['<!-- bench -->', '<!-- /bench -->'];
  if (!text.includes(begin) || !text.includes(end)) throw new Error(`${file}: expected ${begin} and ${end}`);
  const [before, rest] = text.split(begin);
  writeFileSync(at, `${before}${begin}\n\n${content}\n\n${end}${rest.split(end)[1]}`);
}
