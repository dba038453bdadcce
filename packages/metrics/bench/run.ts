import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, release, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { makeCorpora } from './corpus.js';

/**
 * Compares speed with Python, one thread each, in alternation: each of five rounds scores another 10,000 of 50,000 pairs,
 * first by one side, then by the other. Values must agree to 1e-9 before a time counts. The ratio is of CPU seconds (user
 * and system), which other work on the machine disturbs less than wall time.
 *
 * INKSTONE_PYTHON names an interpreter with sacrebleu and nltk. Run: npm run bench -w @inkstone/metrics
 */
const ROUNDS = 5;
const CHUNK = 10_000;
const CAPTIONS = 40_000;
const python = process.env.INKSTONE_PYTHON ?? 'python3';
const root = join(import.meta.dirname, '../../..');

interface Answer {
  readonly seconds: number;
  readonly cpu: number;
  readonly value: unknown;
}

class Side {
  private readonly answers: AsyncIterator<string>;
  constructor(private readonly child: ChildProcess) {
    this.answers = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
  }
  async ask(name: string, from: number, to: number): Promise<Answer> {
    this.child.stdin!.write(`${JSON.stringify({ case: name, from, to })}\n`);
    const { value, done } = await this.answers.next();
    if (done) throw new Error(`the worker ended during ${name}`);
    return JSON.parse(value) as Answer;
  }
  close(): void {
    this.child.stdin!.end();
  }
}

function checkEqual(name: string, a: unknown, b: unknown): number {
  const [x, y] = [[a].flat() as number[], [b].flat() as number[]];
  const error = Math.max(...x.map((value, i) => Math.abs(value - y[i]!) / Math.max(1, Math.abs(y[i]!))));
  if (!(error <= 1e-9)) throw new Error(`${name}: ${String(a)} against ${String(b)}`);
  return error;
}

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;
const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);

/** Python, sacrebleu and nltk. */
function peerVersions(): string[] {
  const show =
    'import sys, sacrebleu, nltk; print(sys.version.split()[0], sacrebleu.__version__, nltk.__version__)';
  const { status, stdout } = spawnSync(python, ['-c', show], { encoding: 'utf8' });
  if (status === 0) return stdout.trim().split(' ');
  console.error(
    `bench: ${python} must be able to import sacrebleu and nltk; INKSTONE_PYTHON names another one`,
  );
  process.exit(1);
}

const versions = peerVersions();
const folder = mkdtempSync(join(tmpdir(), 'metrics-bench-'));
try {
  const file = join(folder, 'corpora.json');
  writeFileSync(file, JSON.stringify(makeCorpora(ROUNDS * CHUNK, CAPTIONS)));
  const stdio = ['pipe', 'pipe', 'inherit'] as const;
  const flags = ['--expose-gc', '--import', 'tsx', join(import.meta.dirname, 'ours.ts'), file];
  const ours = new Side(spawn(process.execPath, flags, { stdio: [...stdio] }));
  const env = { ...process.env, OMP_NUM_THREADS: '1', SACREBLEU_SEED: '12345' };
  const peer = new Side(
    spawn(python, [join(import.meta.dirname, 'peer.py'), file], {
      stdio: [...stdio],
      env,
    }),
  );
  const load = [loadavg()[0]!];
  const results: Record<string, unknown> = {};
  for (const name of ['bleu', 'chrf', 'rouge', 'cider']) {
    const size = name === 'cider' ? CAPTIONS / ROUNDS : CHUNK;
    const rounds = { ours: [] as Answer[], peer: [] as Answer[] };
    let error = 0;
    await ours.ask(name, 0, 2000);
    for (let round = 0; round < ROUNDS; round++) {
      const range = [round * size, (round + 1) * size] as const;
      const first = round % 2 === 0;
      if (first) rounds.ours.push(await ours.ask(name, ...range));
      rounds.peer.push(await peer.ask(name, ...range));
      if (!first) rounds.ours.push(await ours.ask(name, ...range));
      error = Math.max(error, checkEqual(name, rounds.ours[round]!.value, rounds.peer[round]!.value));
    }
    const cpu = { ours: rounds.ours.map((a) => a.cpu), peer: rounds.peer.map((a) => a.cpu) };
    const wall = { ours: rounds.ours.map((a) => a.seconds), peer: rounds.peer.map((a) => a.seconds) };
    results[name] = {
      samples: ROUNDS * size,
      largestRelativeError: error,
      cpuSeconds: { ours: sum(cpu.ours), peer: sum(cpu.peer) },
      wallSeconds: { ours: sum(wall.ours), peer: sum(wall.peer) },
      cpuRatioMedian: median(cpu.ours.map((x, i) => cpu.peer[i]! / x)),
      cpuRatioWorst: Math.min(...cpu.ours.map((x, i) => cpu.peer[i]! / x)),
      wallRatioMedian: median(wall.ours.map((x, i) => wall.peer[i]! / x)),
    };
    load.push(loadavg()[0]!);
    process.stdout.write(`${name} ${JSON.stringify(results[name])}\n`);
  }
  const whole = await ours.ask('cider', 0, CAPTIONS);
  ours.close();
  // A worker of its own, without the corpora, so that their garbage does not count.
  writeFileSync(file, '{"pairs":[],"captions":[]}');
  const memory: Record<string, unknown> = {};
  const fresh = new Side(spawn(process.execPath, flags, { stdio: [...stdio] }));
  for (const images of [10_000, 20_000, CAPTIONS])
    memory[`${images}`] = (await fresh.ask('memory', 0, images)).value;
  fresh.close();
  results.ciderWhole = {
    images: CAPTIONS,
    references: 5 * CAPTIONS,
    cpuSeconds: whole.cpu,
    wallSeconds: whole.seconds,
    memory,
  };
  process.stdout.write(`cider whole ${JSON.stringify(results.ciderWhole)}\n`);
  peer.close();
  const git = (...args: string[]): string =>
    execFileSync('git', args, { cwd: root, encoding: 'utf8' }).trim();
  const report = {
    bench: '@inkstone/metrics against Python, one thread each, interleaved',
    commit: git('rev-parse', 'HEAD'),
    date: new Date().toISOString(),
    machine: {
      cpu: cpus()[0]?.model,
      cores: cpus().length,
      memoryGiB: Math.round(totalmem() / 2 ** 30),
      kernel: release(),
      node: process.version,
    },
    peer: {
      python: versions[0],
      sacrebleu: versions[1],
      nltk: versions[2],
      rougeAndCider: 'written out in bench/peer.py',
    },
    loadAverage: load,
    results,
  };
  mkdirSync(join(root, 'bench/results'), { recursive: true });
  writeFileSync(join(root, 'bench/results/metrics.json'), `${JSON.stringify(report, null, 2)}\n`);
} finally {
  rmSync(folder, { recursive: true });
}
