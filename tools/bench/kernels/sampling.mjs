// Choosing the next token among 150 000: temperature, then a filter, then a draw. The draws are random, so only the
// times are compared; the laws of sampleLogits compare the choices with its reference.
import { Generator, sampleLogits, topk } from '@inkstone/tensor-core';
import { random } from './data.mjs';

const goal = 1.3;
const draw = (name, rows, options) => ({
  name: `${name}, ${rows} x 150000`,
  rows,
  options,
  bytes: rows * 150000 * 4,
  peak: 'read',
  goal,
  draws: true,
});

export const cases = [
  ...[1, 8].flatMap((rows) => [
    draw('temperature', rows, { temperature: 0.8 }),
    draw('top-k 50', rows, { temperature: 0.8, topK: 50 }),
    draw('top-p 0.9', rows, { temperature: 0.8, topP: 0.9 }),
    draw('min-p 0.05', rows, { temperature: 0.8, minP: 0.05 }),
    draw('top-k 50, top-p 0.9', rows, { temperature: 0.8, topK: 50, topP: 0.9 }),
  ]),
  { name: 'topk 50 of 150000', op: 'topk', rows: 1, bytes: 150000 * 4, peak: 'read', goal },
];

export function prepare({ op, rows, options }) {
  const x = random([rows, 150000], 1, { std: 3 });
  if (op === 'topk') return () => topk(x, 50)[0];
  const generator = new Generator(1);
  return () => sampleLogits(x, { ...options, generator });
}
