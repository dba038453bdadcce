import { describe, expect, it } from 'vitest';
import {
  type Device,
  Generator,
  linear,
  memory,
  noGrad,
  PackedWeights,
  scope,
  type Tensor,
  TensorError,
  tensor,
  withMatmulPrecision,
} from './index.js';
import { Embedding, Linear, Module } from './nn/index.js';
import { status } from './ops/testing/law.js';

const bits = (t: Tensor) => Buffer.from(t.dataSync().buffer).toString('hex');

// The table is both read by rows and multiplied with.
class Tied extends Module {
  readonly table: Embedding;
  readonly fc: Linear;
  constructor(device: Device) {
    super();
    const options = { device, generator: new Generator(1) };
    this.table = new Embedding(11, 6, options);
    this.fc = new Linear(6, 6, options);
  }
  forward(ids: Tensor): Tensor {
    return linear(this.fc.forward(this.table.forward(ids)), this.table.weight);
  }
}

describe.each(['ref', 'cpu'] as Device[])('packed weights on %s', (device) => {
  if (!status[device].present) {
    it.skip(`skipped: no device ${device} (${status[device].reason})`, () => undefined);
    return;
  }
  const setup = () => {
    const model = new Tied(device);
    const ids = tensor([1, 2, 3, 4, 5, 6, 7, 8, 9, 10], { dtype: 'i32', device });
    return { model, run: () => scope(() => noGrad(() => bits(model.forward(ids)))), ids };
  };

  it('are used inside use(), each packed at its first product and kept', () =>
    scope(() => {
      const { model, run } = setup();
      const plain = run();
      const packs = new PackedWeights(model.parameters());
      expect(packs.bytes).toBe(0);
      expect(packs.use(run)).toBe(plain);
      const { bytes } = packs;
      // Two matrices, in panels of at most 32 columns; on ref nothing is copied.
      if (device === 'ref') expect(bytes).toBe(0);
      else expect(bytes).toBeGreaterThanOrEqual((11 + 6) * 6 * 4);
      const { storages } = memory();
      expect(packs.use(run)).toBe(plain);
      expect(memory().storages).toBe(storages);
      expect(packs.bytes).toBe(bytes);
      packs.dispose();
      packs.dispose();
      expect(packs.bytes).toBe(0);
      expect(run()).toBe(plain);
      expect(() => packs.use(run)).toThrow(TensorError);
      model.dispose();
    }));

  it('follow their weights and the precision', () =>
    scope(() => {
      const { model, run } = setup();
      using packs = new PackedWeights(model.parameters());
      const first = packs.use(run);
      model.fc.weight.fill_(0.5);
      const second = packs.use(run);
      expect(second).not.toBe(first);
      expect(second).toBe(run());
      withMatmulPrecision('bf16', () => expect(packs.use(run)).toBe(run()));
      expect(packs.use(run)).toBe(second);
      // Changed between two products of one use.
      packs.use(() => {
        expect(run()).toBe(second);
        model.fc.weight.fill_(0.25);
        const third = run();
        expect(third).not.toBe(second);
        expect(third).toBe(withoutPacks(run));
      });
      // Parameters that take the place of others are used as they are.
      model.to({ dtype: 'f64' });
      expect(packs.use(run)).toBe(run());
      model.dispose();
    }));

  it('leave products alone that record a gradient', () =>
    scope(() => {
      const { model, ids } = setup();
      using packs = new PackedWeights(model.parameters());
      packs.use(() => model.forward(ids).sum().backward());
      expect(packs.bytes).toBe(0);
      for (const p of model.parameters()) expect(p.grad).not.toBeNull();
      model.dispose();
    }));

  it('hold in the innermost use alone, and not beyond an error', () =>
    scope(() => {
      const { model, run } = setup();
      using outer = new PackedWeights(model.parameters());
      using inner = new PackedWeights([model.fc.weight]);
      outer.use(() => inner.use(run));
      expect(outer.bytes).toBe(0);
      expect(() =>
        outer.use(() => {
          throw new Error('no');
        }),
      ).toThrow('no');
      run();
      expect(outer.bytes).toBe(0);
      expect(() => outer.use(async () => 1)).toThrow(TypeError);
      model.dispose();
    }));
});

// What f gives with no packs in force.
function withoutPacks<R>(f: () => R): R {
  using none = new PackedWeights([]);
  return none.use(f);
}
