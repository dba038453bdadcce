import { matmul, randn, scope, withMatmulPrecision } from '@inkstone/tensor-core';

/** Rows of the square matrices: large enough that a product does little but multiply. */
const N = 1024;

/**
 * Floating point operations per second that this machine reaches in products of large matrices, the best of a few:
 * what a training step is measured against.
 *
 * @param precision of the products.
 * @param seconds to spend, at least one product.
 * @example
 * measurePeak('f32') / 1e9; // GFLOP/s
 */
export function measurePeak(precision: 'f32' | 'bf16', seconds = 0.4): number {
  return scope(() => {
    const a = randn([N, N]);
    const b = randn([N, N]);
    let best = Number.POSITIVE_INFINITY;
    const until = performance.now() + seconds * 1000;
    do {
      const began = performance.now();
      scope(() => withMatmulPrecision(precision, () => matmul(a, b)));
      best = Math.min(best, performance.now() - began);
    } while (performance.now() < until);
    return (2 * N ** 3) / (best / 1000);
  });
}
