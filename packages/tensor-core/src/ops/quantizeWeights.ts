import { requireFloat } from '../dtype.js';
import { TensorError } from '../errors.js';
import { toDense, toRows } from '../layout.js';
import { apply, apply1, describe, type OpDefinition, operation } from '../op.js';
import { Kernel, type OutputSpec } from '../runtime.js';
import type { Tensor } from '../tensor.js';
import { cast } from './cast.js';
import {
  BLOCK,
  checkFormat,
  decodeWeights,
  encodeWeights,
  FORMATS,
  isGrouped,
  type QuantFormat,
  type QuantizedWeights,
} from './quantized.js';

const encodeKernel = new Kernel('quantize_weights', 'i:format;i:group;i:zeros;');
const decodeKernel = new Kernel('dequantize_weights', 'i:format;i:group;i:zeros;');

interface EncodeAttrs {
  format: QuantFormat;
  groupSize: number;
  zeroPoints: boolean;
}

const encoding: OpDefinition<EncodeAttrs> = {
  name: 'quantizeWeights',
  infer([w], { format, groupSize, zeroPoints }) {
    if (w!.rank !== 2)
      throw new TensorError('E_SHAPE', 'quantizeWeights', 'weights must be a matrix [out, in]', describe(w!));
    const [rows, columns] = w!.shape as [number, number];
    checkFormat('quantizeWeights', format, columns, groupSize);
    const groups = [rows, Math.ceil(columns / groupSize)];
    const specs: OutputSpec[] = [
      { shape: [rows, (columns / BLOCK) * FORMATS[format].blockBytes], dtype: 'u8' },
    ];
    if (isGrouped(format)) specs.push({ shape: groups, dtype: 'f32' });
    if (zeroPoints) specs.push({ shape: groups, dtype: 'u8' });
    return specs;
  },
  reference([w], { format, groupSize, zeroPoints }, outputs) {
    const shape = w!.shape as [number, number];
    const { data, scales, zeros } = encodeWeights(w!.data, shape, format, groupSize, zeroPoints);
    return [Float64Array.from(data), scales, zeros].slice(0, outputs.length);
  },
  native: ([w], { format, groupSize, zeroPoints }) => ({
    kernel: encodeKernel,
    inputs: [toRows(w!)],
    attrs: [FORMATS[format].code, groupSize / BLOCK, zeroPoints ? 1 : 0],
  }),
  cost: ([w]) => ({ flops: 4 * w!.size, bytes: 5 * w!.size }),
};

/**
 * A weight matrix in 8 or 4 bits.
 *
 * - `q8_0`: blocks of 32, d = max |w| / 127, q = w / d; `q4_0`: d = w* / -8, w* being the weight of largest magnitude,
 *   q = w / d + 8. Both store d in f16, and are laid out as ggml's files are.
 * - `int8`, `int4`: groups of `groupSize` with scale s and zero point z, w about (q - z) s. Without zero points s is
 *   max |w| / 127 (or 7) and z the middle; with them s spans the range of the group, 0 included.
 *
 * A block or group that holds a NaN or an infinity gets the scale NaN. Not differentiable.
 *
 * @param w float, [out, in], in a multiple of 32; rounded to f32 first
 * @param options.format default 'q8_0'
 * @param options.groupSize for int8 and int4: a multiple of 32, default 128; the last group of a row may be shorter
 * @param options.zeroPoints for int8 and int4, default false
 * @throws TensorError E_SHAPE, E_DTYPE, E_UNSUPPORTED
 * @example
 * const q = quantizeWeights(ones([8, 64]), { format: 'int4', groupSize: 32 });
 * q.data.shape; // => [8, 32]
 * dequantizeWeights(q).sum().item(); // => 512
 */
