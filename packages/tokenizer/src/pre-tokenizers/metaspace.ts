import type { AlignedText } from '../aligned-text.js';
import { describe, TokenizerError } from '../errors.js';
import type { Fields } from '../json.js';
import type { PreTokenizer } from './pre-tokenizer.js';
import { pointFinder, splitEach } from './split-text.js';

const PREPEND_SCHEMES = ['always', 'first', 'never'] as const;
/** Before which parts of a text the replacement is put: all, one that begins where the text begins, none. */
export type PrependScheme = (typeof PREPEND_SCHEMES)[number];

/** Options shared by the pre-tokenizer and the decoder `Metaspace`, as read from JSON. */
export interface MetaspaceOptions {
  replacement: string;
  prependScheme: PrependScheme;
  split: boolean;
}

/** Spells spaces as a visible character, as SentencePiece does, and cuts before it. */
export class Metaspace implements PreTokenizer {
  readonly type = 'Metaspace';

  constructor(readonly options: MetaspaceOptions) {}

  preTokenize(texts: readonly AlignedText[]): AlignedText[] {
    const { replacement, prependScheme, split } = this.options;
    const pieces = texts.map((given) => {
      const text = given.mapPoints((char) => (char === ' ' ? replacement : char));
      const wanted = prependScheme === 'always' || (prependScheme === 'first' && given.origin === 0);
      return wanted && !text.text.startsWith(replacement) ? text.prepend(replacement) : text;
    });
    const point = replacement.codePointAt(0)!;
    return split
      ? splitEach(
          pieces,
          pointFinder((c) => c === point),
          'MergedWithNext',
        )
      : pieces;
  }

  /**
   * What makes spaces visible in a whole text, so that its pieces are what `cutMarks` cuts of it; undefined where pieces are
   * others, or depend on where the text was cut off.
   */
  textMarker(): ((text: string) => string) | undefined {
    const { replacement, prependScheme, split } = this.options;
    if (!split || replacement !== '▁' || prependScheme === 'first') return undefined;
    return (text) => {
      const marked = text.replaceAll(' ', '▁');
      return prependScheme === 'always' && !marked.startsWith('▁') ? `▁${marked}` : marked;
    };
  }

  toJSON(): object {
    return metaspaceToJSON(this.options);
  }

  static fromJSON(fields: Fields): Metaspace {
    return new Metaspace(metaspaceFromJSON(fields));
  }
}

/** The options as tokenizer.json has them. */
export function metaspaceToJSON(options: MetaspaceOptions): object {
  const { replacement, prependScheme, split } = options;
  return { type: 'Metaspace', replacement, prepend_scheme: prependScheme, split };
}

/** Reads the options; throws E_FORMAT where the replacement is not one character. */
export function metaspaceFromJSON(fields: Fields): MetaspaceOptions {
  const replacement = fields.string('replacement');
  if ([...replacement].length !== 1) {
    throw new TokenizerError('E_FORMAT', `${fields.subject}.replacement`, {
      rule: 'must be one character',
      received: describe(replacement),
      fix: 'use ▁',
    });
  }
  fields.raw('str_rep');
  let prependScheme = fields.oneOf('prepend_scheme', PREPEND_SCHEMES, 'always');
  // Before schemes there was a flag.
  if (fields.raw('add_prefix_space') === false) {
    if (prependScheme !== 'never' && fields.raw('prepend_scheme') !== undefined) {
      throw new TokenizerError('E_FORMAT', `${fields.subject}.add_prefix_space`, {
        rule: 'must agree with prepend_scheme',
        received: `false with ${prependScheme}`,
        fix: 'remove add_prefix_space',
      });
    }
    prependScheme = 'never';
  }
  return { replacement, prependScheme, split: fields.raw('split') == null ? true : fields.boolean('split') };
}
