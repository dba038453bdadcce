// Packages may import only lower layers. The layers are here, and nowhere else.
import { readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const layers = [
  ['@inkstone/native'],
  ['@inkstone/tensor-core', '@inkstone/tokenizer'],
  ['@inkstone/data', '@inkstone/transformer', '@inkstone/metrics', '@inkstone/peft', '@inkstone/compress'],
  ['@inkstone/trainer'],
  ['@inkstone/serve', 'inkstone'],
];
const layerOf = new Map(layers.flatMap((names, i) => names.map((name) => [name, i])));
const directories = ['native', ...readdirSync(path.join(root, 'packages')).map((name) => `packages/${name}`)];

function* sources(directory) {
  for (const name of readdirSync(directory)) {
    if (name === 'node_modules' || name === 'dist' || name.startsWith('build')) continue;
    const file = path.join(directory, name);
    if (statSync(file).isDirectory()) yield* sources(file);
    else if (/\.(ts|mts|mjs)$/.test(name)) yield file;
  }
}

const problems = [];
for (const directory of directories) {
  const manifest = JSON.parse(readFileSync(path.join(root, directory, 'package.json'), 'utf8'));
  const own = layerOf.get(manifest.name);
  if (own === undefined) {
    problems.push(`${manifest.name}: it has no layer; add it to tools/check-boundaries.mjs`);
    continue;
  }
  const declared = new Set(
    Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies, ...manifest.optionalDependencies }),
  );
  for (const file of sources(path.join(root, directory))) {
    const text = readFileSync(file, 'utf8');
    const isTest = /\.test\.ts$|[/\\](test|testing|bench)[/\\]/.test(file);
    for (const [, name] of text.matchAll(
      /(?:from|import)\s*\(?\s*'((?:@inkstone\/[\w-]+)|inkstone)(?:\/[\w-]+)*'/g,
    )) {
      const at = path.relative(root, file);
      if (name === manifest.name) continue;
      if (!layerOf.has(name)) problems.push(`${at}: ${name} is not a package`);
      else if (layerOf.get(name) >= own)
        problems.push(
          `${at}: ${manifest.name} (layer ${own}) must not import ${name} (layer ${layerOf.get(name)})`,
        );
      else if (!isTest && !declared.has(name))
        problems.push(`${at}: ${name} must be a dependency in ${directory}/package.json`);
    }
  }
}
for (const problem of problems) console.error(problem);
if (problems.length > 0) process.exit(1);
console.log(`${directories.length} packages keep to their layers`);
