// npm run new-op NAME: writes an elementwise op, y = f(x), as an identity whose tests fail until its formula, gradient
// and functor are filled in. It touches the five places an elementwise op touches, and nothing else.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const name = process.argv[2] ?? '';

function stop(message) {
  console.error(`new-op: ${message}`);
  process.exit(1);
}

if (!/^[a-z][a-zA-Z0-9]*$/.test(name))
  stop(`a camelCase name was expected; received '${name}'; try: npm run new-op softplus`);
const kernel = name.replace(/[A-Z]/g, (c) => `_${c.toLowerCase()}`);
const at = (...parts) => path.join(root, ...parts);
const ops = at('packages', 'tensor-core', 'src', 'ops');
const files = { op: path.join(ops, `${name}.ts`), test: path.join(ops, `${name}.test.ts`) };
for (const file of Object.values(files))
  if (existsSync(file)) stop(`${path.relative(root, file)} exists already`);

/** Changes a text file, and stops if the place to change is not there. */
function edit(file, change) {
  const before = readFileSync(file, 'utf8');
  const after = change(before);
  if (after === before) stop(`${path.relative(root, file)} has no place for a new line: was it rearranged?`);
  return [file, after];
}

const afterLast = (text, pattern, line) => {
  const last = [...text.matchAll(pattern)].at(-1);
  return last
    ? `${text.slice(0, last.index + last[0].length)}${line}${text.slice(last.index + last[0].length)}`
    : text;
};

const changes = [
  edit(path.join(ops, 'index.ts'), (text) => {
    const line = `export { ${name} } from './${name}.js';`;
    const key = (l) => l.match(/'\.\/(.*)\.js'/)?.[1].toLowerCase() ?? '';
    const lines = text.trimEnd().split('\n');
    const before = lines.findIndex((l) => l.startsWith('export') && key(l) > name.toLowerCase());
    lines.splice(before < 0 ? lines.length : before, 0, line);
    return `${lines.join('\n')}\n`;
  }),
  edit(at('native', 'ops.def'), (text) => afterLast(text, /^IK_UNARY\(.*\n/gm, `IK_UNARY(${kernel})\n`)),
  edit(at('native', 'elementwise', 'functors.h'), (text) =>
    text.replace(
      /\n\/\/ ---- two inputs/,
      `struct ${kernel} : real {\n  template <class V>\n  IK_FN V operator()(V x) const { return x; }\n};\n\n// ---- two inputs`,
    ),
  ),
  [
    files.op,
    `import { apply1, type OpDefinition, operation } from '../op.js';
import type { Tensor } from '../tensor.js';
import { unaryDefinition } from './elementwise.js';

const definition: OpDefinition = unaryDefinition({
  name: '${kernel}',
  // The formula in float64: it defines the op.
  f: (x) => x,
  saves: 'input',
  // dx from dy and the saved x (or, with saves: 'output', the saved y).
  grad: (dy, x) => dy.mul(x).mul(0),
});

/**
 * y = the formula.
 *
 * The paper, with its equation.
 *
 * @param x float, any shape
 * @throws TensorError E_DTYPE (not a float)
 * @example
 * ${name}(tensor([0]));
 */
export const ${name} = operation(definition, (x: Tensor): Tensor => apply1(definition, [x], undefined));
`,
  ],
  [
    files.test,
    `import { tensor } from '../index.js';
import { ${name} } from './index.js';
import { laws, unaryCases } from './testing/laws.js';

laws(${name}, {
  // Draw inside the domain, away from kinks and poles: unaryCases(reals(0.5, 3)).
  cases: unaryCases(),
  run: ([x]) => x!.${name}(),
  values: [
    // Worked by hand or from the literature.
    { name: 'at 0 and 1', run: (device) => tensor([0, 1], { device }).${name}(), expected: [Number.NaN, Number.NaN] },
  ],
  errors: [{ name: 'integers', run: () => tensor([1], { dtype: 'i32', device: 'ref' }).${name}(), code: 'E_DTYPE' }],
});
`,
  ],
];
for (const [file, text] of changes) {
  writeFileSync(file, text);
  console.log(`  ${path.relative(root, file)}`);
}
console.log(`
Now:
  1. fill in f and grad in ${path.relative(root, files.op)}, and the expected values in the test
  2. npx vitest run ${path.relative(root, files.test)} -t 'on ref'     (needs no compiler)
  3. write the functor in native/elementwise/functors.h, then: npm run build:addon -w @inkstone/native
  4. npx vitest run ${path.relative(root, files.test)}
`);
