// The laws every operation obeys. A test file beside each op gives the inputs to draw and the op's own numbers.
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DTYPES, type DType, isFloat } from '../../dtype.js';
import { TensorError, type TensorErrorCode } from '../../errors.js';
import { checkGradient } from '../../gradcheck.js';
import { scope } from '../../index.js';
import type { OpDefinition } from '../../op.js';
import { type Device, deviceStatus, native } from '../../runtime.js';
import { type Shape, sizeOf } from '../../shape.js';
import { refCount } from '../../storage.js';
import { Tensor, tensor } from '../../tensor.js';

/** One drawn input. */
export interface InputCase {
  readonly shape: Shape;
  readonly values: readonly number[];
  /** Fixed where the op demands it (indices, masks); otherwise the law chooses. */
  readonly dtype?: DType;
}

/** One drawn call. */
export interface OpCase<Args> {
  readonly inputs: readonly InputCase[];
  readonly args: Args;
}

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
};
const FLOATS: readonly DType[] = ['f32', 'f64', 'bf16', 'f16'];
const RUNS = Number(process.env.INKSTONE_LAW_RUNS ?? 12);

const status = deviceStatus();
const devices: readonly Device[] = ['ref', 'cpu', 'cuda'];

/** Draws a shape of at most `maxRank` axes with sizes 0 to `maxSize`, small and empty ones included. */
export const shapes = (maxRank = 3, maxSize = 6, minRank = 0): fc.Arbitrary<number[]> =>
  fc.array(
    fc.oneof(
      { weight: 9, arbitrary: fc.integer({ min: 1, max: maxSize }) },
      { weight: 1, arbitrary: fc.constant(0) },
    ),
    {
      minLength: minRank,
      maxLength: maxRank,
    },
  );

/** Draws finite values inside [min, max], with three significant digits so that failures can be read. */
export const reals = (min = -3, max = 3): fc.Arbitrary<number> =>
  fc.integer({ min: 0, max: 2000 }).map((i) => min + ((max - min) * i) / 2000);

/** An input of a drawn shape with drawn values. */
export const input = (
  shape: Shape,
  value: fc.Arbitrary<number> = reals(),
  dtype?: DType,
): fc.Arbitrary<InputCase> =>
  fc
    .array(value, { minLength: sizeOf(shape), maxLength: sizeOf(shape) })
    .map((values) => ({ shape, values, dtype }));

/** Cases of a unary op: one input of any shape, large enough at times for every vector path. */
export const unaryCases = (value: fc.Arbitrary<number> = reals()): fc.Arbitrary<OpCase<undefined>> =>
  fc
    .oneof(
      shapes(),
      fc.integer({ min: 1, max: 200 }).map((n) => [n]),
    )
    .chain((shape) => input(shape, value))
    .map((x) => ({ inputs: [x], args: undefined }));

/** Two shapes that broadcast. */
export const broadcastPair: fc.Arbitrary<[number[], number[]]> = shapes(3, 5).chain((shape) =>
  fc
    .tuple(
      fc.array(fc.boolean(), { minLength: shape.length, maxLength: shape.length }),
      fc.array(fc.boolean(), { minLength: shape.length, maxLength: shape.length }),
      fc.nat({ max: shape.length }),
      fc.boolean(),
    )
    .map(([a, b, drop, swap]) => {
      const x = shape.map((n, i) => (a[i] && !b[i] ? 1 : n));
      const y = shape.map((n, i) => (b[i] && !a[i] ? 1 : n)).slice(drop);
      return swap ? [y, x] : [x, y];
    }),
);

/** Cases of a binary op. */
export const binaryCases = (
  left: fc.Arbitrary<number> = reals(),
  right: fc.Arbitrary<number> = left,
): fc.Arbitrary<OpCase<undefined>> =>
  broadcastPair
    .chain(([a, b]) => fc.tuple(input(a, left), input(b, right)))
    .map((inputs) => ({ inputs, args: undefined }));

const list = (result: Tensor | readonly Tensor[]): readonly Tensor[] =>
  result instanceof Tensor ? [result] : result;

