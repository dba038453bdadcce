// Random inputs that data.py makes alike: a hash of the element's number and a seed.
import { tensor } from '@inkstone/tensor-core';

const size = (shape) => shape.reduce((a, b) => a * b, 1);

function hash(i, seed) {
  let h = Math.imul(i + seed * 7919 + 1, 2654435761);
  h ^= h >>> 15;
  h = Math.imul(h, 2246822519);
  return (h ^ (h >>> 13)) >>> 0;
}

/** Uniform values of mean 0 and the given standard deviation. */
export function random(shape, seed, { std = 1, dtype = 'f32', requiresGrad = false } = {}) {
  const values = new Float32Array(size(shape));
  const scale = 2 * Math.sqrt(3) * std;
  for (let i = 0; i < values.length; i++) values[i] = (hash(i, seed) / 2 ** 32 - 0.5) * scale;
  const t = tensor(values, { shape });
  const typed = dtype === 'f32' ? t : t.cast(dtype);
  return requiresGrad ? typed.setRequiresGrad(true) : typed;
}

/** Integers in [0, below). */
export const integers = (shape, seed, below) =>
  tensor(
    Int32Array.from({ length: size(shape) }, (_, i) => hash(i, seed) % below),
    { shape, dtype: 'i32' },
  );
