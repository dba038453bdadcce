// Makes the npm package that carries this platform's built addon: prebuilds/native-<platform>-<arch>. It holds no
// install script, since npm does not run those by default; @inkstone/native finds it by name.
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const { version, license, engines } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
const { platform, arch } = process;
const target = path.join(root, 'prebuilds', `native-${platform}-${arch}`);
const built = path.join(root, 'build', 'Release');

rmSync(target, { recursive: true, force: true });
mkdirSync(target, { recursive: true });
const binaries = readdirSync(built).filter((file) => /\.(node|ikl)$/.test(file));
if (!binaries.includes('inkstone.node'))
  throw new Error(`no inkstone.node in ${built}: run npm run build:addon first`);
for (const file of binaries) copyFileSync(path.join(built, file), path.join(target, file));
copyFileSync(path.join(root, '..', 'LICENSE'), path.join(target, 'LICENSE'));
writeFileSync(
  path.join(target, 'package.json'),
  `${JSON.stringify(
    {
      name: `@inkstone/native-${platform}-${arch}`,
      version,
      description: `The addon of @inkstone/native, built for ${platform}-${arch}.`,
      license,
      engines,
      os: [platform],
      cpu: [arch],
      ...(platform === 'linux' ? { libc: ['glibc'] } : {}),
      files: ['*.node', '*.ikl'],
      publishConfig: { access: 'public' },
    },
    null,
    2,
  )}\n`,
);
writeFileSync(
  path.join(target, 'README.md'),
  `# @inkstone/native-${platform}-${arch}\n\nThe compiled addon of [@inkstone/native](https://www.npmjs.com/package/@inkstone/native) for ${platform}-${arch}. It is installed beside it; there is nothing to import.\n`,
);
console.log(`${path.relative(process.cwd(), target)}: ${binaries.join(', ')}`);
