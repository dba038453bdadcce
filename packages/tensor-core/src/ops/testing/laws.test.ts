import { describe, expect, it } from 'vitest';
import { isFloat } from '../../dtype.js';
import { apply1, type OpDefinition } from '../../op.js';
import { Kernel } from '../../runtime.js';
import { keep } from '../../scope.js';
import type { Tensor } from '../../tensor.js';
import {
  carriesSpecials,
  equalsReference,
  gradientsAgree,
  hasGradient,
  ignoresStrides,
  isRepeatable,
  type OpSpec,
  readsSharedElements,
  readsSharedInputs,
  sound,
  survivesOutOfMemory,
} from './law.js';
import { input, unaryCases } from './laws.js';

// A law that cannot fail proves nothing: here each meets definitions that break it, and one that breaks none.

const copy = new Kernel('copy', '');
const exp = new Kernel('exp', '');

const honest: OpDefinition = {
  name: 'exp',
  infer: ([x]) => [x!],
  reference: ([x]) => [x!.data.map(Math.exp)],
  native: (inputs) => ({ kernel: exp, inputs }),
  saves: { outputs: [0] },
  grad: (ctx, [dy]) => [dy.mul(ctx.output(0))],
};
const but = (change: Partial<OpDefinition>): OpDefinition => ({ ...honest, ...change });
const specOf = (definition: OpDefinition): OpSpec<undefined> => ({
  cases: unaryCases(),
  run: ([x]) => apply1(definition, [x!], undefined),
});

/** Asserts that a law is broken, and why: fast-check keeps the reason as the cause of its report. */
function expectBroken(law: () => void, reason: RegExp): void {
  let error: unknown;
  try {
    law();
  } catch (e) {
    error = e;
  }
  expect(error, 'the law was not broken').toBeInstanceOf(Error);
  const { message, cause } = error as Error;
  expect(cause instanceof Error ? cause.message : message).toMatch(reason);
}

const everyLaw = (spec: OpSpec<undefined>) => {
  for (const device of ['ref', 'cpu'] as const) {
    equalsReference(spec, device, 'f32');
    carriesSpecials(spec, device, 'f32');
    ignoresStrides(spec, device);
    readsSharedElements(spec, device);
    readsSharedInputs(spec, device);
    isRepeatable(spec, device);
    hasGradient(spec, device);
  }
  gradientsAgree(spec, 'cpu', 'f32');
  survivesOutOfMemory(spec, 'cpu');
};

