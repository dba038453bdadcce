// Runs every test, then the operations' laws again on each instruction set that the best one would otherwise hide,
// and ends with one line: N passed, N failed, N skipped.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const reports = mkdtempSync(path.join(tmpdir(), 'inkstone-tests-'));
const total = { passed: 0, failed: 0, skipped: 0 };
const skipped = new Set();

function vitest(name, args, env = {}) {
  const report = path.join(reports, `${name}.json`);
  const { status } = spawnSync(
    process.execPath,
    [
      path.join(root, 'node_modules', 'vitest', 'vitest.mjs'),
      'run',
      '--reporter=dot',
      '--reporter=json',
      `--outputFile.json=${report}`,
      ...args,
    ],
    { cwd: root, stdio: 'inherit', env: { ...process.env, ...env } },
  );
  let results;
  try {
    results = JSON.parse(readFileSync(report, 'utf8'));
  } catch {
    total.failed += 1;
    console.error(`the test runner left no report for ${name} (exit ${status})`);
    return;
  }
  total.passed += results.numPassedTests;
  total.failed += results.numFailedTests;
  // A file that cannot be loaded, or an error outside every test, fails no test but fails the run.
  if (status !== 0 && results.numFailedTests === 0) total.failed += 1;
  // With -t most tests are merely not asked for, which is no news.
  if (args.includes('-t')) return;
  total.skipped += results.numPendingTests + results.numTodoTests;
  // A test or a group that cannot run here says so in its name: "... skipped", or "skipped: ...".
  for (const file of results.testResults)
    for (const t of file.assertionResults)
      if (t.status === 'pending' || t.status === 'skipped')
        for (const title of [...t.ancestorTitles, t.title]) if (/\bskipped\b/.test(title)) skipped.add(title);
}

vitest('all', process.argv.slice(2));
if (process.argv.length === 2) {
  const { loadNative } = await import(pathToFileURL(path.join(root, 'native', 'dist', 'index.js')).href);
  const { isa, candidates } = loadNative();
  for (const other of candidates.filter((c) => c.score > 0 && c.isa !== isa)) {
    console.log(`\u001b[2mlaws on ${other.isa} ...\u001b[0m`);
    vitest(other.isa, ['packages/tensor-core/src/ops', '-t', 'on cpu'], {
      INKSTONE_CPU_ISA: other.isa,
      INKSTONE_LAW_RUNS: '6',
    });
  }
}
rmSync(reports, { recursive: true, force: true });

const reasons = [...skipped].sort();
if (reasons.length > 0) console.log(`\nNot run here:\n${reasons.map((r) => `  ${r}`).join('\n')}`);
console.log(`\n${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
process.exit(total.failed === 0 ? 0 : 1);
