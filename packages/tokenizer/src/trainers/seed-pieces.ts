/** Words as code points with their counts: word i is `points[starts[i], starts[i + 1])`. */
export interface PointWords {
  points: Int32Array;
  starts: Int32Array;
  counts: Float64Array;
}

/** A candidate: its occurrences are the suffixes of the ranks [from, to); how long it is, how often it occurs. */
export interface Candidate {
  from: number;
  to: number;
  length: number;
  count: number;
}

/** The words' positions in the order of what stands there, and the substrings found by it. */
export interface Candidates {
  order: Int32Array;
  found: Candidate[];
}

/**
 * Substrings of the words that occur at least twice, each counted with the counts of its words, and none that is
 * always followed by the same character in the same words; the `limit` with the largest count times length, largest
 * first. They are the nodes of the words' suffix tree, cut at `longest` characters: suffixes are sorted by prefix
 * doubling, which for prefixes so short takes log2(longest) counting sorts, O(n) each, and the tree is read off
 * neighbours' common prefixes (Abouelhoda, Kurtz and Ohlebusch 2004).
 *
 * @param longest characters of the longest candidate, 2 to 64; the shortest have two.
 */
export function seedPieces(words: PointWords, longest: number, limit: number): Candidates {
  const { points, starts, counts } = words;
  const size = points.length;
  const left = new Uint8Array(size);
  const wordOf = new Int32Array(size);
  for (let word = 0; word + 1 < starts.length; word++) {
    for (let i = starts[word]!; i < starts[word + 1]!; i++) {
      left[i] = Math.min(starts[word + 1]! - i, longest);
      wordOf[i] = word;
    }
  }
  const order = sortSuffixes(points, left, longest);

  const all: Candidate[] = [];
  /** The nodes on the way to the last leaf: their depths, their first ranks, and the counts below them so far. */
  const depths = [0];
  const froms = [0];
  const sums = [0];
  const close = (to: number) => {
    const length = depths.pop()!;
    const from = froms.pop()!;
    const count = sums.pop()!;
    sums[sums.length - 1]! += count;
    if (length >= 2 && count >= 2) all.push({ from, to, length, count });
  };
  for (let i = 0; i < size; i++) {
    const at = order[i]!;
    let common = 0;
    if (i > 0) {
      const before = order[i - 1]!;
      const most = Math.min(left[at]!, left[before]!);
      while (common < most && points[at + common] === points[before + common]) common++;
      while (depths[depths.length - 1]! > common) {
        // The node above may lie between this one and the branching point.
        const top = depths.length - 1;
        if (depths[top - 1]! < common) {
          depths.push(depths[top]!);
          depths[top] = common;
          froms.push(froms[top]!);
          sums.push(sums[top]!);
          sums[top] = 0;
        }
        close(i);
      }
    }
    const weight = counts[wordOf[at]!]!;
    if (depths[depths.length - 1]! < left[at]!) {
      depths.push(left[at]!);
      froms.push(i);
      sums.push(weight);
    } else {
      sums[sums.length - 1]! += weight;
    }
  }
  while (depths.length > 1) close(size);

  const scores = Float64Array.from(all, ({ length, count }) => length * count);
  const ranks = Int32Array.from(all.keys()).sort((a, b) => scores[b]! - scores[a]! || a - b);
  return { order, found: Array.from(ranks.subarray(0, limit), (i) => all[i]!) };
}

/** Positions in the order of what stands there, up to `longest` characters and the word's end. */
function sortSuffixes(points: Int32Array, left: Uint8Array, longest: number): Int32Array {
  const size = points.length;
  const distinct = new Map([...new Set(points)].sort((a, b) => a - b).map((point, i) => [point, i + 1]));
  let ranks = Int32Array.from(points, (point) => distinct.get(point)!);
  let highest = distinct.size;
  const order = new Int32Array(size);
  const other = new Int32Array(size);
  for (let i = 0; i < size; i++) other[i] = i;
  countingSort(other, order, ranks, highest);
  for (let reach = 1; reach < longest && highest < size; reach *= 2) {
    // A word's end is less than any character.
    const second = new Int32Array(size);
    for (let i = 0; i < size; i++) second[i] = left[i]! > reach ? ranks[i + reach]! : 0;
    countingSort(order, other, second, highest);
    countingSort(other, order, ranks, highest);
    const next = new Int32Array(size);
    let rank = 0;
    for (let i = 0; i < size; i++) {
      const at = order[i]!;
      const before = order[i - 1];
      if (before === undefined || ranks[at] !== ranks[before] || second[at] !== second[before]) rank++;
      next[at] = rank;
    }
    ranks = next;
    highest = rank;
  }
  return order;
}

/** Writes `from` to `to` in the order of the keys, 0 to `highest`, equal ones as they were. */
function countingSort(from: Int32Array, to: Int32Array, keys: Int32Array, highest: number): void {
  const places = new Int32Array(highest + 2);
  for (let i = 0; i < keys.length; i++) places[keys[i]! + 1]!++;
  for (let key = 1; key <= highest; key++) places[key]! += places[key - 1]!;
  for (let i = 0; i < from.length; i++) to[places[keys[from[i]!]!]!++] = from[i]!;
}
