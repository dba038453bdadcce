// npm run bench:kernels: kernels one by one against PyTorch on the CPU, two threads each. One Node and one Python
// process live through the whole run and are timed in turns, round by round, on the same inputs; medians count.
//
//   npm run bench:kernels -- [--family rows] [--case layerNorm] [--rounds 7] [--seconds 0.1] [--list]
//
// Results go to bench/results/kernels.json; a filtered run replaces only the cases it timed.
//
// PyTorch is neither hobbled nor flattered: results go to preallocated memory where PyTorch has a real out= variant
// (each case says so in its .py), its allocator keeps freed memory (MALLOC_MMAP_MAX_=0), as ours does, and both sides
// must give the same numbers before anything is timed.
//
// To add a family, write kernels/<family>.mjs and, for the peer, kernels/<family>.py beside it:
//   export const cases = [{ name, flops or bytes, peak: 'f32' | 'bf16' | 'int8' | 'read' | 'copy', goal: ratio to PyTorch,
//     goalMicroseconds, goalPercent: of the peak, batch: calls per sample for small ones, tolerance, draws: true where results are random,
//     ...whatever prepare wants }];
//   export const goals = [{ name, match: (case) => boolean, goal }];   // geometric means over cases
//   export function prepare(case) { return () => Tensor or [Tensor, ..]; }   // called in a scope, freed after each call;
//     what no scope owns is freed by a property `free` of that function
// and in Python `def prepare(case): return run`, run() giving the same tensors. A NotImplementedError from it leaves
// the case without a peer. kernels/data.mjs and kernels/data.py make the same random inputs in both languages.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { findPython } from './python.mjs';

const root = path.dirname(path.dirname(path.dirname(fileURLToPath(import.meta.url))));
const folder = path.join(root, 'tools', 'bench', 'kernels');
const { values: options } = parseArgs({
  options: {
    family: { type: 'string' },
    case: { type: 'string' },
    rounds: { type: 'string', default: '7' },
    seconds: { type: 'string', default: '0.1' },
    list: { type: 'boolean', default: false },
  },
});

const workers = new Set(['ours.mjs', 'data.mjs']);
const families = [];
for (const file of readdirSync(folder).sort()) {
  const name = path.basename(file, '.mjs');
  if (!file.endsWith('.mjs') || workers.has(file) || (options.family && name !== options.family)) continue;
  const { cases, goals = [] } = await import(pathToFileURL(path.join(folder, file)).href);
  families.push({ name, goals, cases: cases.filter((c) => !options.case || c.name.includes(options.case)) });
}
const chosen = families.flatMap((f) => f.cases.map((c) => ({ family: f.name, ...c })));
if (options.list || chosen.length === 0) {
  for (const c of chosen) console.log(`${c.family}: ${c.name}`);
  if (chosen.length === 0) console.error('bench: no case has that name');
  process.exit(chosen.length === 0 ? 1 : 0);
}
if (!existsSync(path.join(root, 'packages', 'tensor-core', 'dist'))) {
  console.error('bench: build first: npm run build');
  process.exit(1);
}

/** A process that answers each JSON line with one. */
function startWorker(file, args, env) {
  const child = spawn(file, args, {
    cwd: root,
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, ...env },
  });
  const waiting = [];
  createInterface({ input: child.stdout }).on('line', (line) => waiting.shift()?.resolve(JSON.parse(line)));
  child.on('exit', (code) => {
    for (const { reject } of waiting) reject(new Error(`${path.basename(args[0])} ended with ${code}`));
  });
  return {
    ask: (message) =>
      new Promise((resolve, reject) => {
        waiting.push({ resolve, reject });
        child.stdin.write(`${JSON.stringify(message)}\n`);
      }),
    end: () => child.stdin.end(),
  };
}

// ---- the machine's limits, from native/lab/peak.cpp ----
function measurePeaks(isa) {
  const build = path.join(root, 'native', 'build', 'lab');
  const quiet = (file, args, env) =>
    spawnSync(file, args, { cwd: root, encoding: 'utf8', env: { ...process.env, ...env } });
  const made =
    quiet('cmake', ['-S', 'native', '-B', build, '-DINKSTONE_LAB=ON']).status === 0 &&
    quiet('cmake', ['--build', build, '--target', 'lab_peak']).status === 0;
  if (!made) return null;
  const { status, stdout } = quiet(path.join(build, 'Release', 'lab_peak'), [], {
    INKSTONE_LIBRARY: path.join(root, 'native', 'build', 'Release', `inkstone_cpu_${isa}.ikl`),
    INKSTONE_THREADS: '2',
  });
  return status === 0 ? JSON.parse(stdout) : null;
}
const larger = (a, b) => Object.fromEntries(Object.keys(a).map((k) => [k, Math.max(a[k], b[k] ?? 0)]));

