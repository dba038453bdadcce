// Writes the tables of README.md and README.zh-CN.md from what the benches left in bench/results.
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.dirname(path.dirname(path.dirname(fileURLToPath(import.meta.url))));
const result = (name) =>
  JSON.parse(readFileSync(path.join(root, 'bench', 'results', `${name}.json`), 'utf8'));
const number = (x) => x.toLocaleString('en-US', { maximumFractionDigits: x < 10 ? 2 : 0 });

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
  const timed = Object.entries(result('metrics').results).filter(([, r]) => r.wallRatioMedian);
  const metrics = timed.map(([name, { samples, wallSeconds, wallRatioMedian }]) => [
    `${name}, ${number(samples)} samples`,
    `${number(wallSeconds.ours)} s`,
    `Python: ${number(wallSeconds.peer)} s`,
    wallRatioMedian,
  ]);
  return [...training, call, ...metrics];
}

const table = (head) =>
  [head, ['---', '---', '---', '---:'], ...rows().map((row) => [...row.slice(0, 3), `${row[3].toFixed(1)}x`])]
    .map((cells) => `| ${cells.join(' | ')} |`)
    .join('\n');

for (const [file, head] of [
  ['README.md', ['work', 'Inkstone', 'peer', 'faster by']],
  ['README.zh-CN.md', ['工作', 'Inkstone', '对照', '快多少']],
]) {
  const at = path.join(root, file);
  const text = readFileSync(at, 'utf8');
  const [begin, end] = ['<!-- bench -->', '<!-- /bench -->'];
  if (!text.includes(begin) || !text.includes(end)) throw new Error(`${file}: expected ${begin} and ${end}`);
  const [before, rest] = text.split(begin);
  writeFileSync(at, `${before}${begin}\n\n${table(head)}\n\n${end}${rest.split(end)[1]}`);
}
