import { TensorError } from './errors.js';

/**
 * Element types. `i8` holds quantised numbers: it can be moved, cast and multiplied by `matmulInt8`. `bf16` and `f16` are exchanged with JavaScript as their 16 bits in a Uint16Array.
 */
export type DType = 'f32' | 'f64' | 'bf16' | 'f16' | 'i32' | 'u8' | 'bool' | 'i8';

/** What `data()` returns: one JavaScript typed array per dtype. */
export type TensorData = Float32Array | Float64Array | Uint16Array | Int32Array | Uint8Array | Int8Array;

interface DTypeInfo {
  /** The number in native/include/inkstone/view.h. */
  readonly code: number;
  readonly bytes: number;
  readonly float: boolean;
  /** Promotion order: the wider of two wins. */
  readonly rank: number;
  readonly array: new (length: number) => TensorData;
  /** The nearest value this dtype can hold. */
  readonly round: (x: number) => number;
}

const scratch = new DataView(new ArrayBuffer(8));

/** The bits of the bfloat16 nearest to x (ties to even). */
export function toBf16(x: number): number {
  scratch.setFloat32(0, x);
  const bits = scratch.getUint32(0);
  if (Number.isNaN(x)) return (bits >>> 16) | 0x40;
  return ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16) & 0xffff;
}

/** The value of bfloat16 bits. */
export function fromBf16(bits: number): number {
  scratch.setUint32(0, (bits << 16) >>> 0);
  return scratch.getFloat32(0);
}

/** The bits of the IEEE half nearest to x (ties to even). */
export function toF16(x: number): number {
  scratch.setFloat32(0, x);
  const bits = scratch.getUint32(0);
  const sign = (bits >>> 16) & 0x8000;
  const a = Math.abs(scratch.getFloat32(0));
  if (Number.isNaN(a)) return sign | 0x7e00;
  if (a >= 65520) return sign | 0x7c00;
  // Below 2^-14 halves are multiples of 2^-24; above, of 2^(e-10).
  const exponent = a < 2 ** -14 ? -14 : ((bits >>> 23) & 0xff) - 127;
  const units = a / 2 ** (exponent - 10);
  let n = Math.floor(units);
  const rest = units - n;
  if (rest > 0.5 || (rest === 0.5 && n % 2 === 1)) n += 1;
  // n counts units of the last place; a carry into the next exponent falls out of the addition.
  return sign | (a < 2 ** -14 ? n : ((exponent + 14) << 10) + n);
}

/** The value of IEEE half bits. */
export function fromF16(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >>> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0x1f) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1024 + fraction) * 2 ** (exponent - 25);
}

const toInt32 = (x: number): number => Math.max(-2147483648, Math.min(2147483647, Math.trunc(x))) | 0;

export const DTYPES: Readonly<Record<DType, DTypeInfo>> = {
  f32: { code: 0, bytes: 4, float: true, rank: 5, array: Float32Array, round: Math.fround },
  f64: { code: 1, bytes: 8, float: true, rank: 6, array: Float64Array, round: (x) => x },
  bf16: { code: 2, bytes: 2, float: true, rank: 3, array: Uint16Array, round: (x) => fromBf16(toBf16(x)) },
  f16: { code: 3, bytes: 2, float: true, rank: 4, array: Uint16Array, round: (x) => fromF16(toF16(x)) },
  i32: { code: 4, bytes: 4, float: false, rank: 2, array: Int32Array, round: toInt32 },
  u8: { code: 5, bytes: 1, float: false, rank: 1, array: Uint8Array, round: (x) => toInt32(x) & 0xff },
  bool: { code: 6, bytes: 1, float: false, rank: 0, array: Uint8Array, round: (x) => (x !== 0 ? 1 : 0) },
  i8: { code: 7, bytes: 1, float: false, rank: 1, array: Int8Array, round: (x) => (toInt32(x) << 24) >> 24 },
};

/** True for f32, f64, bf16 and f16. */
export const isFloat = (dtype: DType): boolean => DTYPES[dtype].float;

/**
 * The dtype two operands meet in: floats win over integers, wider over narrower, bf16 with f16 gives f32, and u8 with i8 i32.
 */
export function promote(a: DType, b: DType): DType {
  if (a === b) return a;
  if ((a === 'bf16' && b === 'f16') || (a === 'f16' && b === 'bf16')) return 'f32';
  if ((a === 'u8' && b === 'i8') || (a === 'i8' && b === 'u8')) return 'i32';
  return DTYPES[a].rank >= DTYPES[b].rank ? a : b;
}

/** Statistics such as a row's mean are kept in f32, or in f64 for f64 input. */
export const statisticsDType = (dtype: DType): DType => (dtype === 'f64' ? 'f64' : 'f32');

/** @throws TensorError E_DTYPE when `dtype` is not a float. */
export function requireFloat(op: string, dtype: DType, what = 'input'): void {
  if (!isFloat(dtype))
    throw new TensorError(
      'E_DTYPE',
      op,
      `${what} must be a float dtype`,
      dtype,
      "cast it first: x.cast('f32')",
    );
}

/** Numbers to the elements of a dtype's typed array. */
export function encode(dtype: DType, values: ArrayLike<number>): TensorData {
  const { array, round } = DTYPES[dtype];
  const out = new array(values.length);
  const convert = dtype === 'bf16' ? toBf16 : dtype === 'f16' ? toF16 : round;
  for (let i = 0; i < values.length; i++) out[i] = convert(values[i]!);
  return out;
}

/** The elements of a dtype's typed array to numbers. */
export function decode(dtype: DType, data: ArrayLike<number>): Float64Array {
  const out = new Float64Array(data.length);
  const convert = dtype === 'bf16' ? fromBf16 : dtype === 'f16' ? fromF16 : (x: number) => x;
  for (let i = 0; i < data.length; i++) out[i] = convert(data[i]!);
  return out;
}
