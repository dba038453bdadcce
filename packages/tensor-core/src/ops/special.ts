// Functions of mathematics that JavaScript lacks, in float64, for references.

/**
 * erf(x) = 2 / sqrt(pi) * integral of e^(-t^2) from 0 to x, to about 1e-15.
 *
 * Small |x| by the series erf(x) = 2 / sqrt(pi) * e^(-x^2) * sum of 2^n x^(2n+1) / (1 * 3 * ... * (2n+1)), whose terms
 * have one sign (Abramowitz and Stegun 1964, eq. 7.1.6); large |x| by the continued fraction of erfc (eq. 7.1.14).
 */
export function errorFunction(x: number): number {
  const a = Math.abs(x);
  if (!(a > 0)) return x;
  if (a > 6) return Math.sign(x);
  const scale = Math.exp(-a * a) / Math.sqrt(Math.PI);
  if (a < 3) {
    let term = a;
    let total = a;
    for (let n = 1; term > total * 1e-17; n++) {
      term *= (2 * a * a) / (2 * n + 1);
      total += term;
    }
    return Math.sign(x) * 2 * scale * total;
  }
  // erfc(a) = e^(-a^2) / sqrt(pi) * 1 / (a + (1/2) / (a + 1 / (a + (3/2) / (a + ...)))), from the inside out.
  let tail = a;
  for (let n = 60; n >= 1; n--) tail = a + n / 2 / tail;
  return Math.sign(x) * (1 - scale / tail);
}
