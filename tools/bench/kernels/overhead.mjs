// What one small operation costs from the language down to the kernel and back.
import { add } from '@inkstone/tensor-core';
import { random } from './data.mjs';

const batch = 1000;
export const cases = [
  { name: 'add of 16 floats', op: 'add', shape: [16], batch, goalMicroseconds: 1 },
  { name: 'add of 4x1024 and 1024 floats', op: 'add row', shape: [4, 1024], batch },
];

export function prepare({ op, shape }) {
  const a = random(shape, 1);
  const b = random(op === 'add row' ? shape.slice(1) : shape, 2);
  return () => add(a, b);
}
