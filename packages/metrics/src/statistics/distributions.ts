/** Natural logarithm of the gamma function for x > 0 (Lanczos, g = 7, n = 9; relative error below 1e-14). */
export function logGamma(x: number): number {
  if (x < 0.5) return Math.log(Math.PI / Math.sin(Math.PI * x)) - logGamma(1 - x);
  const coefficients = [
    0.9999999999998099, 676.5203681218851, -1259.1392167224028, 771.3234287776531, -176.6150291621406,
    12.507343278686905, -0.13857109526572012, 9.984369578019572e-6, 1.5056327351493116e-7,
  ];
  x -= 1;
  let sum = coefficients[0]!;
  for (let i = 1; i < 9; i++) sum += coefficients[i]! / (x + i);
  const t = x + 7.5;
  return 0.5 * Math.log(2 * Math.PI) + (x + 0.5) * Math.log(t) - t + Math.log(sum);
}

/** Regularised upper incomplete gamma Q(a, x): series below a + 1, Lentz's continued fraction above. */
export function upperGamma(a: number, x: number): number {
  if (x <= 0) return 1;
  const front = Math.exp(-x + a * Math.log(x) - logGamma(a));
  if (x < a + 1) {
    let term = 1 / a;
    let sum = term;
    for (let n = 1; n < 1000 && Math.abs(term) > Math.abs(sum) * 1e-17; n++) {
      term *= x / (a + n);
      sum += term;
    }
    return 1 - sum * front;
  }
  let b = x + 1 - a;
  let c = 1e300;
  let d = 1 / b;
  let h = d;
  for (let i = 1; i < 1000; i++) {
    const an = -i * (i - a);
    b += 2;
    d = 1 / nonZero(an * d + b);
    c = nonZero(b + an / c);
    const delta = d * c;
    h *= delta;
    if (Math.abs(delta - 1) < 1e-16) break;
  }
  return front * h;
}

const nonZero = (x: number): number => (Math.abs(x) < 1e-300 ? 1e-300 : x);

/** Regularised incomplete beta I_x(a, b) by Lentz's continued fraction. */
export function incompleteBeta(x: number, a: number, b: number): number {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  if (x > (a + 1) / (a + b + 2)) return 1 - incompleteBeta(1 - x, b, a);
  const front =
    Math.exp(logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log1p(-x)) / a;
  let c = 1;
  let d = 1 / nonZero(1 - ((a + b) * x) / (a + 1));
  let h = d;
  for (let m = 1; m < 1000; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / nonZero(1 + even * d);
    c = nonZero(1 + even / c);
    h *= d * c;
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / nonZero(1 + odd * d);
    c = nonZero(1 + odd / c);
    const delta = d * c;
    h *= delta;
    if (Math.abs(delta - 1) < 1e-16) break;
  }
  return front * h;
}

/**
 * Standard normal distribution function.
 *
 * @example
 * normalCdf(1.959963984540054).toFixed(9); // => '0.975000000'
 */
export function normalCdf(z: number): number {
  const tail = 0.5 * upperGamma(0.5, (z * z) / 2);
  return z > 0 ? 1 - tail : tail;
}

/**
 * The z with normalCdf(z) = p, 0 < p < 1.
 *
 * @example
 * normalQuantile(0.975).toFixed(9); // => '1.959963985'
 */
export function normalQuantile(p: number): number {
  return bisect(normalCdf, p);
}

/**
 * Student's t distribution function with `df` degrees of freedom.
 *
 * @example
 * studentCdf(1, 1).toFixed(9); // => '0.750000000'
 */
export function studentCdf(t: number, df: number): number {
  const tail = 0.5 * incompleteBeta(df / (df + t * t), df / 2, 0.5);
  return t > 0 ? 1 - tail : tail;
}

/**
 * The t with studentCdf(t, df) = p, 0 < p < 1.
 *
 * @example
 * studentQuantile(0.75, 1).toFixed(9); // => '1.000000000'
 */
export function studentQuantile(p: number, df: number): number {
  return bisect((t) => studentCdf(t, df), p);
}

/**
 * Probability that a chi-squared variable with `df` degrees of freedom exceeds x.
 *
 * @example
 * chiSquaredTail(2, 2).toFixed(9); // => '0.367879441'
 */
export function chiSquaredTail(x: number, df: number): number {
  return upperGamma(df / 2, x / 2);
}

/**
 * Two-sided exact binomial p-value of `successes` in `trials` at probability one half.
 *
 * @example
 * binomialTest(1, 4); // => 0.625
 */
export function binomialTest(successes: number, trials: number): number {
  if (trials === 0) return 1;
  const fewer = Math.min(successes, trials - successes);
  let tail = 0;
  if (trials <= 1000) {
    // Binomial coefficients by recurrence: exact while they fit 53 bits, and 2^-1000 does not underflow.
    let ways = 1;
    for (let k = 0; k <= fewer; k++) {
      tail += ways;
      ways = (ways * (trials - k)) / (k + 1);
    }
    return Math.min(1, 2 * tail * 2 ** -trials);
  }
  for (let k = 0; k <= fewer; k++) {
    tail += Math.exp(logGamma(trials + 1) - logGamma(k + 1) - logGamma(trials - k + 1) - trials * Math.LN2);
  }
  return Math.min(1, 2 * tail);
}

/** Inverts an increasing distribution function to the last bit: bracket by doubling, then halve. */
function bisect(cdf: (x: number) => number, p: number): number {
  if (p === 0.5) return 0;
  // Work in the lower tail, where the functions above keep full relative precision.
  const target = Math.min(p, 1 - p);
  let low = -1;
  while (cdf(low) > target && low > -1e300) low *= 2;
  let high = 0;
  for (let i = 0; i < 200; i++) {
    const middle = (low + high) / 2;
    if (middle === low || middle === high) break;
    if (cdf(middle) < target) low = middle;
    else high = middle;
  }
  return p < 0.5 ? (low + high) / 2 : -(low + high) / 2;
}