const make = ({ shape, values, dtype }: InputCase, free: DType, device: Device): Tensor =>
  tensor(Float64Array.from(values), { shape, dtype: dtype ?? free, device });

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

/** Asserts |actual - expected| <= tolerance * max(1, |expected|), with NaN and infinities equal to themselves. */
export function expectClose(actual: ArrayLike<number>, expected: ArrayLike<number>, tolerance: number): void {
  expect(actual.length).toBe(expected.length);
  for (let i = 0; i < actual.length; i++) {
    const a = actual[i]!;
    const e = expected[i]!;
    if (Object.is(a, e) || a === e || (a !== a && e !== e)) continue;
    const error = Math.abs(a - e);
    if (!(error <= tolerance * Math.max(1, Math.abs(e))))
      expect.fail(
        `element ${i}: ${a} should be ${e} (error ${error}, allowed ${tolerance * Math.max(1, Math.abs(e))})`,
      );
  }
}

// Overflow of a narrow dtype is not the op's error: what the reference says beyond its range becomes an infinity.
const rounded = (values: Float64Array, dtype: DType) =>
  isFloat(dtype) ? values.map(DTYPES[dtype].round) : values;

const bits = (t: Tensor) => Buffer.from(t.dataSync().buffer).toString('hex');

/** Registers the law suite of one operation. */
export function laws<Args>(op: { readonly definition: OpDefinition<never> }, spec: OpSpec<Args>): void {
  const { cases, run, dtypes = FLOATS, differentiable = true, specials = true } = spec;
  const tolerance = (dtype: DType) => spec.tolerance?.[dtype] ?? TOLERANCE[dtype];

  describe.each(devices)(`${op.definition.name} on %s`, (device) => {
    if (!status[device].present) {
      it.skip(`skipped: no device ${device} (${status[device].reason})`, () => undefined);
      return;
    }

    let before = 0;
    const alive = () =>
      device === 'ref' ? refCount.storages : native().addon.memory(device === 'cuda' ? 1 : 0).storages;
    beforeAll(() => {
      before = alive();
      if (device !== 'ref') native().addon.setGuards(device === 'cuda' ? 1 : 0, true);
    });
    afterAll(() => {
      expect(alive(), 'storages leaked').toBe(before);
      if (device === 'ref') return;
      native().addon.setGuards(device === 'cuda' ? 1 : 0, false);
      expect(native().addon.brokenGuards(), 'writes outside a buffer').toBe(0);
    });

    const check = (c: OpCase<Args>, dtype: DType) =>
      scope(() => {
        // The reference sees the rounded inputs, so only the op's own error is measured.
        const exact = list(
          run(
            c.inputs.map((i) =>
              make(
                { ...i, values: make(i, dtype, 'ref').numbers() as never },
                isFloat(dtype) ? 'f64' : dtype,
                'ref',
              ),
            ),
            c.args,
          ),
        );
        const actual = list(
          run(
            c.inputs.map((i) => make(i, dtype, device)),
            c.args,
          ),
        );
        expect(actual.length).toBe(exact.length);
        actual.forEach((a, i) => {
          expect(a.shape).toEqual(exact[i]!.shape);
          expectClose(a.numbers(), rounded(exact[i]!.numbers(), a.dtype), tolerance(dtype));
        });
      });

    it.each(dtypes)('%s equals the reference', (dtype) => {
      fc.assert(
        fc.property(cases, (c) => check(c, dtype)),
        { numRuns: RUNS },
      );
    });

    if (specials)
      it.each(dtypes.filter(isFloat))('%s carries NaN and infinities as the reference does', (dtype) => {
        const special = fc.constantFrom(
          Number.NaN,
          Number.POSITIVE_INFINITY,
          Number.NEGATIVE_INFINITY,
          0,
          -0,
        );
        fc.assert(
          fc.property(
            cases,
            fc.array(fc.tuple(fc.nat(), fc.nat(), special), { minLength: 1, maxLength: 4 }),
            (c, changes) => {
              const inputs = c.inputs.map((i) => ({ ...i, values: [...i.values] }));
              for (const [which, at, value] of changes) {
                const target = inputs[which % inputs.length]!;
                if (target.values.length && (target.dtype === undefined || isFloat(target.dtype)))
                  target.values[at % target.values.length] = value;
              }
              check({ inputs, args: c.args }, dtype);
            },
          ),
          { numRuns: RUNS },
        );
      });

    it('gives a strided view what its contiguous copy gets, bit for bit', () => {
      fc.assert(
        fc.property(cases, fc.constantFrom(...dtypes), (c, dtype) =>
          scope(() => {
            const dense = list(
              run(
                c.inputs.map((i) => make(i, dtype, device)),
                c.args,
              ),
            );
            const views = list(
              run(
                c.inputs.map((i) => strided(i, dtype, device)),
                c.args,
              ),
            );
            views.forEach((v, i) => expect(bits(v)).toBe(bits(dense[i]!)));
          }),
        ),
        { numRuns: RUNS },
      );
    });

    it('gives the same bits every time', () => {
      fc.assert(
        fc.property(cases, fc.constantFrom(...dtypes), (c, dtype) =>
          scope(() => {
            const first = list(
              run(
                c.inputs.map((i) => make(i, dtype, device)),
                c.args,
              ),
            );
            const second = list(
              run(
                c.inputs.map((i) => make(i, dtype, device)),
                c.args,
              ),
            );
            second.forEach((t, i) => expect(bits(t)).toBe(bits(first[i]!)));
          }),
        ),
        { numRuns: 5 },
      );
    });

    if (differentiable)
      it('has the gradient that central differences see, under a random cotangent, in float64', () => {
        fc.assert(
          fc.property(cases, fc.integer(), (c, seed) => {
            scope(() => {
              const inputs = c.inputs.map((i) => make(i, 'f64', device));
              const wanted = inputs.map((_, i) => c.inputs[i]!.dtype === undefined);
              checkGradient((...x) => run(x, c.args), inputs, { seed, inputs: wanted });
            });
          }),
          { numRuns: RUNS },
        );
      });

    if (differentiable && device !== 'ref')
      it.each(dtypes.filter((d) => isFloat(d) && d !== 'f64'))('%s gradients agree with float64', (dtype) => {
        fc.assert(
          fc.property(cases, (c) =>
            scope(() => {
              const gradients = (d: DType, on: Device) => {
                const inputs = c.inputs.map((i) =>
                  make({ ...i, values: make(i, dtype, 'ref').numbers() as never }, d, on),
                );
                inputs.forEach((t, i) => c.inputs[i]!.dtype === undefined && t.setRequiresGrad());
                const outputs = list(run(inputs, c.args)).filter((t) => t.requiresGrad);
                // One fixed cotangent with values every dtype holds exactly.
                for (const y of outputs) {
                  const seed = Float64Array.from({ length: y.size }, (_, i) => ((i * 7) % 9) / 4 - 1);
                  y.backward(tensor(seed, { shape: y.shape, dtype: y.dtype, device: on }), {
                    retainGraph: true,
                  });
                }
                return inputs.map((t) => t.grad?.numbers());
              };
              const exact = gradients('f64', 'ref');
              gradients(dtype, device).forEach((g, i) => {
                expect(g === undefined).toBe(exact[i] === undefined);
                if (g) expectClose(g, exact[i]!, 8 * tolerance(dtype));
              });
            }),
          ),
          { numRuns: RUNS },
        );
      });

    for (const { name, run: make, expected } of spec.values ?? [])
      it(name, () => scope(() => expectClose(make(device).numbers(), expected, 1e-6)));
  });

  const { errors = [] } = spec;
  if (errors.length > 0)
    describe(`${op.definition.name} refuses`, () => {
      it.each(errors)('$name', ({ run: misuse, code }) => {
        scope(() => {
          try {
            misuse();
          } catch (e) {
            expect(e).toBeInstanceOf(TensorError);
            expect((e as TensorError).code).toBe(code);
            return;
          }
          expect.fail(`nothing was thrown; expected ${code}`);
        });
      });
    });
}
