/**
 * Pivoted Cholesky factor of a symmetric positive semi-definite matrix: a = L Lᵀ with as few columns as its rank.
 *
 * @param matrix Row-major [n, n]; not changed.
 * @returns L transposed, row-major [rank, n], in the original row order.
 */
export function semidefiniteFactor(matrix: Float64Array, n: number): { factor: Float64Array; rank: number } {
  const diagonal = Float64Array.from({ length: n }, (_, i) => matrix[i * n + i]!);
  const largest = diagonal.reduce((a, b) => Math.max(a, b), 0);
  // Rounding leaves this much where exact arithmetic would leave zero.
  const tolerance = largest * n * Number.EPSILON;
  const factor = new Float64Array(n * n);
  const used = new Uint8Array(n);
  let rank = 0;
  for (; rank < n; rank++) {
    let pivot = -1;
    for (let i = 0; i < n; i++) if (!used[i] && (pivot < 0 || diagonal[i]! > diagonal[pivot]!)) pivot = i;
    if (!(diagonal[pivot]! > tolerance)) break;
    used[pivot] = 1;
    const root = Math.sqrt(diagonal[pivot]!);
    const row = factor.subarray(rank * n, (rank + 1) * n);
    for (let i = 0; i < n; i++) row[i] = matrix[pivot * n + i]!;
    for (let k = 0; k < rank; k++) {
      const other = factor.subarray(k * n, (k + 1) * n);
      const scale = other[pivot]!;
      if (scale !== 0) for (let i = 0; i < n; i++) row[i]! -= scale * other[i]!;
    }
    for (let i = 0; i < n; i++) {
      if (used[i] && i !== pivot) {
        row[i] = 0;
        continue;
      }
      row[i]! /= root;
      diagonal[i]! -= row[i]! * row[i]!;
    }
    row[pivot] = root;
  }
  return { factor: factor.subarray(0, rank * n), rank };
}

/** a · b for row-major a [rows, inner] and symmetric b [inner, inner]. */
function timesSymmetric(a: Float64Array, b: Float64Array, rows: number, inner: number): Float64Array {
  const out = new Float64Array(rows * inner);
  for (let i = 0; i < rows; i++) {
    const target = out.subarray(i * inner, (i + 1) * inner);
    for (let k = 0; k < inner; k++) {
      const scale = a[i * inner + k]!;
      if (scale === 0) continue;
      const row = b.subarray(k * inner, (k + 1) * inner);
      for (let j = 0; j < inner; j++) target[j]! += scale * row[j]!;
    }
  }
  return out;
}

/**
 * tr((a b)^{1/2}) for symmetric positive semi-definite a and b, singular or not.
 *
 * With a = L Lᵀ the non-zero eigenvalues of a b are those of the symmetric Lᵀ b L, so one factorisation and one symmetric
 * eigenproblem of size rank(a) replace the matrix square root, and nothing has to be inverted.
 *
 * @param a Row-major [n, n].
 * @param b Row-major [n, n].
 */
export function traceSqrtProduct(a: Float64Array, b: Float64Array, n: number): number {
  const { factor, rank } = semidefiniteFactor(a, n);
  const half = timesSymmetric(factor, b, rank, n);
  const product = new Float64Array(rank * rank);
  for (let i = 0; i < rank; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = 0;
      for (let k = 0; k < n; k++) sum += half[i * n + k]! * factor[j * n + k]!;
      product[i * rank + j] = sum;
      product[j * rank + i] = sum;
    }
  }
  let trace = 0;
  for (const value of symmetricEigenvalues(product, rank)) trace += Math.sqrt(Math.max(0, value));
  return trace;
}

/**
 * Eigenvalues of a symmetric matrix: Householder tridiagonalisation, then implicit QL (Golub and Van Loan, sections 8.3.1
 * and 8.3.5). O(n³) for the first, O(n²) for the second; no eigenvectors.
 *
 * @param matrix Row-major [n, n]; not changed.
 * @returns The eigenvalues in no particular order, [n].
 */
