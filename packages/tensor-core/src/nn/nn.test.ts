import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type Device,
  deviceStatus,
  Generator,
  memory,
  scope,
  type Tensor,
  TensorError,
  tensor,
} from '../index.js';
import {
  Dropout,
  Embedding,
  LayerNorm,
  Linear,
  MLP,
  Module,
  Parameter,
  pathMatcher,
  RMSNorm,
  SelfAttention,
  SwiGLU,
} from './index.js';

const device: Device = deviceStatus().cpu.present ? 'cpu' : 'ref';
const options = () => ({ generator: new Generator(1), device });

class Net extends Module {
  readonly embed = new Embedding(7, 8, options());
  readonly blocks = [new MLP(8, options()), new MLP(8, options())];
  readonly norm = new LayerNorm(8, { device });
  readonly steps = tensor([0], { device });
}

let before = 0;
beforeAll(() => {
  before = device === 'cpu' ? memory().storages : 0;
});
afterAll(() => {
  if (device === 'cpu') expect(memory().storages, 'storages leaked').toBe(before);
});

describe('Module', () => {
  it('finds parameters and buffers by path', () => {
    using net = new Net();
    expect([...net.namedParameters()].map(([path]) => path)).toEqual([
      'embed.weight',
      'blocks.0.up.weight',
      'blocks.0.up.bias',
      'blocks.0.down.weight',
      'blocks.0.down.bias',
      'blocks.1.up.weight',
      'blocks.1.up.bias',
      'blocks.1.down.weight',
      'blocks.1.down.bias',
      'norm.weight',
      'norm.bias',
    ]);
    expect([...net.namedBuffers()].map(([path]) => path)).toEqual(['steps']);
  });

  it('counts a shared parameter once', () => {
    class Tied extends Module {
      readonly a = new Linear(2, 2, options());
      readonly b = this.a;
    }
    using tied = new Tied();
    expect([...tied.parameters()]).toHaveLength(2);
  });

  it('loads a state dict, and names what does not fit without copying anything', () => {
    using a = new Net();
    using b = new Net();
    for (const p of a.parameters()) p.fill_(0.25);
    b.loadStateDict(a.stateDict());
    expect(b.embed.weight.numbers().every((v) => v === 0.25)).toBe(true);

    const wrong = { ...a.stateDict(), extra: a.steps } as Record<string, Tensor>;
    delete wrong['norm.bias'];
    expect(() => b.loadStateDict(wrong)).toThrow(/missing: norm\.bias; unexpected: extra/);
    expect(b.loadStateDict(wrong, { strict: false })).toEqual({
      missing: ['norm.bias'],
      unexpected: ['extra'],
    });
    expect(() => b.loadStateDict({ ...a.stateDict(), 'norm.bias': a.embed.weight })).toThrow(
      /norm\.bias: \[7, 8\] for \[8\]/,
    );
  });

  it('freezes by pattern', () => {
    using net = new Net();
    expect(net.freeze('blocks.*.up.*')).toBe(4);
    expect(net.blocks[0]!.up.weight.requiresGrad).toBe(false);
    expect(net.blocks[0]!.down.weight.requiresGrad).toBe(true);
    expect(net.unfreeze()).toBe(11);
    expect(net.freeze(/bias$/)).toBe(5);
  });

  it('moves between dtypes and devices', () => {
    using net = new Net();
    const old = net.embed.weight;
    net.freeze('norm.**');
    net.to({ dtype: 'f64', device: 'ref' });
    expect(old.disposed).toBe(true);
    expect([net.embed.weight.dtype, net.embed.weight.device]).toEqual(['f64', 'ref']);
    expect(net.embed.weight).toBeInstanceOf(Parameter);
    expect([net.embed.weight.requiresGrad, net.norm.weight.requiresGrad]).toEqual([true, false]);
  });

  it('replaces submodules by path', () => {
    using net = new Net();
    const plain = new Linear(32, 8, options());
    const old = net.setModule('blocks.1.down', plain);
    expect(net.getModule('blocks.1.down')).toBe(plain);
    old.dispose();
    expect(() => net.getModule('blocks.2')).toThrow(TensorError);
  });

  it('matches paths by globs', () => {
    expect(pathMatcher('h.*.attn.*')('h.3.attn.weight')).toBe(true);
    expect(pathMatcher('h.*')('h.3.attn')).toBe(false);
    expect(pathMatcher('h.**')('h.3.attn')).toBe(true);
    expect(pathMatcher('a+b')('a+b')).toBe(true);
  });
});

describe('layers', () => {
  it('attention over a cache equals attention over the whole sequence', () =>
    scope(() => {
      using attention = new SelfAttention(8, { heads: 2, groups: 1, ropeTheta: 10000, ...options() });
      const x = tensor(
        Float64Array.from({ length: 40 }, (_, i) => Math.sin(i)),
        { shape: [1, 5, 8], device },
      );
      const whole = attention.forward(x).numbers();
      const seen: { k: ReturnType<typeof tensor>[]; v: ReturnType<typeof tensor>[] } = { k: [], v: [] };
      const rows = [0, 1, 2, 3, 4].flatMap((t) => {
        const cache = {
          length: t,
          append(k: ReturnType<typeof tensor>, v: ReturnType<typeof tensor>) {
            seen.k.push(k);
            seen.v.push(v);
            return { k: join(seen.k), v: join(seen.v) };
          },
        };
        return [...attention.forward(x.slice(1, t, t + 1), cache).numbers()];
      });
      rows.forEach((v, i) => {
        expect(v).toBeCloseTo(whole[i]!, 5);
      });
    }));

  it('dropout drops while training only', () =>
    scope(() => {
      const x = tensor(new Float64Array(64).fill(1), { device });
      const drop = new Dropout(0.5, { generator: new Generator(3) });
      expect(
        drop
          .forward(x)
          .numbers()
          .some((v) => v === 0),
      ).toBe(true);
      expect(
        drop
          .eval()
          .forward(x)
          .numbers()
          .every((v) => v === 1),
      ).toBe(true);
    }));

  it('every parameter of every layer gets a gradient', () => {
    using list = new (class extends Module {
      readonly attention = new SelfAttention(8, { heads: 2, ...options() });
      readonly mlp = new MLP(8, options());
      readonly glu = new SwiGLU(8, 12, options());
      readonly rms = new RMSNorm(8, { device });
      readonly norm = new LayerNorm(8, { device });
    })();
    scope(() => {
      const x = tensor(
        Float64Array.from({ length: 48 }, (_, i) => Math.cos(i * i)),
        { shape: [2, 3, 8], device },
      );
      const y = list.norm.forward(
        list.glu.forward(list.mlp.forward(list.rms.forward(list.attention.forward(x)))),
      );
      y.mul(y).mul(y).sum().backward();
    });
    for (const [path, p] of list.namedParameters()) expect(p.grad, path).not.toBeNull();
    list.zeroGrad();
  });

  it('refuses heads that do not divide the width', () => {
    expect(() => new SelfAttention(10, { heads: 3 })).toThrow(/heads must divide the width/);
  });
});

function join(list: ReturnType<typeof tensor>[]): ReturnType<typeof tensor> {
  const [B, , G, D] = list[0]!.shape as [number, number, number, number];
  const values = list.flatMap((t) => [...t.numbers()]);
  return tensor(Float64Array.from(values), { shape: [B, list.length, G, D], device });
}