const median = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];
const git = (...args) => spawnSync('git', args, { cwd: root, encoding: 'utf8' }).stdout.trim();
const settle = () => new Promise((resolve) => setTimeout(resolve, 20));

/** The first fingerprint that differs between the two, in words; empty when none does. */
function difference(ours, theirs, tolerance) {
  if (ours.length !== theirs.length) return `${ours.length} results against ${theirs.length}`;
  for (const [i, a] of ours.entries()) {
    const b = theirs[i];
    const scale = Math.max(a.absolute, b.absolute, 1e-30);
    if (a.size !== b.size) return `result ${i} has ${a.size} elements against ${b.size}`;
    for (const key of ['sum', 'absolute', 'weighted'])
      if (!(Math.abs(a[key] - b[key]) <= tolerance * scale))
        return `result ${i}: ${key} ${a[key]} against ${b[key]}`;
  }
  return '';
}

const python = findPython('torch');
if (!python) console.log('PyTorch was not found (set INKSTONE_PYTHON): only our own figures follow');
const ours = startWorker(process.execPath, [path.join(folder, 'ours.mjs')], { INKSTONE_THREADS: '2' });
const theirs =
  python &&
  startWorker(python, [path.join(folder, 'peer.py')], {
    OMP_NUM_THREADS: '2',
    MALLOC_MMAP_MAX_: '0',
    MALLOC_TRIM_THRESHOLD_: '1000000000000',
  });
const { loadNative } = await import('@inkstone/native');
const { isa } = loadNative();
const torch = theirs ? (await theirs.ask({ do: 'about' })).torch : null;
let peaks = measurePeaks(isa);
if (!peaks) console.log('native/lab/peak.cpp could not be built: no % of peak');

const results = [];
let differing = 0;
for (const c of chosen) {
  const message = { do: 'prepare', family: c.family, case: c };
  const a = await ours.ask(message);
  if (a.error) throw new Error(`${c.family}: ${c.name}: ${a.error}`);
  const b = theirs ? await theirs.ask(message) : { skip: 'no PyTorch' };
  if (b.error) throw new Error(`${c.family}: ${c.name}, PyTorch: ${b.error}`);
  const peer = b.skip === undefined;
  const wrong = peer && !c.draws ? difference(a.fingerprints, b.fingerprints, c.tolerance ?? 1e-3) : '';
  const times = { ours: [], theirs: [] };
  if (wrong === '')
    for (let round = 0; round < Number(options.rounds); round++) {
      const time = { do: 'time', seconds: Number(options.seconds), batch: c.batch ?? 1 };
      await settle();
      times.ours.push(...(await ours.ask(time)).times);
      if (!peer) continue;
      await settle();
      times.theirs.push(...(await theirs.ask(time)).times);
    }
  await ours.ask({ do: 'drop' });
  if (theirs) await theirs.ask({ do: 'drop' });
  const { family, name, flops, bytes, peak, goal, goalMicroseconds, goalPercent } = c;
  const result = { family, name, flops, bytes, peak, goal, goalMicroseconds, goalPercent };
  if (wrong !== '') {
    differing++;
    result.differs = wrong;
    console.error(`${family}: ${name}: the two sides differ: ${wrong}`);
  } else {
    result.seconds = median(times.ours);
    if (peer) {
      result.torchSeconds = median(times.theirs);
      result.ratio = result.torchSeconds / result.seconds;
    }
  }
  results.push(result);
}
ours.end();
theirs?.end();
if (peaks) peaks = larger(peaks, measurePeaks(isa) ?? peaks);

// ---- the table ----
const f = (x, digits = 2) => (x === undefined || x === null ? '-' : x.toFixed(digits));
const rate = (c, seconds) => (c.flops ?? c.bytes) / seconds / 1e9;
const peakOf = (c) => (peaks && c.peak ? peaks[c.peak] || peaks.f32 : null);
const met = (r) =>
  r.goal !== undefined && r.ratio !== undefined
    ? r.ratio >= r.goal
    : r.goalMicroseconds !== undefined && r.seconds !== undefined
      ? r.seconds * 1e6 <= r.goalMicroseconds
      : r.goalPercent !== undefined && r.percentOfPeak !== undefined
        ? r.percentOfPeak >= r.goalPercent
        : undefined;
