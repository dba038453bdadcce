/** What fills a lattice: the tokens at each place of a text, as `Unigram.matches` tells them. */
export interface TokenMatcher {
  matches(text: string, start: number, visit: (length: number, score: number, id: number) => void): void;
}

/** One way to cut a piece: ends of the tokens, ascending, their ids, and the sum of their log probabilities. */
export interface Cut {
  ends: number[];
  ids: number[];
  score: number;
}

/** log(e^a + e^b), without overflow. */
function logAdd(a: number, b: number): number {
  if (a < b) return logAdd(b, a);
  return b === -Infinity ? a : a + Math.log1p(Math.exp(b - a));
}

/**
 * Every way to cut one piece into tokens, as a graph: positions are its nodes, tokens its edges (Kudo 2018,
 * arXiv 1804.10959, section 3). One lattice is filled again and again, so that its arrays are kept.
 */
export class Lattice {
  #size = 0;
  #starts: number[] = [];
  #ends: number[] = [];
  #ids: number[] = [];
  #scores: number[] = [];
  /** First edge of each start; one more entry than positions. */
  #first: number[] = [];

  /** How many edges there are. */
  get length(): number {
    return this.#starts.length;
  }

  /** Takes the tokens of a piece in place of what was there. */
  fill(matcher: TokenMatcher, piece: string): this {
    this.#size = piece.length;
    this.#starts.length = this.#ends.length = this.#ids.length = this.#scores.length = 0;
    this.#first.length = piece.length + 1;
    this.#first.fill(0);
    let at = 0;
    const visit = (length: number, score: number, id: number) => {
      this.#starts.push(at);
      this.#ends.push(at + length);
      this.#ids.push(id);
      this.#scores.push(score);
    };
    while (at < piece.length) {
      const next = at + (piece.codePointAt(at)! > 0xffff ? 2 : 1);
      matcher.matches(piece, at, visit);
      for (let i = at + 1; i <= next; i++) this.#first[i] = this.#starts.length;
      at = next;
    }
    return this;
  }

  /** Log of the total probability of all cuts up to each position, scores times `alpha`. */
  #forward(alpha: number): Float64Array {
    const sums = new Float64Array(this.#size + 1).fill(-Infinity);
    sums[0] = 0;
    for (let e = 0; e < this.#starts.length; e++) {
      const end = this.#ends[e]!;
      sums[end] = logAdd(sums[end]!, sums[this.#starts[e]!]! + alpha * this.#scores[e]!);
    }
    return sums;
  }

  /**
   * Calls `visit` with each token's probability of standing in a cut, and returns log Z, the log of the total
   * probability of all cuts: P(edge) = e^(forward(start) + score + backward(end) - log Z). The plain form of what training
   * computes in `PieceLattice`, and what tests hold that to.
   */
  marginals(visit: (id: number, probability: number) => void): number {
    const forward = this.#forward(1);
    const total = forward[this.#size]!;
    const backward = new Float64Array(this.#size + 1).fill(-Infinity);
    backward[this.#size] = 0;
    for (let e = this.#starts.length - 1; e >= 0; e--) {
      const start = this.#starts[e]!;
      const rest = this.#scores[e]! + backward[this.#ends[e]!]!;
      backward[start] = logAdd(backward[start]!, rest);
      visit(this.#ids[e]!, Math.exp(forward[start]! + rest - total));
    }
    return total;
  }

  /** The `count` best cuts, best first; fewer where there are fewer. O(edges * count). */
  nBest(count: number, skip: (id: number, length: number) => boolean = () => false): Cut[] {
    type Step = { score: number; edge: number; previous: Step | undefined };
    const at: Step[][] = Array.from({ length: this.#size + 1 }, () => []);
    at[0]!.push({ score: 0, edge: -1, previous: undefined });
    for (let start = 0; start <= this.#size; start++) {
      const steps = at[start]!;
      steps.sort((a, b) => b.score - a.score);
      steps.length = Math.min(steps.length, count);
      for (let e = this.#first[start]!; e < (this.#first[start + 1] ?? 0); e++) {
        const end = this.#ends[e]!;
        if (this.#starts[e] !== start || skip(this.#ids[e]!, end - start)) continue;
        for (const previous of steps)
          at[end]!.push({ score: previous.score + this.#scores[e]!, edge: e, previous });
      }
    }
    return at[this.#size]!.map((last) => {
      const edges: number[] = [];
      for (let step: Step | undefined = last; step && step.edge >= 0; step = step.previous)
        edges.push(step.edge);
      return this.#cut(edges.reverse(), last.score);
    });
  }

  /**
   * A cut drawn with probability proportional to e^(alpha * score): forward filtering, backward sampling.
   * @param random numbers in [0, 1).
   */
  sample(alpha: number, random: () => number): Cut {
    const forward = this.#forward(alpha);
    const edges: number[] = [];
    let score = 0;
    // Edges by their end, from the last to the first: those that end at `end` start before it.
    for (let end = this.#size; end > 0; ) {
      let left = random();
      let chosen = -1;
      for (let e = this.#first[end]! - 1; e >= 0 && left >= 0; e--) {
        if (this.#ends[e] !== end) continue;
        chosen = e;
        left -= Math.exp(forward[this.#starts[e]!]! + alpha * this.#scores[e]! - forward[end]!);
      }
      edges.push(chosen);
      score += this.#scores[chosen]!;
      end = this.#starts[chosen]!;
    }
    return this.#cut(edges.reverse(), score);
  }

  #cut(edges: readonly number[], score: number): Cut {
    return { ends: edges.map((e) => this.#ends[e]!), ids: edges.map((e) => this.#ids[e]!), score };
  }
}
