import { BYTE_TOKENS } from '../byte-alphabet.js';
import { describe, TokenizerError } from '../errors.js';
import { Fields } from '../json.js';
import { PairTable } from '../pair-table.js';
import { type Cut, Lattice } from './lattice.js';
import { emit, type Model, type TokenSink } from './model.js';

/** How much worse than the worst token an unknown character scores, in nats. */
export const UNKNOWN_PENALTY = 10;

/** Options of `Unigram`, named as in tokenizer.json. */
export interface UnigramOptions {
  /** Index of the unknown token. */
  unkId?: number;
  /** Spell unknown text as `<0xNN>` tokens. */
  byteFallback?: boolean;
  /** Ids that text never spells, such as control tokens. */
  hidden?: ReadonlySet<number> | undefined;
  /** Adds scores up in single precision, as SentencePiece does, which settles ties as there. */
  singlePrecision?: boolean;
  /** Draws cuts at random instead of taking the best one (subword regularization); not written to files. */
  sampling?: UnigramSampling;
}

/** How `Unigram` draws a cut: with probability proportional to e^(alpha * score). */
export interface UnigramSampling {
  /** 0 makes all cuts equal, large values make the best one certain; SentencePiece suggests 0.1. */
  alpha: number;
  /** Draw among so many best cuts; among all by default. */
  nBest?: number;
  /** Numbers in [0, 1); default `Math.random`. */
  random?: () => number;
}

/**
 * The unigram language model: of all ways to cut a piece into tokens, the one with the highest sum of log
 * probabilities, by Viterbi in O(n m) for n characters and longest token m (Kudo 2018, arXiv 1804.10959).
 * Neighbouring unknown characters become one token.
 */
export class Unigram implements Model {
  readonly type = 'Unigram';
  /** Score of an unknown character. */
  readonly unknownScore: number;
  readonly #ids: Map<string, number>;
  readonly #scores: Float64Array;
  /** The tokens as a trie over UTF-16 units: node and unit give the child; node 0 is the root. */
  readonly #children: PairTable;
  readonly #nodeIds: number[] = [-1];
  readonly #fallback: Int32Array | undefined;
  readonly #hidden: Set<number>;

  /**
   * @param vocab tokens with log probabilities in nats; the index is the id. Of equal tokens the last counts.
   * @throws {TokenizerError} E_FORMAT on an unknown id out of range or a score that is no number.
   */
  constructor(
    readonly vocab: readonly (readonly [string, number])[],
    readonly options: UnigramOptions = {},
  ) {
    const { unkId } = options;
    if (unkId !== undefined && !(Number.isInteger(unkId) && unkId >= 0 && unkId < vocab.length)) {
      throw new TokenizerError('E_FORMAT', 'model.unk_id', {
        rule: `must be an index of the vocabulary, 0 to ${vocab.length - 1}`,
        received: describe(unkId),
        fix: 'point it at the unknown token',
      });
    }
    const { alpha, nBest } = options.sampling ?? { alpha: 0 };
    if (
      !(alpha >= 0 && alpha < Infinity) ||
      (nBest !== undefined && !(Number.isInteger(nBest) && nBest > 0))
    ) {
      throw new TokenizerError('E_OPTION', 'sampling', {
        rule: 'alpha must be 0 or more, nBest an integer of 1 or more',
        received: describe(options.sampling),
        fix: 'change the option',
      });
    }
    this.#ids = new Map(vocab.map(([token], id) => [token, id]));
    this.#scores = Float64Array.from(vocab, ([, score]) => score);
    this.#children = new PairTable(4 * vocab.length);
    // As in SentencePiece, no text spells a byte: `<0x41>` is six characters.
    this.#hidden = new Set(options.hidden);
    if (options.byteFallback) for (const byte of BYTE_TOKENS) this.#hidden.add(this.#ids.get(byte) ?? -1);
    let lowest = Infinity;
    vocab.forEach(([token, score], id) => {
      if (typeof token !== 'string' || !Number.isFinite(score)) {
        throw new TokenizerError('E_FORMAT', 'model.vocab', {
          rule: 'every entry is a token and its finite score',
          received: describe([token, score]),
          fix: 'check that the file is complete',
        });
      }
      if (this.#hidden.has(id)) return;
      lowest = Math.min(lowest, score);
      this.#insert(token);
    });
    this.unknownScore = lowest - UNKNOWN_PENALTY;
    if (options.byteFallback) {
      this.#fallback = Int32Array.from(BYTE_TOKENS, (token) => this.#ids.get(token) ?? -1);
    }
  }

  #insert(token: string): void {
    let node = 0;
    for (let i = 0; i < token.length; i++) {
      const unit = token.charCodeAt(i);
      let child = this.#children.get(node, unit);
      if (child < 0) {
        child = this.#nodeIds.length;
        this.#children.set(node, unit, child);
        this.#nodeIds.push(-1);
      }
      node = child;
    }
    if (node > 0) this.#nodeIds[node] = this.#ids.get(token)!;
  }

  get idLimit(): number {
    return this.vocab.length;
  }

