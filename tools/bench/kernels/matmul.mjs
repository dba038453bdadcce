// Matrix products: M x K x N in the layouts NN, NT and TN (the letter T: that operand lies transposed in memory).
import { matmul } from '@inkstone/tensor-core';
import { random } from './data.mjs';

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

export const cases = ['f32', 'bf16'].flatMap((dtype) =>
  shapes.flatMap((shape) => layouts.map((layout) => product(dtype, shape, layout))),
);

export const goals = [
  { name: 'f32', match: (c) => c.name.startsWith('f32'), goal: 1.15 },
  { name: 'bf16', match: (c) => c.name.startsWith('bf16'), goal: 1.0 },
];

export function prepare({ dtype, m, k, n, layout }) {
  const a = layout[0] === 'T' ? random([k, m], 1, { dtype }).transpose(0, 1) : random([m, k], 1, { dtype });
  const b = layout[1] === 'T' ? random([n, k], 2, { dtype }).transpose(0, 1) : random([k, n], 2, { dtype });
  return () => matmul(a, b);
}
