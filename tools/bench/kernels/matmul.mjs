// Matrix products: M x K x N in the layouts NN, NT and TN (the letter T: that operand lies transposed in memory); few
// rows, whose rate is that of reading B; a step of a batch of sequences, with weights as they lie and packed once; 8-bit
// integers; and quantised weights, which PyTorch's CPU has no like of.
import {
  linear,
  linearQuantized,
  matmul,
  matmulInt8,
  packWeight,
  quantizeWeights,
} from '@inkstone/tensor-core';
import { integers, random } from './data.mjs';

const shapes = [
  [1024, 1024, 1024],
  [2048, 2048, 2048],
  [512, 768, 3072],
  [512, 768, 50257],
];
const layouts = ['NN', 'NT', 'TN'];
const product = (dtype, [m, k, n], layout) => ({
  name: `${dtype} ${m}x${k}x${n} ${layout}`,
  dtype,
  m,
  k,
  n,
  layout,
  flops: 2 * m * k * n,
  peak: dtype,
  tolerance: dtype === 'bf16' ? 1e-2 : 1e-3,
});

const few = (dtype, [m, k, n], layout) => ({
  ...product(dtype, [m, k, n], layout),
  name: `few rows ${dtype} ${m}x${k}x${n} ${layout}`,
  flops: undefined,
  bytes: k * n * (dtype === 'bf16' ? 2 : 4),
  peak: 'read',
  goalPercent: m === 1 ? 80 : undefined,
});

const step = (dtype, [m, k, n], packed) => ({
  ...product(dtype, [m, k, n], 'NT'),
  ...(dtype === 'int8' && { tolerance: 1e-6 }),
  name: `step of ${m} sequences ${dtype} ${k}x${n}${packed ? ' packed' : ''}`,
  packed,
});

const blockBytes = { q8_0: 34, q4_0: 18, int8: 32, int4: 16 };
const quantized = (format, [m, k, n]) => ({
  name: `${format} weights ${m}x${k}x${n}`,
  format,
  m,
  k,
  n,
  ...(m <= 8
    ? { bytes: (k / 32) * n * blockBytes[format], peak: 'read', goalPercent: m === 1 ? 80 : undefined }
    : { flops: 2 * m * k * n, peak: 'f32' }),
});

export const cases = [
  ...['f32', 'bf16'].flatMap((dtype) =>
    shapes.flatMap((shape) => layouts.map((layout) => product(dtype, shape, layout))),
  ),
  ...['f32', 'bf16'].flatMap((dtype) =>
    [[1, 4096, 4096], ...[1, 4, 8].map((m) => [m, 4096, 16384])].flatMap((shape) =>
      ['NN', 'NT'].map((layout) => few(dtype, shape, layout)),
    ),
  ),
  ...['f32', 'bf16', 'int8'].flatMap((dtype) =>
    [16, 32, 64].flatMap((m) =>
      [
        [m, 768, 3072],
        [m, 4096, 4096],
      ].flatMap((shape) => [false, true].map((packed) => step(dtype, shape, packed))),
    ),
  ),
  ...shapes
    .slice(0, 3)
    .flatMap((shape) =>
      ['NN', 'NT'].map((layout) => ({ ...product('int8', shape, layout), tolerance: 1e-6, goal: 1 })),
    ),
  ...Object.keys(blockBytes).flatMap((format) => [
    quantized(format, [1, 4096, 4096]),
    quantized(format, [1, 4096, 32768]),
    ...[4, 8, 512].map((m) => quantized(format, [m, 4096, 16384])),
  ]),
];

export const goals = [
  { name: 'f32', match: (c) => c.name.startsWith('f32'), goal: 1.15 },
  { name: 'bf16', match: (c) => c.name.startsWith('bf16'), goal: 1.0 },
];

// The same bytes from -127 to 127 as matmul.py's.
const bytes = (shape, seed) => integers(shape, seed, 255).sub(127).cast('i8');

export function prepare({ dtype, format, m, k, n, layout, packed }) {
  if (format) {
    const weights = quantizeWeights(random([n, k], 2), { format });
    const x = random([m, k], 1);
    return () => linearQuantized(x, weights);
  }
  const draw = dtype === 'int8' ? bytes : (shape, seed) => random(shape, seed, { dtype });
  if (packed) {
    const x = draw([m, k], 1);
    const weight = packWeight(draw([n, k], 2));
    const multiply = dtype === 'int8' ? matmulInt8 : linear;
    return Object.assign(() => multiply(x, weight), { free: () => weight.dispose() });
  }
  const a = layout[0] === 'T' ? draw([k, m], 1).transpose(0, 1) : draw([m, k], 1);
  const b = layout[1] === 'T' ? draw([n, k], 2).transpose(0, 1) : draw([k, n], 2);
  return dtype === 'int8' ? () => matmulInt8(a, b) : () => matmul(a, b);
}
