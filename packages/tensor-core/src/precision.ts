/** How f32 matrix products multiply: in f32, or in bf16 with f32 accumulation. */
export type MatmulPrecision = 'f32' | 'bf16';

let current: MatmulPrecision = 'f32';

/** The precision new matrix products are recorded with. */
export const matmulPrecision = (): MatmulPrecision => current;

/**
 * Runs `f` with another precision for f32 matrix products. Gradients use the precision of their forward product.
 *
 * In bf16 the operands are rounded to 8 bits of mantissa while they are packed; sums stay in f32.
 *
 * @example
 * const logits = withMatmulPrecision('bf16', () => model.forward(ids));
 */
export function withMatmulPrecision<R>(precision: MatmulPrecision, f: () => R): R {
  const before = current;
  current = precision;
  try {
    return f();
  } finally {
    current = before;
  }
}
