// Weights of 8 and 4 bits: their layouts, and how floats become them. Every step that the formats round in f32 is
// rounded here too, so that the bits are those that other writers of these formats give.
import { fromF16, toF16 } from '../dtype.js';
import { TensorError } from '../errors.js';
import type { Tensor } from '../tensor.js';

/**
 * How weights are stored. `q8_0` and `q4_0` are the blocks of ggml (32 weights, one f16 scale inside); `int8` and
 * `int4` keep an f32 scale per group beside the weights, and may have zero points.
 */
export type QuantFormat = 'q8_0' | 'q4_0' | 'int8' | 'int4';

/** A quantised matrix; `dispose` its tensors, or return it from a scope. */
export interface QuantizedWeights {
  readonly format: QuantFormat;
  /** [out, in], in a multiple of 32. */
  readonly shape: readonly [number, number];
  /** How many neighbours of a row share a scale, a multiple of 32. */
  readonly groupSize: number;
  /** u8 [out, bytes of a row]: in / 32 * 34 for q8_0, in / 32 * 18 for q4_0, in for int8, in / 2 for int4. */
  readonly data: Tensor;
  /** f32 [out, groups] for int8 and int4, null otherwise. */
  readonly scales: Tensor | null;
  /** u8 [out, groups], or null: then 128 (int8) or 8 (int4) stands for zero. */
  readonly zeros: Tensor | null;
}

/** @internal The weights of a ggml block. */
export const BLOCK = 32;

/** @internal The number in native/ops.def, and the bytes of 32 weights. */
export const FORMATS: Readonly<Record<QuantFormat, { code: number; blockBytes: number; levels: number }>> = {
  q8_0: { code: 0, blockBytes: 34, levels: 0 },
  q4_0: { code: 1, blockBytes: 18, levels: 0 },
  int8: { code: 2, blockBytes: 32, levels: 255 },
  int4: { code: 3, blockBytes: 16, levels: 15 },
};

/** @internal */
export const isGrouped = (format: QuantFormat): boolean => FORMATS[format].levels > 0;

/** @internal @throws TensorError E_UNSUPPORTED, E_SHAPE */
export function checkFormat(op: string, format: QuantFormat, columns: number, groupSize: number): void {
  if (!(format in FORMATS))
    throw new TensorError(
      'E_UNSUPPORTED',
      op,
      `format must be one of ${Object.keys(FORMATS).join(', ')}`,
      `'${format}'`,
    );
  if (columns % BLOCK !== 0)
    throw new TensorError(
      'E_SHAPE',
      op,
      'rows must hold a multiple of 32 weights',
      `${columns}`,
      'pad them with zeros',
    );
  if (!Number.isInteger(groupSize) || groupSize < BLOCK || groupSize % BLOCK !== 0)
    throw new TensorError('E_SHAPE', op, 'groupSize must be a multiple of 32', `${groupSize}`);
}

const { fround } = Math;

const inverse = (scale: number): number => {
  const quotient = fround(1 / scale);
  return Number.isFinite(quotient) ? quotient : 0;
};

/** Halves away from zero, as C's roundf. */
const roundAway = (x: number): number => Math.sign(x) * Math.floor(Math.abs(x) + 0.5);

/** The largest |x|, or NaN when one of them is not finite. */
function largest(x: Float64Array): number {
  let most = 0;
  for (const v of x) {
    if (!Number.isFinite(v)) return Number.NaN;
    most = Math.max(most, Math.abs(v));
  }
  return most;
}

const clamp = (x: number, low: number, high: number) => Math.max(low, Math.min(high, x));

/** @internal One row of f32 values as int8 with one scale: x = q scale, |q| <= 127. */
export function quantizeRow(x: Float64Array): { scale: number; q: Float64Array } {
  const scale = fround(largest(x) / 127);
  const id = inverse(scale);
  return { scale, q: x.map((v) => (id === 0 ? 0 : roundAway(fround(v * id)))) };
}

function putScale(scale: number, to: Uint8Array): void {
  const bits = toF16(scale);
  to[0] = bits & 0xff;
  to[1] = bits >> 8;
}

function encodeQ8(x: Float64Array, to: Uint8Array): void {
  const { scale, q } = quantizeRow(x);
  putScale(scale, to);
  q.forEach((v, i) => {
    to[2 + i] = v & 0xff;
  });
}

