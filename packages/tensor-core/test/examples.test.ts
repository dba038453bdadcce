import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { examplesOf, runExample } from '../../../tools/testing/examples.js';
import * as core from '../src/index.js';
import * as nn from '../src/nn/index.js';

const root = path.join(import.meta.dirname, '..');
const present = core.deviceStatus().cpu.present;
const [B, T, H, D, C, V] = [2, 3, 2, 4, 8, 16];

class Model extends nn.Module {
  readonly wte = new nn.Embedding(V, C, { generator: new core.Generator(1) });
  readonly head = new nn.Linear(C, V, { generator: new core.Generator(2) });
  forward(ids: core.Tensor) {
    return this.head.forward(this.wte.forward(ids));
  }
}

/** What examples may name without making it. */
function context() {
  const device = 'cpu';
  const generator = new core.Generator(3);
  const normal = (shape: number[]) => core.randn(shape, { generator, device });
  return {
    ...{ B, T, H, D, C },
    x: normal([B, T, C]),
    past: normal([B, T, C]),
    next: normal([B, 1, C]),
    weight: core.ones([C], { device }),
    bias: core.zeros([C], { device }),
    wte: normal([V, C]),
    ids: core.tensor([1, 2, 3, 4, 5, 6], { shape: [B, T], dtype: 'i32', device }),
    logits: core.randn([B, V], { generator, device, requiresGrad: true }),
    targets: core.tensor([1, 2], { dtype: 'i32', device }),
    q: normal([B, T, H, D]),
    k: normal([B, T, H, D]),
    v: normal([B, T, H, D]),
    cache: { length: T },
  };
}

const printed: Record<string, unknown> = {
  'README.md 1': [0, 1, 1, 0],
  'src/errors.ts 1': 'E_SHAPE',
};

describe.skipIf(!present)(present ? 'examples' : 'examples: device cpu is not present, skipped', () => {
  let made: core.Scope;
  beforeEach(() => {
    made = new core.Scope();
  });
  afterEach(() => made[Symbol.dispose]());

  for (const example of examplesOf(root))
    it(example.name, async () => {
      const lines: unknown[] = [];
      const model = new Model();
      const console = { log: (line: unknown) => lines.push(line) };
      await runExample(example, { ...core, ...nn, ...context(), model, console });
      expect(lines).toEqual(example.name in printed ? [printed[example.name]] : []);
      model.dispose();
    });
});
