// Attention, forward and backward: B x H x T x D, causal; its masks; and one query over a long cache.
import { sdpa, tensor } from '@inkstone/tensor-core';
import { random } from './data.mjs';

const shape = { B: 4, H: 12, G: 12, T: 1024, S: 1024, D: 64 };
const goal = 1.5;
const attention = ({ dtype = 'f32', backward = false, window, documents, bias }) => {
  const { B, H, T, D } = shape;
  // How many keys a query sees, on average.
  const seen = window ? window - (window * window) / (2 * T) : (documents ?? T) / 2;
  const masks = `${window ? `, window ${window}` : ''}${documents ? `, documents of ${documents}` : ''}${bias ? ', bias' : ''}`;
  return {
    name: `${dtype} ${B}x${H}x${T}x${D} causal${masks}${backward ? ' forward and backward' : ''}`,
    ...shape,
    dtype,
    backward,
    window,
    documents,
    bias,
    // Two products forward; backward has five more.
    flops: 2 * B * H * T * seen * D * (backward ? 7 : 2),
    peak: dtype,
    goal,
    tolerance: dtype === 'bf16' ? 2e-2 : undefined,
  };
};
const decode = (dtype) => {
  const c = { B: 1, H: 32, G: 8, T: 1, S: 4096, D: 128 };
  return {
    name: `${dtype} decode of 1 position over ${c.S}, 32 heads, 8 groups of 128`,
    ...c,
    dtype,
    bytes: 2 * c.S * c.G * c.D * (dtype === 'bf16' ? 2 : 4),
    peak: 'read',
    goal,
    tolerance: dtype === 'bf16' ? 2e-2 : undefined,
  };
};

export const cases = [
  attention({}),
  attention({ backward: true }),
  attention({ dtype: 'bf16' }),
  attention({ dtype: 'bf16', backward: true }),
  attention({ window: 256, backward: true }),
  attention({ documents: 256, backward: true }),
  attention({ bias: true }),
  decode('f32'),
  decode('bf16'),
];

export function prepare({ B, H, G, T, S, D, dtype, backward, window, documents, bias }) {
  // [B, T, H, D], as a projection gives them.
  const q = random([B, T, H, D], 1, { dtype });
  const [k, v] = [2, 3].map((seed) => random([B, S, G, D], seed, { dtype }));
  const ids = documents && Int32Array.from({ length: B * S }, (_, i) => Math.floor((i % S) / documents));
  const options = {
    causal: true,
    window,
    documents: ids && tensor(ids, { shape: [B, S], dtype: 'i32' }),
    bias: bias && random([1, H, T, S], 5, { dtype }),
  };
  const forward = () => sdpa(q, k, v, options);
  if (!backward) return forward;
  const leaves = [q, k, v];
  for (const leaf of leaves) leaf.setRequiresGrad(true);
  const seed = random([B, T, H, D], 4, { dtype });
  return () => {
    for (const leaf of leaves) {
      leaf.grad?.dispose();
      leaf.grad = null;
    }
    forward().backward(seed);
    return leaves.map((leaf) => leaf.grad);
  };
}
