import type { Encoding } from '../encoding.js';
import type { Fields } from '../json.js';
import type { PostProcessor, Spelling } from './post-processor.js';

/** The post-processor of GPT-2: leaves white space out of the offsets. */
export class ByteLevelProcessor implements PostProcessor {
  readonly type = 'ByteLevel';
  readonly isFixed = true;

  constructor(
    readonly addPrefixSpace: boolean,
    readonly trim: boolean,
    readonly useRegex: boolean,
  ) {}

  addedTokens(): number {
    return 0;
  }

  process(encodings: Encoding[], _special: boolean, spelling: Spelling): Encoding[] {
    return this.trim
      ? encodings.map((encoding) => trimOffsets(encoding, this.addPrefixSpace, spelling))
      : encodings;
  }

  toJSON(): object {
    return {
      type: this.type,
      add_prefix_space: this.addPrefixSpace,
      trim_offsets: this.trim,
      use_regex: this.useRegex,
    };
  }

  static fromJSON(fields: Fields): ByteLevelProcessor {
    return new ByteLevelProcessor(
      fields.boolean('add_prefix_space', true),
      fields.boolean('trim_offsets', true),
      fields.boolean('use_regex', true),
    );
  }
}

/** Offsets without the spaces that byte-level tokens begin or end with; a space that was put in stays. */
export function trimOffsets(encoding: Encoding, prefixed: boolean, spelling: Spelling): Encoding {
  // Without offsets, ids alone were asked for.
  if (encoding.offsets.length === 0) return encoding;
  const out = encoding.slice(0, encoding.length);
  const { offsets } = out;
  for (let i = 0; i < out.length; i++) {
    const token = spelling(out, i);
    let leading = token.length - token.replace(/^[\u0120\p{White_Space}]+/u, '').length;
    const trailing = token.length - token.replace(/[\u0120\p{White_Space}]+$/u, '').length;
    const start = offsets[2 * i]!;
    const end = offsets[2 * i + 1]!;
    if (leading === 1 && prefixed && (i === 0 || start === 0)) leading = 0;
    const from = Math.min(start + leading, end);
    offsets[2 * i] = from;
    if (trailing > 0 && end >= trailing) offsets[2 * i + 1] = Math.max(end - trailing, from);
  }
  out.overflowing = encoding.overflowing.map((part) => trimOffsets(part, prefixed, spelling));
  return out;
}