describe('the laws', () => {
  it('accept a correct operation', () => everyLaw(specOf(honest)));

  it('catch a wrong value', () => {
    const wrong = but({ native: (inputs) => ({ kernel: copy, inputs }) });
    expectBroken(() => equalsReference(specOf(wrong), 'cpu', 'f32'), /should be/);
  });

  it('catch a wrong shape', () => {
    const flat = but({ infer: ([x]) => [{ shape: [x!.size], dtype: x!.dtype }] });
    // The reference is right: what differs is what the operation promises on the device.
    const spec = specOf(honest);
    const mixed: OpSpec<undefined> = {
      ...spec,
      run: ([x]) => apply1(x!.device === 'cpu' ? flat : honest, [x!], undefined),
    };
    expectBroken(() => equalsReference(mixed, 'cpu', 'f32'), /deeply equal/);
  });

  it('catch a reference that does not fill the shape it promises', () => {
    const short = but({ reference: ([x]) => [x!.data.slice(1)] });
    expectBroken(() => equalsReference(specOf(short), 'ref', 'f32'), /elements of the reference/);
  });

  it('catch a wrong dtype', () => {
    const spec = specOf(honest);
    const mixed: OpSpec<undefined> = {
      ...spec,
      run: ([x]) => (x!.device === 'cpu' && isFloat(x!.dtype) ? x!.exp().cast('f64') : x!.exp()),
    };
    expectBroken(() => equalsReference(mixed, 'cpu', 'f32'), /f64/);
  });

  it('catch special values that get lost', () => {
    const spec = specOf(honest);
    const lossy: OpSpec<undefined> = {
      ...spec,
      run: ([x]) => (x!.device === 'cpu' ? x!.clamp(-80, 80).exp() : x!.exp()),
    };
    equalsReference(lossy, 'cpu', 'f32');
    expectBroken(() => carriesSpecials(lossy, 'cpu', 'f32'), /should be/);
  });

  it('catch a wrong gradient', () => {
    const wrong = but({ grad: (ctx, [dy]) => [dy.mul(ctx.output(0)).mul(1.001)] });
    expectBroken(() => hasGradient(specOf(wrong), 'ref'), /the gradient must be/);
  });

  it('catch a gradient that is missing', () => {
    expectBroken(() => hasGradient(specOf(but({ grad: undefined })), 'ref'), /the gradient must be/);
  });

  it('catch a gradient that a plain sum hides: the gradient of the sum of a softmax is zero', () => {
    const softmax: OpDefinition = {
      name: 'softmax',
      infer: ([x]) => [x!],
      reference: ([x]) => {
        const e = x!.data.map(Math.exp);
        const total = e.reduce((a, b) => a + b, 0);
        return [e.map((v) => v / total)];
      },
      grad: (_, [dy]) => [dy.zerosLike()],
    };
    expectBroken(() => hasGradient(specOf(softmax), 'ref'), /the gradient must be/);
  });

  it('catch a gradient that is right in float64 alone', () => {
    const narrow = but({
      grad: (ctx, [dy]) => [dy.dtype === 'f64' ? dy.mul(ctx.output(0)) : dy],
    });
    hasGradient(specOf(narrow), 'cpu');
    expectBroken(() => gradientsAgree(specOf(narrow), 'cpu', 'f32'), /should be/);
  });

  it('catch an operation that ignores strides', () => {
    // It reads its input as if it were dense.
    const careless: OpDefinition = {
      ...honest,
      native: ([x]) => {
        const { storage, offset, shape, dtype } = x!;
        let step = 1;
        const strides = [...shape].reverse().map((n) => (step *= n) / n || 1);
        return { kernel: exp, inputs: [{ storage, offset, shape, dtype, strides: strides.reverse() }] };
      },
    };
    const spec: OpSpec<undefined> = {
      ...specOf(careless),
      cases: input([2, 3]).map((x) => ({ inputs: [x], args: undefined })),
    };
    equalsReference(spec, 'cpu', 'f32');
    expectBroken(() => ignoresStrides(spec, 'cpu'), /deeply equal/);
    expectBroken(() => readsSharedElements(spec, 'cpu'), /deeply equal/);
  });

  it('catch an operation that minds one tensor given twice', () => {
    const spec: OpSpec<undefined> = {
      cases: input([2, 3]).map((x) => ({ inputs: [x, x], args: undefined })),
      run: ([a, b]) => (a === b ? a!.neg() : a!.add(b!)),
    };
    expectBroken(() => readsSharedInputs(spec, 'cpu'), /deeply equal/);
  });

  it('catch a leak where memory ends, and an error that hides that it did', () => {
    const cases = input([64]).map((x) => ({ inputs: [x], args: undefined }));
    const leaked: Tensor[] = [];
    const leaking: OpSpec<undefined> = {
      cases,
      run: ([x]) => {
        try {
          return x!.exp();
        } catch (e) {
          leaked.push(keep(x!.slice(0, 0, 1)));
          throw e;
        }
      },
    };
    expectBroken(() => survivesOutOfMemory(leaking, 'cpu'), /storages leaked/);
    for (const t of leaked) t.dispose();
    const hiding: OpSpec<undefined> = {
      cases,
      run: ([x]) => {
        try {
          return x!.exp();
        } catch {
          throw new TypeError('no');
        }
      },
    };
    expectBroken(() => survivesOutOfMemory(hiding, 'cpu'), /with 0 bytes/);
  });

  it('catch results that change from call to call', () => {
    let calls = 0;
    const restless = but({ reference: ([x]) => [x!.data.map((v) => v + ++calls)] });
    expectBroken(() => isRepeatable(specOf(restless), 'ref'), /deeply equal/);
  });

  it.each(['ref', 'cpu'] as const)('catch a leak on %s', (device) => {
    const leaked: Tensor[] = [];
    const leaking: OpSpec<undefined> = {
      ...specOf(honest),
      run: ([x]) => {
        leaked.push(keep(x!.clone()));
        return x!.exp();
      },
    };
    expectBroken(() => isRepeatable(leaking, device), /storages leaked/);
    for (const t of leaked) t.dispose();
    sound(() => undefined);
  });
});
