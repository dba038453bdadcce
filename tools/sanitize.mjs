// npm run sanitize [-- address|thread] [-- ... vitest arguments]: builds the addon and the best kernel library with
// sanitizers, in a folder of their own, and runs the law suite, the addon's tests and those of the tokenizer's native parts
// under them. Linux and GCC.
//
// address also means undefined behaviour; any report ends the run. Leaks are not looked for: node frees little at its
// end, and the laws count storages themselves. thread does not look at code that is not instrumented, which is node and
// V8: their atomics are invisible to it and would be reported as races.
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { missingTools } from '../native/scripts/toolchain.mjs';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const kinds = {
  address: {
    flags: 'address;undefined',
    libraries: ['libasan.so', 'libubsan.so'],
    env: {
      ASAN_OPTIONS: 'detect_leaks=0:halt_on_error=1:abort_on_error=0:exitcode=86',
      UBSAN_OPTIONS: 'halt_on_error=1:print_stacktrace=1:exitcode=86',
    },
  },
  thread: {
    flags: 'thread',
    libraries: ['libtsan.so'],
    env: {
      TSAN_OPTIONS: 'ignore_noninstrumented_modules=1:halt_on_error=1:exitcode=86:report_signal_unsafe=0',
    },
    // ThreadSanitizer needs its shadow where address randomisation may put a library.
    wrapper: ['setarch', ['--addr-no-randomize']],
  },
};

function stop(message) {
  console.error(`sanitize: ${message}`);
  process.exit(1);
}

function run(file, args, env = {}) {
  const { status, error } = spawnSync(file, args, {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, ...env },
  });
  if (error) stop(`${file} could not be started: ${error.message}`);
  return status;
}

if (process.platform !== 'linux') stop('needs Linux: the sanitizers are loaded before node');
const missing = missingTools();
if (missing.length > 0) stop(missing.join('\n'));

const [first, ...rest] = process.argv.slice(2);
const chosen = first in kinds ? [first] : Object.keys(kinds);
const tests = (first in kinds ? rest : process.argv.slice(2)).filter((a) => a !== '--');
const { loadNative } = await import('../native/dist/index.js');
const { isa } = loadNative();

for (const name of chosen) {
  const { flags, libraries, env, wrapper } = kinds[name];
  const build = path.join(root, 'native', 'build', `sanitize-${name}`);
  console.log(`building with ${flags} ...`);
  for (const target of ['inkstone', `inkstone_cpu_${isa}`]) {
    const args = ['native/scripts/build.mjs', `--CDINKSTONE_SANITIZE=${flags}`, '--target', target];
    if (run(process.execPath, args, { INKSTONE_BUILD: build }) !== 0) process.exit(1);
  }
  const preload = libraries.map((library) => {
    const { stdout } = spawnSync(process.env.CXX ?? 'c++', [`-print-file-name=${library}`], {
      encoding: 'utf8',
    });
    if (!path.isAbsolute(stdout.trim())) stop(`the compiler has no ${library}: install its sanitizers`);
    return stdout.trim();
  });
  console.log(`tests on ${isa} under ${flags} ...`);
  const vitest = [
    path.join(root, 'node_modules', 'vitest', 'vitest.mjs'),
    'run',
    '--reporter=dot',
    '--testTimeout=600000',
    // The laws' own test looks for what few runs may miss.
    ...(tests.length > 0
      ? tests
      : [
          ...[
            'packages/tensor-core/src',
            'native/test',
            'packages/tokenizer/src/native',
            'packages/tokenizer/src/families',
          ],
          ...['--exclude', '**/laws.test.ts'],
        ]),
  ];
  const [file, before] = wrapper ?? [process.execPath, []];
  const status = run(file, [...before, ...(wrapper ? [process.execPath] : []), ...vitest], {
    ...env,
    LD_PRELOAD: preload.join(':'),
    INKSTONE_BINARIES: path.join(build, 'Release'),
    INKSTONE_LAW_RUNS: process.env.INKSTONE_LAW_RUNS ?? '4',
  });
  if (status !== 0) stop(`${name}: exit ${status}; the report is above`);
}
console.log('no report');
