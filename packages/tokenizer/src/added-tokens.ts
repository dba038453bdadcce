import { describe, TokenizerError } from './errors.js';
import { Fields } from './json.js';
import { categoryMask, hasCategory } from './unicode.js';

/** A token found in the text before the model sees it; the flags are those of tokenizer.json. */
export interface AddedToken {
  id: number;
  content: string;
  /** Only where no word character touches it. */
  singleWord: boolean;
  /** Takes the white space before it. */
  lstrip: boolean;
  /** Takes the white space after it. */
  rstrip: boolean;
  /** Looked for in the normalized text, not in the text as given. */
  normalized: boolean;
  /** A control token: found in user text only where asked for, and left out of a decode where asked for. */
  special: boolean;
}

/** Which special tokens text may spell: all, none, or those listed. */
export type AllowedSpecial = 'all' | 'none' | readonly string[];

/** `AllowedSpecial`, or a test that looks at the token and where it stands. */
export type SpecialFilter = AllowedSpecial | ((token: AddedToken, start: number, end: number) => boolean);

/** Called for each part of a text: `token` is the added token that covers it, if one does. */
export type PartSink = (start: number, end: number, token: AddedToken | undefined) => void;

const SPACE = categoryMask('space');
const WORD = /[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]/u;

interface TrieNode {
  next: Map<number, TrieNode>;
  token?: AddedToken;
}

/** The added tokens of a tokenizer, by id, by content, and as an automaton that finds them in a text. */
export class AddedTokens {
  readonly list: readonly AddedToken[];
  readonly #byContent = new Map<string, AddedToken>();
  readonly #byId = new Map<number, AddedToken>();

  constructor(tokens: readonly AddedToken[]) {
    this.list = [...tokens].sort((a, b) => a.id - b.id);
    for (const token of this.list) {
      const { id, content } = token;
      const clash = this.#byId.get(id) ?? this.#byContent.get(content);
      if (clash || content === '' || !Number.isInteger(id) || id < 0) {
        throw new TokenizerError('E_FORMAT', 'added_tokens', {
          rule: 'every added token has its own id and its own content, not empty',
          received: describe(clash ? [clash, token] : token),
          fix: 'remove or renumber the token',
        });
      }
      this.#byContent.set(content, token);
      this.#byId.set(id, token);
    }
  }

  /** Plain special tokens: found whatever touches them. */
  static special(tokens: Iterable<readonly [string, number]>): AddedTokens {
    const flags = { singleWord: false, lstrip: false, rstrip: false, normalized: false, special: true };
    return new AddedTokens(Array.from(tokens, ([content, id]) => ({ id, content, ...flags })));
  }

  byId(id: number): AddedToken | undefined {
    return this.#byId.get(id);
  }

  byContent(content: string): AddedToken | undefined {
    return this.#byContent.get(content);
  }

  toJSON(): object[] {
    return this.list.map((token) => ({
      id: token.id,
      content: token.content,
      single_word: token.singleWord,
      lstrip: token.lstrip,
      rstrip: token.rstrip,
      normalized: token.normalized,
      special: token.special,
    }));
  }

  static fromJSON(value: unknown): AddedTokens {
    if (value == null) return new AddedTokens([]);
    if (!Array.isArray(value)) {
      throw new TokenizerError('E_FORMAT', 'added_tokens', {
        rule: 'must be an array',
        received: describe(value),
        fix: 'check that the file is complete',
      });
    }
    return new AddedTokens(
      value.map((entry, i) => {
        const fields = new Fields(entry, `added_tokens[${i}]`);
        const special = fields.boolean('special', false);
        const token = {
          id: fields.integer('id', 0, 0xffffff),
          content: fields.string('content'),
          singleWord: fields.boolean('single_word', false),
          lstrip: fields.boolean('lstrip', false),
          rstrip: fields.boolean('rstrip', false),
          normalized: fields.boolean('normalized', !special),
          special,
        };
        fields.end();
        return token;
      }),
    );
  }
}