function encodeQ4(x: Float64Array, to: Uint8Array): void {
  const most = largest(x);
  // The first of the largest keeps its sign and becomes -8.
  const d = fround((x.find((v) => Math.abs(v) === most) ?? most) / -8);
  const id = inverse(d);
  putScale(d, to);
  const nibble = (v: number) => (id === 0 ? 8 : clamp(Math.trunc(fround(fround(v * id) + 8.5)), 0, 15));
  for (let i = 0; i < BLOCK / 2; i++) to[2 + i] = nibble(x[i]!) | (nibble(x[i + BLOCK / 2]!) << 4);
}

/** @internal A group's scale and zero point, and where each weight lies on that grid. */
export function quantizeGroup(
  x: Float64Array,
  levels: number,
  zeroPoints: boolean,
): { scale: number; zero: number; q: number[] } {
  const middle = (levels + 1) / 2;
  const most = largest(x);
  let scale = fround(most / (middle - 1));
  let zero = middle;
  let id = inverse(scale);
  if (zeroPoints && !Number.isNaN(most)) {
    // Zero is always a value of the grid, so padding and pruning survive.
    const low = Math.min(0, ...x);
    const high = Math.max(0, ...x);
    scale = fround(fround(high / levels) - fround(low / levels));
    id = inverse(scale);
    if (id !== 0) zero = clamp(roundAway(fround(-low * id)), 0, levels);
  }
  const q = Array.from(x, (v) => (id === 0 ? zero : clamp(roundAway(fround(v * id)) + zero, 0, levels)));
  return { scale, zero, q };
}

/** @internal A matrix of f32 values in a format: the bytes, and for grouped formats scales and zero points. */
export function encodeWeights(
  w: Float64Array,
  [rows, columns]: readonly [number, number],
  format: QuantFormat,
  groupSize: number,
  zeroPoints: boolean,
): { data: Uint8Array; scales: number[]; zeros: number[] } {
  const { blockBytes, levels } = FORMATS[format];
  const rowBytes = (columns / BLOCK) * blockBytes;
  const data = new Uint8Array(rows * rowBytes);
  const scales: number[] = [];
  const zeros: number[] = [];
  for (let r = 0; r < rows; r++) {
    const row = w.subarray(r * columns, (r + 1) * columns);
    const to = data.subarray(r * rowBytes, (r + 1) * rowBytes);
    if (isGrouped(format))
      for (let first = 0; first < columns; first += groupSize) {
        const { scale, zero, q } = quantizeGroup(row.subarray(first, first + groupSize), levels, zeroPoints);
        scales.push(scale);
        zeros.push(zero);
        q.forEach((v, i) => {
          if (format === 'int8') to[first + i] = v;
          else to[(first + i) >> 1]! |= i % 2 === 0 ? v : v << 4;
        });
      }
    else
      for (let b = 0; b < columns / BLOCK; b++)
        (format === 'q8_0' ? encodeQ8 : encodeQ4)(
          row.subarray(b * BLOCK, (b + 1) * BLOCK),
          to.subarray(b * blockBytes, (b + 1) * blockBytes),
        );
  }
  return { data, scales, zeros };
}

/** @internal The weights that bytes, scales and zero points stand for. */
export function decodeWeights(
  data: ArrayLike<number>,
  scales: ArrayLike<number> | null,
  zeros: ArrayLike<number> | null,
  [rows, columns]: readonly [number, number],
  format: QuantFormat,
  groupSize: number,
): Float64Array {
  const { blockBytes, levels } = FORMATS[format];
  const blocks = columns / BLOCK;
  const groups = Math.ceil(columns / groupSize);
  const out = new Float64Array(rows * columns);
  for (let r = 0; r < rows; r++)
    for (let c = 0; c < columns; c++) {
      const i = c % BLOCK;
      const at = (r * blocks + Math.floor(c / BLOCK)) * blockBytes;
      let q: number;
      let scale: number;
      if (isGrouped(format)) {
        const g = r * groups + Math.floor(c / groupSize);
        scale = scales![g]!;
        const stored = format === 'int8' ? data[at + i]! : (data[at + (i >> 1)]! >> (4 * (i % 2))) & 15;
        q = stored - (zeros ? zeros[g]! : (levels + 1) / 2);
      } else {
        scale = fromF16(data[at]! | (data[at + 1]! << 8));
        q =
          format === 'q8_0'
            ? (data[at + 2 + i]! << 24) >> 24
            : ((data[at + 2 + (i % 16)]! >> (i < 16 ? 0 : 4)) & 15) - 8;
      }
      out[r * columns + c] = q * scale;
    }
  return out;
}
