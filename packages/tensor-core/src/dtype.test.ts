import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  DTYPES,
  type DType,
  decode,
  encode,
  fromBf16,
  fromF16,
  isFloat,
  promote,
  toBf16,
  toF16,
} from './dtype.js';

const all = Object.keys(DTYPES) as DType[];
const anyDType = fc.constantFrom(...all);

// The values of a 16-bit format by its definition: sign, exponent and fraction.
const defined = (bits: number, exponentBits: number): number => {
  const fractionBits = 15 - exponentBits;
  const bias = 2 ** (exponentBits - 1) - 1;
  const sign = bits >> 15 ? -1 : 1;
  const exponent = (bits >> fractionBits) & (2 ** exponentBits - 1);
  const fraction = (bits & (2 ** fractionBits - 1)) / 2 ** fractionBits;
  if (exponent === 2 ** exponentBits - 1) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return exponent === 0 ? sign * fraction * 2 ** (1 - bias) : sign * (1 + fraction) * 2 ** (exponent - bias);
};

describe.each([
  { name: 'bf16', exponentBits: 8, to: toBf16, from: fromBf16 },
  { name: 'f16', exponentBits: 5, to: toF16, from: fromF16 },
])('$name', ({ exponentBits, to, from }) => {
  const infinity = (2 ** exponentBits - 1) << (15 - exponentBits);

  it('reads all 65536 bit patterns as the format defines them', () => {
    const wrong: number[] = [];
    for (let bits = 0; bits < 65536; bits++)
      if (!Object.is(from(bits), defined(bits, exponentBits))) wrong.push(bits);
    expect(wrong).toEqual([]);
  });

  it('gives every pattern back, and a NaN for every NaN', () => {
    const wrong: number[] = [];
    for (let bits = 0; bits < 65536; bits++) {
      const back = to(from(bits));
      const nan = (bits & 0x7fff) > infinity;
      if (nan ? (back & 0x7fff) <= infinity : back !== bits) wrong.push(bits);
    }
    expect(wrong).toEqual([]);
  });

  it('rounds between all neighbours to nearest, ties to even, the largest to infinity', () => {
    const wrong: number[] = [];
    const f32 = Math.fround;
    for (let bits = 0; bits < infinity; bits++) {
      const low = from(bits);
      // Beyond the largest value, the grid goes on: its next point is where rounding to infinity is decided.
      const high = bits + 1 === infinity ? low + (low - from(bits - 1)) : from(bits + 1);
      const middle = (low + high) / 2;
      const even = bits % 2 === 0 ? bits : bits + 1;
      const checks: [number, number][] = [
        [low, bits],
        [middle, even],
        [f32(low + (high - low) * 0.25), bits],
        [f32(low + (high - low) * 0.75), bits + 1],
      ];
      for (const [x, expected] of checks)
        if (f32(x) === x && (to(x) !== expected || to(-x) !== (expected | 0x8000))) wrong.push(x);
    }
    expect(wrong).toEqual([]);
  });
});

describe('encode and decode', () => {
  it('are inverse on what a dtype can hold', () => {
    fc.assert(
      fc.property(anyDType, fc.array(fc.double()), (dtype, values) => {
        const held = values.map(DTYPES[dtype].round);
        expect([...decode(dtype, encode(dtype, values))]).toEqual(
          held.map((x) => (isFloat(dtype) ? x : x + 0)),
        );
      }),
    );
  });

  it('rounding twice is rounding once', () => {
    fc.assert(
      fc.property(anyDType, fc.double(), (dtype, x) => {
        const { round } = DTYPES[dtype];
        expect(round(round(x))).toBe(round(x));
      }),
    );
  });

  it('integers truncate toward zero and stop at the ends of i32; u8 keeps the low bits', () => {
    expect([...encode('i32', [1.9, -1.9, 1e10, -1e10, Number.NaN])]).toEqual([
      1, -1, 2147483647, -2147483648, 0,
    ]);
    expect([...encode('u8', [255, 256, -1])]).toEqual([255, 0, 255]);
    expect([...encode('bool', [0, -0, 0.5, Number.NaN])]).toEqual([0, 0, 1, 1]);
  });
});

describe('promote', () => {
  it('commutes, is idempotent, and never turns a float into an integer', () => {
    fc.assert(
      fc.property(anyDType, anyDType, (a, b) => {
        const c = promote(a, b);
        expect(promote(b, a)).toBe(c);
        expect(promote(a, a)).toBe(a);
        expect(promote(a, c)).toBe(c);
        expect(isFloat(c)).toBe(isFloat(a) || isFloat(b));
      }),
    );
  });

  it('meets in f32 when neither 16-bit float holds the other', () => {
    expect(promote('bf16', 'f16')).toBe('f32');
    expect(promote('bf16', 'i32')).toBe('bf16');
    expect(promote('f64', 'f32')).toBe('f64');
    expect(promote('bool', 'u8')).toBe('u8');
  });
});