export function symmetricEigenvalues(matrix: Float64Array, n: number): Float64Array {
  const a = matrix.slice();
  const diagonal = new Float64Array(n);
  const off = new Float64Array(n);
  const v = new Float64Array(n);
  const p = new Float64Array(n);
  for (let k = 0; k < n - 2; k++) {
    // Reflect column k below the diagonal onto its first entry.
    let norm = 0;
    for (let i = k + 1; i < n; i++) norm = Math.hypot(norm, a[i * n + k]!);
    if (norm === 0) continue;
    const first = a[(k + 1) * n + k]!;
    const alpha = first > 0 ? -norm : norm;
    let square = 0;
    for (let i = k + 1; i < n; i++) {
      v[i] = a[i * n + k]! - (i === k + 1 ? alpha : 0);
      square += v[i]! * v[i]!;
    }
    a[(k + 1) * n + k] = alpha;
    if (square === 0) continue;
    const beta = 2 / square;
    // A <- A - v wᵀ - w vᵀ with w = beta (A v - (beta vᵀ A v / 2) v), on the lower triangle only.
    p.fill(0);
    for (let i = k + 1; i < n; i++) {
      const row = i * n;
      const vi = v[i]!;
      let sum = a[row + i]! * vi;
      for (let j = k + 1; j < i; j++) {
        sum += a[row + j]! * v[j]!;
        p[j]! += a[row + j]! * vi;
      }
      p[i]! += sum;
    }
    let dot = 0;
    for (let i = k + 1; i < n; i++) {
      p[i]! *= beta;
      dot += p[i]! * v[i]!;
    }
    const shift = (beta * dot) / 2;
    for (let i = k + 1; i < n; i++) p[i]! -= shift * v[i]!;
    for (let i = k + 1; i < n; i++) {
      const row = i * n;
      const vi = v[i]!;
      const pi = p[i]!;
      for (let j = k + 1; j <= i; j++) a[row + j]! -= vi * p[j]! + pi * v[j]!;
    }
  }
  for (let i = 0; i < n; i++) {
    diagonal[i] = a[i * n + i]!;
    if (i > 0) off[i - 1] = a[i * n + i - 1]!;
  }
  implicitQl(diagonal, off);
  return diagonal;
}

/** Eigenvalues of a symmetric tridiagonal matrix, in place of its diagonal. */
function implicitQl(d: Float64Array, e: Float64Array): void {
  const n = d.length;
  for (let l = 0; l < n; l++) {
    // Each eigenvalue converges in about two sweeps; 60 means the input was not finite.
    for (let sweep = 0; sweep < 60; sweep++) {
      let m = l;
      while (m < n - 1) {
        const scale = Math.abs(d[m]!) + Math.abs(d[m + 1]!);
        if (Math.abs(e[m]!) <= Number.EPSILON * scale) break;
        m++;
      }
      if (m === l) break;
      let g = (d[l + 1]! - d[l]!) / (2 * e[l]!);
      let r = Math.hypot(g, 1);
      g = d[m]! - d[l]! + e[l]! / (g + (g >= 0 ? r : -r));
      let s = 1;
      let c = 1;
      let p = 0;
      let i = m - 1;
      for (; i >= l; i--) {
        const f = s * e[i]!;
        const b = c * e[i]!;
        r = Math.hypot(f, g);
        e[i + 1] = r;
        if (r === 0) {
          d[i + 1]! -= p;
          e[m] = 0;
          break;
        }
        s = f / r;
        c = g / r;
        g = d[i + 1]! - p;
        r = (d[i]! - g) * s + 2 * c * b;
        p = s * r;
        d[i + 1] = g + p;
        g = c * r - b;
      }
      if (r === 0 && i >= l) continue;
      d[l]! -= p;
      e[l] = g;
      e[m] = 0;
    }
  }
}