/**
 * Finds added tokens in a text, leftmost first and of those the longest. A trie over UTF-16 units is walked from
 * every place where some token can start.
 */
export class AddedTokenFinder {
  readonly #root: TrieNode = { next: new Map() };
  readonly #starts = new Uint8Array(0x10000);
  readonly #empty: boolean;
  /** What the patterns of each first unit begin with, all of them. */
  readonly #prefixes: readonly string[];

  /** @param patterns what to look for and the token it stands for; of equal ones the first counts. */
  constructor(patterns: Iterable<readonly [string, AddedToken]>) {
    let count = 0;
    for (const [pattern, token] of patterns) {
      if (pattern === '') continue;
      count++;
      this.#starts[pattern.charCodeAt(0)] = 1;
      let node = this.#root;
      for (let i = 0; i < pattern.length; i++) {
        const unit = pattern.charCodeAt(i);
        let child = node.next.get(unit);
        if (!child) {
          child = { next: new Map() };
          node.next.set(unit, child);
        }
        node = child;
      }
      node.token ??= token;
    }
    this.#empty = count === 0;
    this.#prefixes = [...this.#root.next].map(([unit, child]) => {
      let prefix = String.fromCharCode(unit);
      for (let node = child; !node.token && node.next.size === 1; ) {
        const [next] = node.next;
        prefix += String.fromCharCode(next![0]);
        node = next![1];
      }
      return prefix;
    });
  }

  /** False if a text has no added token, allowed or not; far sooner than `split`. */
  mayFind(text: string): boolean {
    return this.#prefixes.some((prefix) => text.includes(prefix));
  }

  /**
   * Cuts the text into parts that tile it, but that white space may belong both to a token that takes it along and to one
   * that spells it, as in Hugging Face. A special token that is not allowed is ordinary text.
   */
  split(text: string, allowed: SpecialFilter, sink: PartSink): void {
    let done = 0;
    const starts = this.#starts;
    for (let i = 0; i < text.length && !this.#empty; i++) {
      if (starts[text.charCodeAt(i)] === 0) continue;
      const found = this.#longestAt(text, i);
      if (!found) continue;
      const { token, end } = found;
      let from = i;
      let to = end;
      i = end - 1;
      if (token.special && !isAllowed(allowed, token, from, to)) continue;
      if (token.singleWord && (endsWithWord(text, from) || startsWithWord(text, to))) continue;
      if (token.lstrip) {
        // What the token before has taken along stays with it.
        while (from > done && hasCategory(text.charCodeAt(from - 1), SPACE)) from--;
        from = Math.max(from, done);
      }
      if (token.rstrip) while (to < text.length && hasCategory(text.charCodeAt(to), SPACE)) to++;
      if (from > done) sink(done, from, undefined);
      if (to > from) sink(from, to, token);
      done = to;
    }
    if (done < text.length) sink(done, text.length, undefined);
  }

  #longestAt(text: string, start: number): { token: AddedToken; end: number } | undefined {
    let node: TrieNode | undefined = this.#root;
    let found: { token: AddedToken; end: number } | undefined;
    for (let i = start; i < text.length; i++) {
      node = node.next.get(text.charCodeAt(i));
      if (!node) break;
      if (node.token) found = { token: node.token, end: i + 1 };
    }
    return found;
  }
}

function isAllowed(allowed: SpecialFilter, token: AddedToken, start: number, end: number): boolean {
  if (typeof allowed === 'function') return allowed(token, start, end);
  return allowed === 'all' || (allowed !== 'none' && allowed.includes(token.content));
}

function endsWithWord(text: string, end: number): boolean {
  if (end === 0) return false;
  const low = text.charCodeAt(end - 1);
  const point = low >= 0xdc00 && low < 0xe000 ? text.codePointAt(end - 2)! : low;
  return WORD.test(String.fromCodePoint(point));
}

function startsWithWord(text: string, start: number): boolean {
  return start < text.length && WORD.test(String.fromCodePoint(text.codePointAt(start)!));
}
