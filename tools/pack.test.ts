import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

// What npm would publish, checked and installed into an empty folder, as a stranger would get it.
const root = path.join(import.meta.dirname, '..');
const directories = ['native', ...readdirSync(path.join(root, 'packages')).map((name) => `packages/${name}`)];
const manifest = (directory: string) =>
  JSON.parse(readFileSync(path.join(root, directory, 'package.json'), 'utf8'));
const unbuilt = directories.filter((d) => !existsSync(path.join(root, d, 'dist', 'index.js')));
const ready = unbuilt.length === 0;
const npm = (args: string[], cwd: string) =>
  execFileSync('npm', args, { cwd, encoding: 'utf8', stdio: 'pipe', shell: process.platform === 'win32' });

describe.skipIf(!ready)(ready ? 'packages' : `skipped: packing (not built: ${unbuilt.join(', ')})`, () => {
  it.each(directories)('%s packs clean', async (directory) => {
    const { messages } = await publint({
      pkgDir: path.join(root, directory),
      level: 'warning',
      strict: true,
    });
    expect(messages.map((m) => formatMessage(m, manifest(directory)))).toEqual([]);
    const [{ files }] = JSON.parse(
      npm(['pack', '--dry-run', '--json', '--silent'], path.join(root, directory)),
    );
    const names = (files as { path: string }[]).map((f) => f.path);
    expect(names).toEqual(
      expect.arrayContaining(['package.json', 'README.md', 'LICENSE', 'dist/index.js', 'dist/index.d.ts']),
    );
    expect(names.filter((n) => /\.test\.|fixtures|node_modules|^build/.test(n))).toEqual([]);
  });

  describe('installed from their tarballs', () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'inkstone-install-'));
    beforeAll(() => {
      const tarballs = path.join(folder, 'tarballs');
      mkdirSync(tarballs);
      execFileSync(process.execPath, [path.join(root, 'native', 'scripts', 'prebuild.mjs')], {
        stdio: 'pipe',
      });
      const prebuilt = path.join('native', 'prebuilds', `native-${process.platform}-${process.arch}`);
      for (const directory of [...directories, prebuilt])
        npm(['pack', '--silent', '--pack-destination', tarballs], path.join(root, directory));
      writeFileSync(path.join(folder, 'package.json'), '{ "private": true, "type": "module" }');
      npm(
        [
          'install',
          '--no-audit',
          '--no-fund',
          '--ignore-scripts',
          '--prefer-offline',
          ...readdirSync(tarballs).map((t) => path.join(tarballs, t)),
        ],
        folder,
      );
    }, 300_000);
    afterAll(() => rmSync(folder, { recursive: true, force: true }));

    const run = (code: string) => {
      const file = path.join(folder, 'main.js');
      writeFileSync(file, code);
      return execFileSync(process.execPath, [file], { cwd: folder, encoding: 'utf8' }).trim();
    };

    it('tensors compute on the prebuilt addon, and both entries share one Tensor', () => {
      const code = `
        import { tensor, Tensor } from '@inkstone/tensor-core';
        import { Linear, Parameter } from '@inkstone/tensor-core/nn';
        const x = tensor([[1, 2], [3, 4]], { requiresGrad: true });
        x.mul(x).sum().backward();
        console.log(JSON.stringify(x.grad.toArray()), new Linear(2, 3).weight instanceof Tensor);`;
      expect(run(code)).toBe('[[2,4],[6,8]] true');
    });

    it('the other packages load', () => {
      const names = directories.map((d) => manifest(d).name as string).filter((n) => n !== 'inkstone');
      const code = names
        .map((n, i) => `import * as m${i} from '${n}'; console.log('${n}', Object.keys(m${i}).length > 0);`)
        .join('\n');
      expect(run(code).split('\n')).toEqual(names.map((n) => `${n} true`));
    });

    it('the command answers', () => {
      const bin = path.join(
        folder,
        'node_modules',
        '.bin',
        process.platform === 'win32' ? 'inkstone.cmd' : 'inkstone',
      );
      expect(
        execFileSync(bin, ['--help'], { encoding: 'utf8', shell: process.platform === 'win32' }),
      ).toContain('quickstart');
    });
  });
});