export const quantizeWeights = operation(
  encoding,
  (
    w: Tensor,
    {
      format = 'q8_0',
      groupSize,
      zeroPoints = false,
    }: { format?: QuantFormat; groupSize?: number; zeroPoints?: boolean } = {},
  ): QuantizedWeights => {
    requireFloat('quantizeWeights', w.dtype);
    const grouped = format in FORMATS && isGrouped(format);
    if (!grouped && (zeroPoints || (groupSize !== undefined && groupSize !== BLOCK)))
      throw new TensorError(
        'E_UNSUPPORTED',
        'quantizeWeights',
        'groups and zero points are for int8 and int4',
        `'${format}'`,
        "use format 'int8' or 'int4'",
      );
    const attrs = { format, groupSize: groupSize ?? (grouped ? 128 : BLOCK), zeroPoints };
    const [data, scales, zeros] = apply(encoding, [cast(w, 'f32')], attrs);
    return {
      format,
      shape: [w.shape[0]!, w.shape[1]!],
      groupSize: attrs.groupSize,
      data: data!,
      scales: scales ?? null,
      zeros: zeros ?? null,
    };
  },
);

/** @internal What every op on quantised weights needs to know of them. */
export interface WeightAttrs {
  format: QuantFormat;
  shape: readonly [number, number];
  groupSize: number;
  zeros: boolean;
}

/** @internal The tensors of quantised weights and their attributes. */
export function unpack(op: string, q: QuantizedWeights): { tensors: Tensor[]; attrs: WeightAttrs } {
  const { format, shape, groupSize, data, scales, zeros } = q;
  checkFormat(op, format, shape[1], groupSize);
  const [rows, columns] = shape;
  const groups = Math.ceil(columns / groupSize);
  const fits = (t: Tensor | null, dtype: string, width: number) =>
    t !== null && t.dtype === dtype && t.rank === 2 && t.shape[0] === rows && t.shape[1] === width;
  const grouped = isGrouped(format);
  if (
    !fits(data, 'u8', (columns / BLOCK) * FORMATS[format].blockBytes) ||
    (grouped ? !fits(scales, 'f32', groups) : scales !== null || groupSize !== BLOCK) ||
    (zeros !== null && !(grouped && fits(zeros, 'u8', groups)))
  )
    throw new TensorError(
      'E_SHAPE',
      op,
      `the tensors must be those of ${format} weights [${rows}, ${columns}] in groups of ${groupSize}`,
      describe(data, ...(scales ? [scales] : []), ...(zeros ? [zeros] : [])),
      'make them with quantizeWeights',
    );
  const tensors = [data, ...(scales ? [scales] : []), ...(zeros ? [zeros] : [])];
  return { tensors, attrs: { format, shape, groupSize, zeros: zeros !== null } };
}

const decoding: OpDefinition<WeightAttrs> = {
  name: 'dequantizeWeights',
  infer: (_, { shape }) => [{ shape, dtype: 'f32' }],
  reference: ([data, scales, zeros], { format, shape, groupSize }) => [
    decodeWeights(data!.data, scales?.data ?? null, zeros?.data ?? null, shape, format, groupSize),
  ],
  native: (inputs, { format, groupSize, zeros }) => ({
    kernel: decodeKernel,
    inputs: inputs.map(toDense),
    attrs: [FORMATS[format].code, groupSize / BLOCK, zeros ? 1 : 0],
  }),
  cost: ([data], { shape }) => ({
    flops: 2 * shape[0] * shape[1],
    bytes: data!.size + 4 * shape[0] * shape[1],
  }),
};

/**
 * The f32 matrix that quantised weights stand for.
 *
 * @param q from {@link quantizeWeights}, or tensors of the same layouts read from a file
 * @returns f32 [out, in]
 * @throws TensorError E_SHAPE when its tensors do not fit its format
 * @example
 * dequantizeWeights(quantizeWeights(tensor([Array(32).fill(-8)]), { format: 'q4_0' })).dataSync()[5]; // => -8
 */
export const dequantizeWeights = operation(decoding, (q: QuantizedWeights): Tensor => {
  const { tensors, attrs } = unpack('dequantizeWeights', q);
  return apply1(decoding, tensors, attrs);
});
