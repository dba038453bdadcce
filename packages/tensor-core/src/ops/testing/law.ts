// The laws every operation obeys, one function each: it throws where the operation breaks the law.
import fc from 'fast-check';
import { expect } from 'vitest';
import { DTYPES, type DType, isFloat } from '../../dtype.js';
import type { TensorError, TensorErrorCode } from '../../errors.js';
import { checkGradient } from '../../gradcheck.js';
import { scope } from '../../index.js';
import { type Device, deviceStatus, native } from '../../runtime.js';
import { sizeOf } from '../../shape.js';
import { memory, refCount, setMemoryLimit, trimMemory } from '../../storage.js';
import { Tensor, tensor } from '../../tensor.js';
import type { InputCase, OpCase } from './cases.js';

/** What an op's test file says. */
export interface OpSpec<Args> {
  /** Draws inputs inside the op's domain, away from kinks and poles, zero-size shapes included. */
  cases: fc.Arbitrary<OpCase<Args>>;
  /** The call under test. */
  run: (inputs: Tensor[], args: Args) => Tensor | readonly Tensor[];
  /** Dtypes of the inputs that are not fixed. Default: the four floats. */
  dtypes?: readonly DType[];
  /** Relative (and, near zero, absolute) error allowed against the reference, per output dtype. */
  tolerance?: Partial<Record<DType, number>>;
  /** Whether gradients are checked. Default true. */
  differentiable?: boolean;
  /** Special values are tried in every float input and must come out as the reference says. Default true. */
  specials?: boolean;
  /**
   * The op adds many numbers, in an order that follows their strides: a strided view then gives what its copy gives up
   * to the tolerance, instead of bit for bit. Default false.
   */
  sums?: boolean;
  /** Calls that must throw, with the code promised. */
  errors?: readonly { name: string; run: () => unknown; code: TensorErrorCode }[];
  /** Values from the literature or worked by hand, f32, on every device. */
  values?: readonly { name: string; run: (device: Device) => Tensor; expected: readonly number[] }[];
}

const TOLERANCE: Record<DType, number> = {
  f64: 1e-12,
  f32: 3e-6,
  bf16: 1.6e-2,
  f16: 2e-3,
  i32: 0,
  u8: 0,
  bool: 0,
  i8: 0,
};
const FLOATS: readonly DType[] = ['f32', 'f64', 'bf16', 'f16'];
const RUNS = Number(process.env.INKSTONE_LAW_RUNS ?? 12);

/** Which devices this process has. */
export const status = deviceStatus();

const toleranceOf = (spec: Pick<OpSpec<never>, 'tolerance'>, dtype: DType) =>
  spec.tolerance?.[dtype] ?? TOLERANCE[dtype];

/** The dtypes that an op's inputs may have. */
export const dtypesOf = ({ dtypes = FLOATS }: { dtypes?: readonly DType[] }): readonly DType[] => dtypes;

const list = (result: Tensor | readonly Tensor[]): readonly Tensor[] =>
  result instanceof Tensor ? [result] : result;

const make = ({ shape, values, dtype }: InputCase, free: DType, device: Device): Tensor =>
  tensor(Float64Array.from(values), { shape, dtype: dtype ?? free, device });

// The values that survive rounding to a dtype, so that only the op's own error is measured.
const rounded = (c: InputCase, dtype: DType): InputCase => ({
  ...c,
  values: [...make(c, dtype, 'ref').numbers()],
});

// The same values behind other strides: axes reversed in memory, and every other element of a wider last axis.
function strided(c: InputCase, free: DType, device: Device): Tensor {
  const t = make(c, free, device);
  const order = t.shape.map((_, i) => t.rank - 1 - i);
  const reversed = t.permute(order).clone().permute(order);
  if (t.rank === 0) return reversed;
  const wide = [...t.shape];
  wide[t.rank - 1] = t.shape[t.rank - 1]! * 2 + 1;
  const host = tensor(new Float64Array(sizeOf(wide)).fill(7), {
    shape: wide,
    dtype: c.dtype ?? free,
    device,
  });
  const inner = host.slice(-1, 1, 1 + t.shape[t.rank - 1]!);
  inner.copy_(reversed);
  return inner;
}

/** Asserts |actual - expected| <= tolerance * max(1, |expected|, |terms|), with NaN and infinities equal to themselves. */
export function expectClose(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance: number,
  terms?: ArrayLike<number>,
): void {
  expect(actual.length).toBe(expected.length);
  for (let i = 0; i < actual.length; i++) {
    const a = actual[i]!;
    const e = expected[i]!;
    if (a === e || (Number.isNaN(a) && Number.isNaN(e))) continue;
    const error = Math.abs(a - e);
    const allowed = tolerance * Math.max(1, Math.abs(e), terms?.[i] || 0);
    // No finite value is close to an infinity.
    if (!Number.isFinite(e) || !(error <= allowed))
      expect.fail(`element ${i}: ${a} should be ${e} (error ${error}, allowed ${allowed})`);
  }
}

