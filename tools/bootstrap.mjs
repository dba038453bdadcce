// The two front doors, `npm start` and `npm test`: plain Node, so that they work before anything is installed.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { missingTools } from '../native/scripts/toolchain.mjs';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const [command, ...rest] = process.argv.slice(2);
const windows = process.platform === 'win32';

function stop(message) {
  console.error(`inkstone: ${message}`);
  process.exit(1);
}

function run(title, file, args, options = {}) {
  if (title) console.log(`\u001b[2m${title}\u001b[0m`);
  const { status, error, signal } = spawnSync(file, args, {
    cwd: root,
    stdio: 'inherit',
    shell: windows,
    ...options,
  });
  if (error) stop(`${file} could not be started: ${error.message}`);
  if (status !== 0 && options.check !== false) process.exit(status ?? (signal ? 130 : 1));
  return status;
}

const bin = (name) => path.join(root, 'node_modules', '.bin', windows ? `${name}.cmd` : name);

function checkMachine() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 19))
    stop(
      `Node 20.19 or newer is needed, this is ${process.version}; get it from https://nodejs.org or with: nvm install 20`,
    );
  const missing = missingTools();
  if (missing.length > 0) stop(missing.join('\ninkstone: '));
}

// npm writes this file last, so its lockfile copy says whether an install matches package-lock.json.
function install() {
  const installed = path.join(root, 'node_modules', '.package-lock.json');
  const wanted = JSON.parse(readFileSync(path.join(root, 'package-lock.json'), 'utf8')).packages;
  if (existsSync(installed)) {
    const there = JSON.parse(readFileSync(installed, 'utf8')).packages;
    const same = Object.entries(wanted).every(
      ([at, { version, optional, link }]) =>
        at === '' || !at.startsWith('node_modules') || optional || link || there[at]?.version === version,
    );
    if (same) return;
    rmSync(installed, { force: true });
  }
  run('installing packages ...', 'npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error']);
}

const nx = (...args) =>
  run(null, bin('nx'), args, { env: { ...process.env, NX_DAEMON: 'false', NX_TUI: 'false' } });

function build() {
  console.log('\u001b[2mbuilding (the first time takes a minute or two) ...\u001b[0m');
  nx('run-many', '-t', 'build', '--outputStyle=static', '--parallel=2');
}

// Ctrl-C reaches the child as well, which saves what it was doing; this process only has to wait for it.
process.on('SIGINT', () => undefined);

checkMachine();
install();
switch (command) {
  case 'start': {
    build();
    const args = rest[0] && !rest[0].startsWith('-') ? rest : ['quickstart', ...rest];
    const status = run(
      null,
      process.execPath,
      [path.join(root, 'packages', 'cli', 'bin', 'inkstone.js'), ...args],
      { check: false, shell: false },
    );
    process.exit(status ?? 130);
    break;
  }
  case 'test':
    build();
    run('format and lint ...', bin('biome'), ['ci', '.']);
    run('package boundaries ...', process.execPath, [path.join(root, 'tools', 'check-boundaries.mjs')]);
    run('types ...', bin('nx'), ['run-many', '-t', 'typecheck', '--outputStyle=static', '--parallel=2'], {
      env: { ...process.env, NX_DAEMON: 'false', NX_TUI: 'false' },
    });
    run('tests ...', process.execPath, [path.join(root, 'tools', 'run-tests.mjs'), ...rest]);
    break;
  default:
    stop(`unknown command '${command}'; use npm start or npm test`);
}
