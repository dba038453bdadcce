// Builds the addon and the kernel libraries into build/Release through cmake-js. Incremental: unchanged is quick.
// INKSTONE_BUILD names another folder than build; further arguments go to cmake-js.
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { missingTools } from './toolchain.mjs';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const require = createRequire(import.meta.url);

const missing = missingTools();
if (missing.length > 0) {
  for (const line of missing) console.error(`inkstone native build: ${line}`);
  process.exit(1);
}

const cmakeJs = path.join(path.dirname(require.resolve('cmake-js/package.json')), 'bin', 'cmake-js');
const args = [
  cmakeJs,
  'compile',
  '--directory',
  root,
  '--out',
  path.resolve(root, process.env.INKSTONE_BUILD || 'build'),
  '--log-level',
  'error',
];
if (process.platform === 'win32') args.push('--toolset', 'ClangCL');
args.push(...process.argv.slice(2));
const { status, stdout, stderr } = spawnSync(process.execPath, args, {
  cwd: root,
  encoding: 'utf8',
  maxBuffer: 1 << 28,
});
if (status !== 0) {
  process.stderr.write(`${stdout}\n${stderr}\n`);
  console.error('inkstone native build: the compiler reported the errors above');
  process.exit(status ?? 1);
}
