// npm run bench: whole training steps and small operations against PyTorch on the CPU, taken in turns in one run, so
// that what else the machine does falls on both. Medians; the ratio is what counts. Results go to bench/results/.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.dirname(path.dirname(path.dirname(fileURLToPath(import.meta.url))));
const here = (name) => path.join(root, 'tools', 'bench', name);
const rounds = Number(process.env.INKSTONE_BENCH_ROUNDS ?? 3);

const cases = [
  {
    name: 'gpt 6L 6H 384 wide, context 256, batch 8, vocab 4096',
    shape: [6, 6, 384, 256, 8, 4096],
    steps: 8,
    goal: 0.9,
  },
  { name: 'the same, bf16 products', shape: [6, 6, 384, 256, 8, 4096], steps: 8, precision: 'bf16' },
];

/** A Python that can import torch: INKSTONE_PYTHON, .peers in the repository, or the system's. */
function findPython() {
  for (const python of [process.env.INKSTONE_PYTHON, path.join(root, '.peers', 'bin', 'python'), 'python3'])
    if (python && spawnSync(python, ['-c', 'import torch'], { stdio: 'ignore' }).status === 0) return python;
  return null;
}

const run = (file, args) =>
  JSON.parse(
    execFileSync(file, args, {
      cwd: root,
      encoding: 'utf8',
      env: { ...process.env, INKSTONE_THREADS: '2', OMP_NUM_THREADS: '2' },
    })
      .trim()
      .split('\n')
      .at(-1),
  );
const median = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];
const git = (...args) => spawnSync('git', args, { cwd: root, encoding: 'utf8' }).stdout.trim();

const python = findPython();
if (!python) console.log('PyTorch was not found (set INKSTONE_PYTHON): only our own figures follow');
if (!existsSync(path.join(root, 'packages', 'transformer', 'dist'))) {
  console.error('bench: build first: npm run build');
  process.exit(1);
}

const results = [];
let torchVersion = null;
let torchSmallOp = [];
for (const { name, shape, steps, precision, goal } of cases) {
  const args = [...shape.map(String), String(steps), ...(precision ? [precision] : [])];
  const ours = [];
  const theirs = [];
  for (let round = 0; round < rounds; round++) {
    ours.push(run(process.execPath, [here('inkstone_gpt.mjs'), ...args]));
    if (python) theirs.push(run(python, [here('torch_gpt.py'), ...args]));
  }
  const tokens = shape[3] * shape[4];
  const speed = (list) => tokens / median(list.flatMap((r) => r.seconds));
  const peak = (list) => median(list.map((r) => r.peakBytes));
  const result = { name, goal, inkstone: { tokensPerSecond: speed(ours), peakBytes: peak(ours) } };
  if (theirs.length > 0) {
    torchVersion = theirs[0].version;
    torchSmallOp = [...torchSmallOp, ...theirs.map((r) => r.smallOpMicroseconds)];
    result.torch = { tokensPerSecond: speed(theirs), peakBytes: peak(theirs) };
    result.ratio = result.inkstone.tokensPerSecond / result.torch.tokensPerSecond;
    result.memoryRatio = result.inkstone.peakBytes / result.torch.peakBytes;
  }
  results.push(result);
  const f = (x, digits = 2) => (x === undefined ? '-' : x.toFixed(digits));
  console.log(
    `${name}: ${f(result.inkstone.tokensPerSecond, 0)} tokens/s, PyTorch ${f(result.torch?.tokensPerSecond, 0)}, ratio ${f(result.ratio)}; memory ${f(result.inkstone.peakBytes / 1e6, 0)} MB, PyTorch ${f(result.torch?.peakBytes / 1e6, 0)}, ratio ${f(result.memoryRatio)}`,
  );
}

const small = run(process.execPath, [here('small_op.mjs')]);
console.log(
  `add of 16 floats: ${small.microseconds.toFixed(2)} us a call${torchSmallOp.length ? `, PyTorch ${median(torchSmallOp).toFixed(2)}` : ''}`,
);
const flat = run(process.execPath, [here('inkstone_gpt.mjs'), '2', '2', '64', '32', '2', '256', '1000']);
console.log(`live bytes after step 10: ${flat.liveBytes.first}, after step 1000: ${flat.liveBytes.last}`);

const report = {
  date: new Date().toISOString(),
  commit: git('rev-parse', 'HEAD'),
  changed: git('status', '--porcelain', '--untracked-files=no') !== '',
  machine: {
    cpu: os.cpus()[0].model,
    cores: os.cpus().length,
    memoryBytes: os.totalmem(),
    node: process.version,
    torch: torchVersion,
  },
  rounds,
  steps: results,
  smallOp: {
    inkstoneMicroseconds: small.microseconds,
    torchMicroseconds: torchSmallOp.length ? median(torchSmallOp) : null,
    goalMicroseconds: 2,
  },
  liveBytes: flat.liveBytes,
};
const file = path.join(root, 'bench', 'results', 'training.json');
mkdirSync(path.dirname(file), { recursive: true });
writeFileSync(file, `${JSON.stringify(report, null, 2)}\n`);
console.log(`written to ${path.relative(process.cwd(), file)}`);
