import { isKnownCutter } from './pre-tokenizers/known-patterns.js';
import type { EncodeOptions, Tokenizer } from './tokenizer.js';
import { categoryMask, hasCategory, toWellFormed } from './unicode.js';

const SPACE = categoryMask('space');

/** What `AppendEncoder.append` gives back. */
export interface Appended {
  /** The ids of the whole text so far. */
  ids: Int32Array;
  /** How many of them, from the first, are as they were before: a cache of what they led to stays good. */
  kept: number;
}

/**
 * Encodes a text that grows at its end, such as a chat, without starting over: the ids are always those of the whole
 * text. Only what follows the last line break that no later text can change is encoded again; where the tokenizer
 * gives no such place (a normalizer, an expression of its own, tokens that take white space), all of it is.
 *
 * @example
 * ```ts
 * const encoder = new AppendEncoder(tokenizer);
 * encoder.append('One line.\n');
 * const { ids, kept } = encoder.append('And another.');
 * ```
 */
export class AppendEncoder {
  readonly #tokenizer: Tokenizer;
  readonly #options: Pick<EncodeOptions, 'allowedSpecial'>;
  readonly #resumes: boolean;
  /** The text from the last safe place on, and the ids of all before it. */
  #open = '';
  #settled: Int32Array = new Int32Array(0);
  #ids: Int32Array = new Int32Array(0);

  constructor(tokenizer: Tokenizer, options: Pick<EncodeOptions, 'allowedSpecial'> = {}) {
    this.#tokenizer = tokenizer;
    this.#options = options;
    const cut = tokenizer.preTokenizer?.byteCutter;
    this.#resumes =
      !tokenizer.normalizer &&
      cut !== undefined &&
      isKnownCutter(cut) &&
      !tokenizer.addedTokens.list.some(({ content, lstrip }) => lstrip || /\s/.test(content));
  }

  /** Adds to the text; the ids have no special tokens of a post-processor. Throws as `encodeIds`. */
  append(text: string): Appended {
    // A pair of surrogates may be cut in two between calls, so the text is made well-formed at the last moment.
    const open = this.#open + text;
    const safe = this.#resumes ? safePlace(open) : 0;
    const head = safe > 0 ? this.#encode(open.slice(0, safe)) : new Int32Array(0);
    const settled = concat(this.#settled, head);
    const ids = concat(settled, this.#encode(open.slice(safe)));
    let kept = this.#settled.length;
    while (kept < this.#ids.length && kept < ids.length && ids[kept] === this.#ids[kept]) kept++;
    this.#settled = settled;
    this.#open = open.slice(safe);
    this.#ids = ids;
    return { ids, kept };
  }

  #encode(text: string): Int32Array {
    const plain = { ...this.#options, addSpecialTokens: false, truncation: null, padding: null };
    return this.#tokenizer.encodeIds(toWellFormed(text), plain);
  }
}

/** The last place after a line break at which something other than white space begins, or 0. */
function safePlace(text: string): number {
  for (let at = text.lastIndexOf('\n'); at >= 0; at = at > 0 ? text.lastIndexOf('\n', at - 1) : -1) {
    if (at + 1 < text.length && !hasCategory(text.charCodeAt(at + 1), SPACE)) return at + 1;
  }
  return 0;
}

function concat(a: Int32Array, b: Int32Array): Int32Array {
  const out = new Int32Array(a.length + b.length);
  out.set(a);
  out.set(b, a.length);
  return out;
}