const says = { true: 'met', false: 'missed', undefined: '' };
const goalOf = (r) =>
  r.goal !== undefined
    ? `${f(r.goal)}x`
    : r.goalMicroseconds !== undefined
      ? `${f(r.goalMicroseconds, 1)} us`
      : r.goalPercent !== undefined
        ? `${r.goalPercent} %`
        : '';
const rows = [['case', 'ours', 'PyTorch', 'ratio', 'rate', '% of peak', 'goal', '']];
const time = (s) =>
  s === undefined ? '-' : s < 1e-4 ? `${f(s * 1e6)} us` : `${f(s * 1e3, s < 1e-2 ? 3 : 1)} ms`;
for (const r of results) {
  const known = (r.flops ?? r.bytes) !== undefined && r.seconds !== undefined;
  r.rate = known ? rate(r, r.seconds) : undefined;
  r.percentOfPeak = known && peakOf(r) ? (100 * r.rate) / peakOf(r) : undefined;
  r.met = met(r);
  rows.push([
    `${r.family}: ${r.name}`,
    r.differs ? 'DIFFERS' : time(r.seconds),
    time(r.torchSeconds),
    f(r.ratio),
    known ? `${f(r.rate, 1)} ${r.flops === undefined ? 'GB/s' : 'GFLOP/s'}` : '-',
    r.percentOfPeak === undefined ? '-' : `${f(r.percentOfPeak, 0)} % ${r.peak}`,
    goalOf(r),
    says[r.met],
  ]);
}
const widths = rows[0].map((_, i) => Math.max(...rows.map((r) => r[i].length)));
for (const r of rows)
  console.log(r.map((v, i) => (i === 0 ? v.padEnd(widths[i]) : v.padStart(widths[i]))).join('  '));
if (peaks)
  console.log(
    `peak: f32 ${f(peaks.f32, 0)}, bf16 ${f(peaks.bf16, 0)}, int8 ${f(peaks.int8, 0)} GFLOP/s; read ${f(peaks.read, 1)}, copy ${f(peaks.copy, 1)} GB/s (rates above it come from the cache)`,
  );

// ---- what is kept: cases that this run left out stay as they were ----
const file = path.join(root, 'bench', 'results', 'kernels.json');
const before = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')).cases : [];
const timed = new Map(results.map((r) => [`${r.family}/${r.name}`, r]));
const stamp = { date: new Date().toISOString(), commit: git('rev-parse', '--short', 'HEAD') };
const known = new Set(
  readdirSync(folder)
    .filter((name) => name.endsWith('.mjs'))
    .map((name) => name.slice(0, -4)),
);
const kept = before.filter(
  (r) =>
    known.has(r.family) &&
    !timed.has(`${r.family}/${r.name}`) &&
    (options.case !== undefined || (options.family !== undefined && r.family !== options.family)),
);
const cases = [...kept, ...results.map((r) => ({ ...r, ...stamp }))].sort((a, b) =>
  a.family < b.family ? -1 : a.family > b.family ? 1 : 0,
);
const summaries = [];
for (const { name: family, goals } of families)
  for (const { name, match, goal } of goals) {
    const ratios = cases.filter((c) => c.family === family && match(c)).map((c) => c.ratio);
    if (ratios.length === 0 || ratios.some((r) => r === undefined)) continue;
    const mean = Math.exp(ratios.reduce((s, r) => s + Math.log(r), 0) / ratios.length);
    summaries.push({ family, name, ratio: mean, goal, met: mean >= goal });
    console.log(
      `${family}: ${name}: geometric mean ${f(mean)} over ${ratios.length} cases, goal ${f(goal)}x, ${says[mean >= goal]}`,
    );
  }
const others = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')).summaries : [];
const report = {
  ...stamp,
  changed: git('status', '--porcelain', '--untracked-files=no') !== '',
  machine: {
    cpu: os.cpus()[0].model,
    cores: os.cpus().length,
    memoryBytes: os.totalmem(),
    node: process.version,
    isa,
    torch,
    peaks,
  },
  summaries: [
    ...others.filter((s) => known.has(s.family) && !families.some((g) => g.name === s.family)),
    ...summaries,
  ],
  cases,
};
mkdirSync(path.dirname(file), { recursive: true });
writeFileSync(file, `${JSON.stringify(report, null, 2)}\n`);
console.log(`written to ${path.relative(process.cwd(), file)}`);
process.exit(differing === 0 ? 0 : 1);
