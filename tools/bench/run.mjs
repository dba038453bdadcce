// npm run bench: whole training steps and small operations against PyTorch on the CPU, taken in turns in one run, so
// that what else the machine does falls on both. Medians; the ratio is what counts. Results go to bench/results/.
// Arguments choose cases by a part of their name; results of the others stay as they are in the file.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { findPython } from './python.mjs';

const root = path.dirname(path.dirname(path.dirname(fileURLToPath(import.meta.url))));
const here = (name) => path.join(root, 'tools', 'bench', name);
const rounds = Number(process.env.INKSTONE_BENCH_ROUNDS ?? 3);

const small = [6, 6, 384, 256, 8, 4096];
const gpt2 = [12, 12, 768, 512, 2, 50257];
// `peers`: PyTorch eager, and torch.compile, which needs a C++ compiler.
const cases = [
  {
    name: 'gpt 6L 6H 384 wide, context 256, batch 8, vocab 4096',
    shape: small,
    steps: 8,
    goal: 1.4,
    compiledGoal: 1.3,
  },
  { name: 'the same, bf16 products', shape: small, steps: 8, precision: 'bf16', goal: 1.4 },
  {
    name: 'GPT-2 124M, context 512, batch 2',
    shape: gpt2,
    steps: 6,
    goal: 1.4,
    compiledGoal: 1.3,
    memoryGoal: 0.7,
  },
  {
    name: 'GPT-2 124M, context 512, batch 2, bf16 products',
    shape: gpt2,
    steps: 6,
    precision: 'bf16',
    goal: 1.4,
    memoryGoal: 0.7,
  },
];
const wanted = process.argv.slice(2);
const chosen = cases.filter(({ name }) => wanted.length === 0 || wanted.some((part) => name.includes(part)));

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

const python = findPython('torch');
if (!python) console.log('PyTorch was not found (set INKSTONE_PYTHON): only our own figures follow');
if (!existsSync(path.join(root, 'packages', 'transformer', 'dist'))) {
  console.error('bench: build first: npm run build');
  process.exit(1);
}

const file = path.join(root, 'bench', 'results', 'training.json');
const before = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : { steps: [] };
const f = (x, digits = 2) => (x === undefined ? '-' : x.toFixed(digits));

let torchVersion = before.machine?.torch ?? null;
let torchSmallOp = [];
function measure({ name, shape, steps, precision, goal, compiledGoal, memoryGoal }) {
  const args = [...shape.map(String), String(steps)];
  const ours = [];
  const eager = [];
  const compiled = [];
  for (let round = 0; round < rounds; round++) {
    ours.push(run(process.execPath, [here('inkstone_gpt.mjs'), ...args, ...(precision ? [precision] : [])]));
    if (!python) continue;
    eager.push(run(python, [here('torch_gpt.py'), ...args, ...(precision ? [precision] : [])]));
    if (compiledGoal)
      compiled.push(
        run(python, [here('torch_gpt.py'), ...args, 'compile', ...(precision ? [precision] : [])]),
      );
  }
  const tokens = shape[3] * shape[4];
  const summary = (list) => ({
    tokensPerSecond: tokens / median(list.flatMap((r) => r.seconds)),
    peakBytes: median(list.map((r) => r.peakBytes)),
  });
  const result = {
    name,
    date: new Date().toISOString(),
    commit: git('rev-parse', 'HEAD'),
    goal,
    compiledGoal,
    memoryGoal,
    inkstone: summary(ours),
  };
  if (eager.length > 0) {
    torchVersion = eager[0].version;
    torchSmallOp = [...torchSmallOp, ...eager.map((r) => r.smallOpMicroseconds)];
    result.torch = summary(eager);
    result.ratio = result.inkstone.tokensPerSecond / result.torch.tokensPerSecond;
    result.memoryRatio = result.inkstone.peakBytes / result.torch.peakBytes;
  }
  if (compiled.length > 0) {
    result.torchCompiled = summary(compiled);
    result.compiledRatio = result.inkstone.tokensPerSecond / result.torchCompiled.tokensPerSecond;
  }
  const { inkstone, torch, torchCompiled } = result;
  console.log(
    `${name}: ${f(inkstone.tokensPerSecond, 0)} tokens/s, PyTorch ${f(torch?.tokensPerSecond, 0)}, ratio ${f(result.ratio)}; ` +
      `compiled ${f(torchCompiled?.tokensPerSecond, 0)}, ratio ${f(result.compiledRatio)}; ` +
      `memory ${f(inkstone.peakBytes / 1e6, 0)} MB, PyTorch ${f(torch && torch.peakBytes / 1e6, 0)}, ratio ${f(result.memoryRatio)}`,
  );
  return result;
}

const measured = chosen.map(measure);
const results = cases
  .map(({ name }) => [...measured, ...before.steps].find((r) => r.name === name))
  .filter(Boolean);

const smallOp = run(process.execPath, [here('small_op.mjs')]);
console.log(
  `add of 16 floats: ${smallOp.microseconds.toFixed(2)} us a call${torchSmallOp.length ? `, PyTorch ${median(torchSmallOp).toFixed(2)}` : ''}`,
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
    inkstoneMicroseconds: smallOp.microseconds,
    torchMicroseconds: torchSmallOp.length
      ? median(torchSmallOp)
      : (before.smallOp?.torchMicroseconds ?? null),
    goalMicroseconds: 2,
  },
  liveBytes: flat.liveBytes,
};
mkdirSync(path.dirname(file), { recursive: true });
writeFileSync(file, `${JSON.stringify(report, null, 2)}\n`);
console.log(`written to ${path.relative(process.cwd(), file)}`);