  /**
   * Calls `visit` for every token that `text` holds at `start`, from the shortest on, and for the unknown token
   * where no token covers the one character there.
   * @throws {TokenizerError} E_VOCAB if that is so and there is no unknown token.
   */
  matches(text: string, start: number, visit: (length: number, score: number, id: number) => void): void {
    const size = text.codePointAt(start)! > 0xffff ? 2 : 1;
    let single = false;
    let node = 0;
    for (let i = start; i < text.length; i++) {
      node = this.#children.get(node, text.charCodeAt(i));
      if (node < 0) break;
      const id = this.#nodeIds[node]!;
      if (id < 0) continue;
      const length = i + 1 - start;
      if (length === size) single = true;
      visit(length, this.#scores[id]!, id);
    }
    if (!single) visit(size, this.unknownScore, this.#unknown());
  }

  tokenize(piece: string, sink: TokenSink): void {
    const { sampling } = this.options;
    this.#emit(piece, sampling ? this.#draw(piece, sampling) : this.bestPath(piece), sink);
  }

  /**
   * The `count` best ways to cut a piece, best first; unknown characters stand alone in them.
   *
   * @example
   * ```ts
   * const model = new Unigram([['<unk>', 0], ['a', -2], ['b', -2], ['ab', -3]], { unkId: 0 });
   * model.nBest('ab', 2).map(({ ids }) => ids); // => [[3], [1, 2]]
   * ```
   */
  nBest(piece: string, count: number): Cut[] {
    return new Lattice().fill(this, piece).nBest(count);
  }

  #draw(piece: string, { alpha, nBest, random = Math.random }: UnigramSampling): Cut {
    const lattice = new Lattice().fill(this, piece);
    if (nBest === undefined) return lattice.sample(alpha, random);
    const cuts = lattice.nBest(nBest);
    const weights = cuts.map(({ score }) => Math.exp(alpha * (score - cuts[0]!.score)));
    let left = random() * weights.reduce((a, b) => a + b, 0);
    const chosen = weights.findIndex((weight) => (left -= weight) < 0);
    return cuts[chosen < 0 ? cuts.length - 1 : chosen]!;
  }

  /** Ends of the tokens of the best cut, ascending, and their ids. */
  bestPath(piece: string): { ends: number[]; ids: number[] } {
    const size = piece.length;
    const scores = new Float64Array(size + 1);
    const from = new Int32Array(size + 1).fill(-1);
    const ids = new Int32Array(size + 1);
    const round = this.options.singlePrecision ? Math.fround : (value: number) => value;
    let at = 0;
    const visit = (length: number, score: number, id: number) => {
      const end = at + length;
      const total = round(scores[at]! + score);
      if (from[end]! < 0 || total > scores[end]!) {
        scores[end] = total;
        from[end] = at;
        ids[end] = id;
      }
    };
    while (at < size) {
      this.matches(piece, at, visit);
      at += piece.codePointAt(at)! > 0xffff ? 2 : 1;
    }
    const path: { ends: number[]; ids: number[] } = { ends: [], ids: [] };
    for (let end = size; end > 0; end = from[end]!) {
      path.ends.push(end);
      path.ids.push(ids[end]!);
    }
    path.ends.reverse();
    path.ids.reverse();
    return path;
  }

  /** Appends the tokens of a cut: runs of the unknown token become one, or bytes. */
  #emit(piece: string, path: { ends: number[]; ids: number[] }, sink: TokenSink): void {
    const { unkId } = this.options;
    let start = 0;
    for (let i = 0; i < path.ends.length; i++) {
      let end = path.ends[i]!;
      let id = path.ids[i]!;
      if (id === unkId) {
        while (path.ids[i + 1] === unkId) end = path.ends[++i]!;
        id = this.#ids.get(piece.slice(start, end)) ?? -1;
        if (this.#hidden.has(id)) id = -1;
        const bytes = id < 0 ? this.#bytes(piece.slice(start, end)) : undefined;
        if (bytes) for (const byte of bytes) emit(sink, byte, start, end);
        else emit(sink, id < 0 ? this.#unknown() : id, start, end);
      } else {
        emit(sink, id, start, end);
      }
      start = end;
    }
  }

  #bytes(text: string): number[] | undefined {
    const table = this.#fallback;
    if (!table) return undefined;
    const out = Array.from(new TextEncoder().encode(text), (byte) => table[byte]!);
    return out.every((id) => id >= 0) ? out : undefined;
  }

  #unknown(): number {
    const { unkId } = this.options;
    if (unkId !== undefined) return unkId;
    throw new TokenizerError('E_VOCAB', 'model.unk_id', {
      rule: 'a text with a character the vocabulary lacks needs an unknown token',
      received: 'null',
      fix: 'set unk_id',
    });
  }

  tokenToId(token: string): number | undefined {
    return this.#ids.get(token);
  }

  idToToken(id: number): string | undefined {
    return this.vocab[id]?.[0];
  }

  toJSON(): object {
    const { unkId, byteFallback } = this.options;
    return {
      type: this.type,
      unk_id: unkId ?? null,
      vocab: this.vocab,
      byte_fallback: byteFallback ?? false,
    };
  }

  /** @param hidden ids that text never spells. */
  static fromJSON(value: unknown, hidden?: ReadonlySet<number>): Unigram {
    const fields = new Fields(value, 'model');
    fields.raw('type');
    const vocab = fields.array('vocab').map((entry, i): [string, number] => {
      if (Array.isArray(entry) && entry.length === 2) return entry as [string, number];
      throw new TokenizerError('E_FORMAT', `model.vocab[${i}]`, {
        rule: 'must be a token and its score',
        received: describe(entry),
        fix: 'check that the file is complete',
      });
    });
    const out = new Unigram(vocab, {
      unkId: fields.raw('unk_id') == null ? undefined : fields.integer('unk_id', 0, 0xffffff),
      byteFallback: fields.boolean('byte_fallback', false),
      hidden,
    });
    fields.end();
    return out;
  }
}
