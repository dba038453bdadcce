// Attention, forward and backward: B x H x T x D, causal.
import { sdpa } from '@inkstone/tensor-core';
import { random } from './data.mjs';

const goal = 1.5;
const attention = (B, H, T, D, backward) => ({
  name: `f32 ${B}x${H}x${T}x${D} causal${backward ? ' forward and backward' : ''}`,
  B,
  H,
  T,
  D,
  backward,
  // Half of the two products forward; backward has five more.
  flops: (2 * B * H * T * T * D * (backward ? 7 : 2)) / 2,
  peak: 'f32',
  goal,
});

export const cases = [attention(4, 12, 1024, 64, false), attention(4, 12, 1024, 64, true)];

export function prepare({ B, H, T, D, backward }) {
  // Three [B, T, H, D], as a projection gives them.
  const [q, k, v] = [1, 2, 3].map((seed) => random([B, T, H, D], seed));
  const forward = () => sdpa(q, k, v, { causal: true });
  if (!backward) return forward;
  const leaves = [q, k, v];
  for (const leaf of leaves) leaf.setRequiresGrad(true);
  const seed = random([B, T, H, D], 4);
  return () => {
    for (const leaf of leaves) {
      leaf.grad?.dispose();
      leaf.grad = null;
    }
    forward().backward(seed);
    return leaves.map((leaf) => leaf.grad);
  };
}