const addonDevices = (['cpu', 'cuda'] as const)
  .filter((d) => status[d].present)
  .map((d) => (d === 'cpu' ? 0 : 1));

/** Runs `f` and asserts that no storage leaked and nothing was written outside a buffer. */
export function sound(f: () => void): void {
  const alive = () => addonDevices.reduce((n, d) => n + native().addon.memory(d).storages, refCount.storages);
  const before = alive();
  const broken = addonDevices.length > 0 ? native().addon.brokenGuards() : 0;
  for (const d of addonDevices) native().addon.setGuards(d, true);
  try {
    f();
  } finally {
    for (const d of addonDevices) native().addon.setGuards(d, false);
  }
  expect(alive(), 'storages leaked').toBe(before);
  if (addonDevices.length > 0) expect(native().addon.brokenGuards(), 'writes outside a buffer').toBe(broken);
}

// Every law draws cases, and frees what each of them made.
const forAll = <T>(drawn: fc.Arbitrary<T>, check: (c: T) => void, numRuns = RUNS) =>
  sound(() =>
    fc.assert(
      fc.property(drawn, (c) => scope(() => check(c))),
      { numRuns },
    ),
  );

function agreesWithReference<Args>(spec: OpSpec<Args>, device: Device, dtype: DType, c: OpCase<Args>): void {
  const call = (free: DType, on: Device) =>
    list(
      spec.run(
        c.inputs.map((i) => make(rounded(i, dtype), free, on)),
        c.args,
      ),
    );
  const exact = call(isFloat(dtype) ? 'f64' : dtype, 'ref');
  const promised = call(dtype, 'ref');
  const actual = call(dtype, device);
  expect(actual.length).toBe(exact.length);
  actual.forEach((a, i) => {
    expect(a.shape).toEqual(promised[i]!.shape);
    expect(a.dtype).toBe(promised[i]!.dtype);
    expect(a.shape).toEqual(exact[i]!.shape);
    // Overflow of a narrow dtype is not the op's error: what lies beyond its range is an infinity.
    const expected = exact[i]!.numbers();
    expect(expected.length, 'elements of the reference').toBe(sizeOf(a.shape));
    expectClose(
      a.numbers(),
      isFloat(a.dtype) ? expected.map(DTYPES[a.dtype].round) : expected,
      toleranceOf(spec, dtype),
    );
  });
}

/** The values of the reference, of the shape and dtype promised. */
export function equalsReference<Args>(spec: OpSpec<Args>, device: Device, dtype: DType): void {
  forAll(spec.cases, (c) => agreesWithReference(spec, device, dtype, c));
}

/** NaN, infinities and zeros of either sign, sprinkled over the inputs, come out as the reference says. */
export function carriesSpecials<Args>(spec: OpSpec<Args>, device: Device, dtype: DType): void {
  const special = fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, -0);
  const changes = fc.array(fc.tuple(fc.nat(), fc.nat(), special), { minLength: 1, maxLength: 4 });
  forAll(fc.tuple(spec.cases, changes), ([c, list]) => {
    const inputs = c.inputs.map((i) => ({ ...i, values: [...i.values] }));
    for (const [which, at, value] of list) {
      const target = inputs[which % inputs.length]!;
      if (target.values.length && (target.dtype === undefined || isFloat(target.dtype)))
        target.values[at % target.values.length] = value;
    }
    agreesWithReference(spec, device, dtype, { inputs, args: c.args });
  });
}

const bits = (t: Tensor) => Buffer.from(t.dataSync().buffer).toString('hex');

type Build = (c: InputCase, free: DType, device: Device) => Tensor;

// Runs every case on inputs built in two ways.
function forBoth<Args>(
  spec: OpSpec<Args>,
  device: Device,
  first: Build,
  second: Build,
  numRuns: number,
  compare: (a: readonly Tensor[], b: readonly Tensor[], dtype: DType) => void,
): void {
  forAll(
    fc.tuple(spec.cases, fc.constantFrom(...dtypesOf(spec))),
    ([c, dtype]) => {
      const outputs = (build: Build) => {
        const inputs = c.inputs.map((i) => build(i, dtype, device));
        return list(spec.run(inputs, c.args));
      };
      compare(outputs(first), outputs(second), dtype);
    },
    numRuns,
  );
}

const sameBits = (a: readonly Tensor[], b: readonly Tensor[]) => expect(b.map(bits)).toEqual(a.map(bits));

/** A strided view gives what its contiguous copy gives: bit for bit, or within tolerance where the op sums. */
export function ignoresStrides<Args>(spec: OpSpec<Args>, device: Device): void {
  forBoth(spec, device, make, strided, RUNS, alike(spec));
}

// Every input's first row, again and again: the leading axis has stride 0, so that its elements share their memory.
function repeated(c: InputCase, free: DType, device: Device): Tensor {
  const t = make(c, free, device);
  return t.rank === 0 || t.shape[0] === 0 ? t : t.slice(0, 0, 1).expand(t.shape);
}

