/**
 * A sum of float64 numbers with a single rounding at the end, whatever the order of the terms.
 *
 * Keeps the running sum as non-overlapping partials (Shewchuk 1997, "Adaptive Precision Floating-Point Arithmetic",
 * the method of Python's `math.fsum`). That makes a mean independent of how the data were split into shards: merging
 * gives the same bits as one pass.
 *
 * @example
 * const sum = new ExactSum();
 * for (const x of [1e16, 1, -1e16]) sum.add(x);
 * sum.value(); // => 1
 */
export class ExactSum {
  private partials: number[] = [];

  /** Adds one finite number. */
  add(x: number): void {
    const partials = this.partials;
    let kept = 0;
    for (let i = 0; i < partials.length; i++) {
      let y = partials[i]!;
      if (Math.abs(x) < Math.abs(y)) {
        const swap = x;
        x = y;
        y = swap;
      }
      const high = x + y;
      const low = y - (high - x);
      if (low !== 0) partials[kept++] = low;
      x = high;
    }
    partials.length = kept;
    if (x !== 0) partials.push(x);
  }

  /** Adds everything another sum holds, exactly. */
  merge(other: ExactSum): void {
    for (const partial of [...other.partials]) this.add(partial);
  }

  /** The sum, correctly rounded (ties to even) to float64. */
  value(): number {
    const partials = this.partials;
    let i = partials.length;
    if (i === 0) return 0;
    let high = partials[--i]!;
    let low = 0;
    while (i > 0) {
      const x = high;
      const y = partials[--i]!;
      high = x + y;
      low = y - (high - x);
      if (low !== 0) break;
    }
    // A tie between two floats is decided by the next partial, which the loop above has not looked at.
    if (i > 0 && low !== 0 && low < 0 === partials[i - 1]! < 0) {
      const doubled = low * 2;
      const x = high + doubled;
      if (doubled === x - high) high = x;
    }
    return high;
  }
}

/**
 * The correctly rounded sum of `values`.
 *
 * @example
 * exactSum([0.1, 0.2, 0.3, -0.6]) === 2 ** -55; // => true
 */
export function exactSum(values: Iterable<number>): number {
  const sum = new ExactSum();
  for (const value of values) sum.add(value);
  return sum.value();
}
