/** Cutting texts at added tokens, in the text as it comes and once more when it has been normalized. */
import { type AddedToken, AddedTokenFinder, type SpecialFilter } from './added-tokens.js';
import { AlignedText } from './aligned-text.js';
import type { EncoderParts } from './engine.js';
import type { Normalizer } from './normalizers/normalizer.js';

/** Takes an added token and what it covers, or what lies between two. */
export type PartVisitor = (part: AlignedText, token: AddedToken | undefined) => void;

/** Finds the added tokens of texts, and normalizes what lies between them. */
export class TextCutter {
  /** True if what lies between added tokens has been normalized. */
  readonly normalizes: boolean;
  readonly #normalizer: Normalizer | undefined;
  readonly #raw: AddedTokenFinder;
  readonly #normalized: AddedTokenFinder;
  /** True if added tokens are looked for in normalized text. */
  readonly #looksAgain: boolean;
  /** True if no added token is looked for unless a caller allows special ones. */
  readonly #onlySpecial: boolean;

  /** @param leavesRaw true to leave normalizing to others where no added token is looked for behind it. */
  constructor({ addedTokens, normalizer }: EncoderParts, leavesRaw: boolean) {
    // Where tokens are the same once normalized, special ones come first.
    const list = [...addedTokens.list].sort((a, b) => Number(b.special) - Number(a.special));
    const normalized = list.filter((token) => token.normalized);
    this.#normalizer = normalizer;
    this.#onlySpecial = list.every((token) => token.special);
    this.#looksAgain = normalized.length > 0;
    this.normalizes = this.#looksAgain || !leavesRaw;
    this.#raw = new AddedTokenFinder(
      list.filter((token) => !token.normalized).map((token) => [token.content, token] as const),
    );
    this.#normalized = new AddedTokenFinder(
      normalized.map((token) => [this.normalize(AlignedText.of(token.content)).text, token] as const),
    );
  }

  /** What the normalizer makes of a part; its origin is where its first character comes from. */
  normalize(text: AlignedText): AlignedText {
    if (!this.#normalizer) return text;
    const out = this.#normalizer.normalize(text);
    return out.slice(0, out.text.length);
  }

  /** True if no added token is looked for in a text, or can be in it. */
  isPlain(text: string, allowed: SpecialFilter): boolean {
    return (this.#onlySpecial && allowed === 'none') || (!this.#looksAgain && !this.#raw.mayFind(text));
  }

  /** Visits the parts of a text in order. */
  cut(root: AlignedText, allowed: SpecialFilter, visit: PartVisitor): void {
    this.#raw.split(root.text, allowed, (start, end, token) => {
      const part = root.slice(start, end);
      if (token || !this.normalizes) {
        visit(part, token);
        return;
      }
      const normalized = this.normalize(part);
      const filter = within(allowed, start, part.text === normalized.text);
      this.#normalized.split(normalized.text, filter, (from, to, found) => {
        visit(normalized.slice(from, to), found);
      });
    });
  }
}

/**
 * The filter for a part that begins at `start`. Where the part was rewritten, places in it say nothing about places
 * in the text, so that a filter that asks for them allows nothing.
 */
function within(allowed: SpecialFilter, start: number, same: boolean): SpecialFilter {
  if (typeof allowed !== 'function') return allowed;
  return same ? (token, from, to) => allowed(token, start + from, start + to) : 'none';
}