/** A view whose elements share memory gives what a copy gives. */
export function readsSharedElements<Args>(spec: OpSpec<Args>, device: Device): void {
  const copied: Build = (...c) => repeated(...c).clone();
  forBoth(spec, device, copied, repeated, RUNS, alike(spec));
}

/** One tensor given for several inputs is as good as copies of it. */
export function readsSharedInputs<Args>(spec: OpSpec<Args>, device: Device): void {
  forAll(fc.tuple(spec.cases, fc.constantFrom(...dtypesOf(spec))), ([c, dtype]) => {
    const inputs = c.inputs.map((i) => make(i, dtype, device));
    // Only inputs that may have any values: indices and masks stay as they are.
    const free = (i: number) => c.inputs[i]!.dtype === undefined;
    const likeFirst = (t: Tensor, i: number) =>
      free(0) && free(i) && `${t.shape}` === `${inputs[0]!.shape}` ? inputs[0]! : t;
    const run = (list_: Tensor[]) => list(spec.run(list_, c.args));
    alike(spec)(run(inputs.map((t, i) => likeFirst(t, i).clone())), run(inputs.map(likeFirst)), dtype);
  });
}

const alike =
  <Args>(spec: OpSpec<Args>) =>
  (a: readonly Tensor[], b: readonly Tensor[], dtype: DType): void => {
    if (!spec.sums) sameBits(a, b);
    else
      a.forEach((t, i) => {
        expectClose(b[i]!.numbers(), t.numbers(), 2 * toleranceOf(spec, dtype));
      });
  };

/** Where memory ends, at whatever allocation, E_OOM is thrown, nothing leaks, and the next call is as good as ever. */
export function survivesOutOfMemory<Args>(spec: OpSpec<Args>, device: 'cpu' | 'cuda'): void {
  forAll(
    spec.cases,
    (c) => {
      const inputs = c.inputs.map((i) => make(i, dtypesOf(spec)[0]!, device));
      const run = () => list(spec.run(inputs, c.args));
      const expected = run().map(bits);
      for (const room of [0, 64, 192, 1024, 8192]) {
        trimMemory(device);
        setMemoryLimit(memory(device).live + room, device);
        let thrown: unknown;
        try {
          scope(() => {
            run();
          });
        } catch (e) {
          thrown = e;
        } finally {
          setMemoryLimit(2 ** 40, device);
        }
        if (thrown !== undefined)
          expect((thrown as TensorError).code, `with ${room} bytes: ${thrown}`).toBe('E_OOM');
      }
      expect(run().map(bits)).toEqual(expected);
    },
    4,
  );
}

/** The same inputs give the same bits every time. */
export function isRepeatable<Args>(spec: OpSpec<Args>, device: Device): void {
  forBoth(spec, device, make, make, 5, sameBits);
}

/** The recorded gradient is what central differences see, under a random cotangent, in float64. */
export function hasGradient<Args>(spec: OpSpec<Args>, device: Device): void {
  forAll(fc.tuple(spec.cases, fc.integer()), ([c, seed]) => {
    const inputs = c.inputs.map((i) => make(i, 'f64', device));
    const wanted = c.inputs.map((i) => i.dtype === undefined);
    checkGradient((...x) => spec.run(x, c.args), inputs, { seed, inputs: wanted });
  });
}

/**
 * Gradients in a narrow dtype agree with those of the reference in float64. Where an element sums terms that cancel, its
 * rounding errors are those of the terms: it is measured against what the positive and the negative cotangents give.
 */
export function gradientsAgree<Args>(spec: OpSpec<Args>, device: Device, dtype: DType): void {
  forAll(spec.cases, (c) => {
    const gradients = (free: DType, on: Device, part: (cotangent: number) => number = (v) => v) => {
      const inputs = c.inputs.map((i) => make(rounded(i, dtype), free, on));
      inputs.forEach((t, i) => {
        if (c.inputs[i]!.dtype === undefined) t.setRequiresGrad();
      });
      // One fixed cotangent with values that every dtype holds exactly.
      for (const y of list(spec.run(inputs, c.args)).filter((t) => t.requiresGrad)) {
        const seed = Float64Array.from({ length: y.size }, (_, i) => part(((i * 7) % 9) / 4 - 1));
        y.backward(tensor(seed, { shape: y.shape, dtype: y.dtype, device: y.device }), { retainGraph: true });
      }
      return inputs.map((t) => t.grad?.numbers());
    };
    const exact = gradients('f64', 'ref');
    const positive = gradients('f64', 'ref', (v) => Math.max(v, 0));
    const negative = gradients('f64', 'ref', (v) => Math.min(v, 0));
    gradients(dtype, device).forEach((g, i) => {
      expect(g === undefined).toBe(exact[i] === undefined);
      if (!g) return;
      const terms = Array.from(positive[i]!, (p, j) => Math.abs(p) + Math.abs(negative[i]![j]!));
      expectClose(g, exact[i]!, 8 * toleranceOf(spec, dtype), terms);
    });
  });
}
