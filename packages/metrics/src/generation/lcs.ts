/**
 * Length of the longest common subsequence of two id sequences; O(n·m) time, O(m) memory.
 *
 * @example
 * lcsLength([1, 2, 3, 4], [2, 4, 3]); // => 2
 */
export function lcsLength(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const row = new Int32Array(b.length + 1);
  for (let i = 0; i < a.length; i++) {
    const symbol = a[i];
    let diagonal = 0;
    for (let j = 1; j <= b.length; j++) {
      const above = row[j]!;
      if (symbol === b[j - 1]) row[j] = diagonal + 1;
      else if (row[j - 1]! > above) row[j] = row[j - 1]!;
      diagonal = above;
    }
  }
  return row[b.length]!;
}

/**
 * Marks the positions of `reference` on one longest common subsequence with `candidate`; of several, the one
 * ROUGE-1.5.5 reads out (backwards, preferring to drop a reference word).
 */
export function markLcs(
  reference: ArrayLike<number>,
  candidate: ArrayLike<number>,
  marked: Uint8Array,
): void {
  const columns = candidate.length + 1;
  const table = new Int32Array((reference.length + 1) * columns);
  for (let i = 1; i <= reference.length; i++) {
    const row = i * columns;
    for (let j = 1; j < columns; j++) {
      table[row + j] =
        reference[i - 1] === candidate[j - 1]
          ? table[row - columns + j - 1]! + 1
          : Math.max(table[row - columns + j]!, table[row + j - 1]!);
    }
  }
  let i = reference.length;
  let j = candidate.length;
  while (i > 0 && j > 0) {
    if (reference[i - 1] === candidate[j - 1]) {
      marked[i - 1] = 1;
      i--;
      j--;
    } else if (table[i * columns + j - 1]! > table[(i - 1) * columns + j]!) {
      j--;
    } else {
      i--;
    }
  }
}
