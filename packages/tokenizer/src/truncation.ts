import { concatEncodings, Encoding } from './encoding.js';
import { describe, TokenizerError } from './errors.js';
import { Fields } from './json.js';

const DIRECTIONS = ['Left', 'Right'] as const;
const STRATEGIES = ['LongestFirst', 'OnlyFirst', 'OnlySecond'] as const;

/** How to shorten; lengths in tokens. */
export interface Truncation {
  /** Most tokens of the result, special tokens included; at least 0. */
  maxLength: number;
  /** Tokens by which neighbouring windows overlap; less than the window. Default 0. */
  stride?: number;
  /** Which of two texts is shortened; default `LongestFirst`. */
  strategy?: (typeof STRATEGIES)[number];
  /** The side that is cut off; default `Right`. */
  direction?: 'Left' | 'Right';
}

/** How to lengthen. */
export interface Padding {
  /** A number of tokens, or `longest` for that of the longest of the batch. */
  length: number | 'longest';
  padId: number;
  padToken: string;
  padTypeId?: number;
  /** The side that is filled; default `Right`. */
  direction?: 'Left' | 'Right';
  /** The length is rounded up to a multiple of this. */
  multipleOf?: number;
}

/**
 * Shortens one or two encodings together.
 * @param added tokens that the template will add.
 * @throws {TokenizerError} E_OPTION if the limit leaves no room, or the stride is not less than the window.
 */
export function truncate(encodings: readonly Encoding[], truncation: Truncation, added: number): Encoding[] {
  const lengths = encodings.map((encoding) => encoding.length);
  const kept = keptLengths(lengths, truncation, added);
  const { stride = 0, direction = 'Right' } = truncation;
  return encodings.map((encoding, i) => window(encoding, kept[i]!, stride, direction));
}

/** How many tokens of one or two texts stay, given how many each has; throws as `truncate`. */
export function keptLengths(lengths: readonly number[], truncation: Truncation, added: number): number[] {
  const { stride = 0 } = truncation;
  const limit = truncation.maxLength - added;
  if (!(Number.isInteger(limit) && limit >= 0)) {
    throw optionError(
      'truncation.maxLength',
      `must be an integer of at least the ${added} special tokens`,
      truncation.maxLength,
    );
  }
  const kept = sharedOut(lengths, limit, truncation.strategy ?? 'LongestFirst');
  kept.forEach((length, i) => {
    if (length === 0 || length >= lengths[i]!) return;
    if (!(Number.isInteger(stride) && stride >= 0 && stride < length)) {
      throw optionError(
        'truncation.stride',
        `must be an integer from 0 to ${length - 1}, less than the window`,
        stride,
      );
    }
  });
  return kept;
}

/** How many tokens each text has of so many together. */
function sharedOut(lengths: readonly number[], limit: number, strategy: Truncation['strategy']): number[] {
  const total = lengths.reduce((a, b) => a + b, 0);
  if (limit === 0) return lengths.map(() => 0);
  if (total <= limit) return [...lengths];
  if (strategy === 'LongestFirst') {
    const [a, b] = lengths as [number, number | undefined];
    if (b === undefined) return [limit];
    const short = Math.min(a, b);
    let keepShort = short;
    let keepLong = short > limit ? short : Math.max(short, limit - short);
    if (keepShort + keepLong > limit) {
      keepShort = Math.floor(limit / 2);
      keepLong = keepShort + (limit % 2);
    }
    return a > b ? [keepLong, keepShort] : [keepShort, keepLong];
  }
  const index = strategy === 'OnlyFirst' ? 0 : 1;
  const keep = (lengths[index] ?? 0) - (total - limit);
  if (keep <= 0)
    throw optionError(
      'truncation.maxLength',
      `must leave room for the text that is not cut (${strategy})`,
      limit,
    );
  return lengths.map((length, i) => (i === index ? keep : length));
}

function window(encoding: Encoding, length: number, stride: number, direction: 'Left' | 'Right'): Encoding {
  const size = encoding.length;
  if (length >= size) return encoding;
  if (length === 0) {
    const out = encoding.slice(0, 0);
    out.overflowing = [encoding];
    return out;
  }
  const parts: Encoding[] = [];
  const step = length - stride;
  if (direction === 'Right') {
    for (let from = 0; ; from += step) {
      parts.push(encoding.slice(from, Math.min(from + length, size)));
      if (from + length >= size) break;
    }
  } else {
    for (let to = size; ; to -= step) {
      parts.push(encoding.slice(Math.max(0, to - length), to));
      if (to - length <= 0) break;
    }
  }
  const out = parts[0]!;
  out.overflowing = parts.slice(1);
  return out;
}

/**
 * Fills encodings, and what overflows of them, to one length.
 * @throws {TokenizerError} E_OPTION on a length or a multiple that is no number of tokens.
 */
export function pad(encodings: readonly Encoding[], padding: Padding): Encoding[] {
  const length = paddedLength(
    encodings.map((encoding) => encoding.length),
    padding,
  );
  return encodings.map((encoding) => fill(encoding, length, padding));
}

/** The length that results of these lengths are filled to, those that are no longer; throws as `pad`. */
export function paddedLength(lengths: ArrayLike<number>, padding: Padding): number {
  const { multipleOf = 0 } = padding;
  const isCount = (value: unknown) => Number.isSafeInteger(value) && (value as number) >= 0;
  if (padding.length !== 'longest' && !isCount(padding.length)) {
    throw optionError('padding.length', "must be 'longest' or an integer of at least 0", padding.length);
  }
  if (!isCount(multipleOf))
    throw optionError('padding.multipleOf', 'must be an integer of at least 0', multipleOf);
  let length = 0;
  if (padding.length !== 'longest') length = padding.length;
  else for (let i = 0; i < lengths.length; i++) length = Math.max(length, lengths[i]!);
  return multipleOf > 0 ? Math.ceil(length / multipleOf) * multipleOf : length;
}

function fill(encoding: Encoding, length: number, padding: Padding): Encoding {
  const overflowing = encoding.overflowing.map((part) => fill(part, length, padding));
  const missing = length - encoding.length;
  const bare = encoding.slice(0, encoding.length);
  let out = bare;
  if (missing > 0) {
    const filler = Encoding.ofSpecial(
      new Array<number>(missing).fill(padding.padId),
      padding.padTypeId ?? 0,
      0,
    );
    out = concatEncodings(padding.direction === 'Left' ? [filler, bare] : [bare, filler]);
  }
  out.overflowing = overflowing;
  return out;
}

function optionError(subject: string, rule: string, received: unknown): TokenizerError {
  return new TokenizerError('E_OPTION', subject, {
    rule,
    received: describe(received),
    fix: 'change the value',
  });
}

/** Reads the truncation of a tokenizer.json. Throws E_FORMAT where it is none. */
export function truncationFromJSON(value: unknown): Truncation | undefined {
  if (value == null) return undefined;
  const fields = new Fields(value, 'truncation');
  const out: Truncation = {
    direction: fields.oneOf('direction', DIRECTIONS, 'Right'),
    maxLength: fields.integer('max_length', 0, Number.MAX_SAFE_INTEGER),
    strategy: fields.oneOf('strategy', STRATEGIES),
    stride: fields.integer('stride', 0, Number.MAX_SAFE_INTEGER),
  };
  fields.end();
  return out;
}

/** The truncation as tokenizer.json has it. */
export function truncationToJSON(truncation: Truncation | undefined): object | null {
  if (!truncation) return null;
  const { direction = 'Right', maxLength, strategy = 'LongestFirst', stride = 0 } = truncation;
  return { direction, max_length: maxLength, strategy, stride };
}

/** Reads the padding of a tokenizer.json. Throws E_FORMAT where it is none. */
export function paddingFromJSON(value: unknown): Padding | undefined {
  if (value == null) return undefined;
  const fields = new Fields(value, 'padding');
  const strategy = fields.raw('strategy');
  const length =
    strategy === 'BatchLongest'
      ? 'longest'
      : new Fields(strategy, 'padding.strategy').integer('Fixed', 0, Number.MAX_SAFE_INTEGER);
  const out: Padding = {
    length,
    direction: fields.oneOf('direction', DIRECTIONS),
    multipleOf:
      fields.raw('pad_to_multiple_of') == null ? undefined : fields.integer('pad_to_multiple_of', 0, 2 ** 32),
    padId: fields.integer('pad_id', 0, 2 ** 31 - 1),
    padTypeId: fields.integer('pad_type_id', 0, 2 ** 31 - 1),
    padToken: fields.string('pad_token'),
  };
  fields.end();
  return out;
}

/** The padding as tokenizer.json has it. */
export function paddingToJSON(padding: Padding | undefined): object | null {
  if (!padding) return null;
  return {
    strategy: padding.length === 'longest' ? 'BatchLongest' : { Fixed: padding.length },
    direction: padding.direction ?? 'Right',
    pad_to_multiple_of: padding.multipleOf ?? null,
    pad_id: padding.padId,
    pad_type_id: padding.padTypeId ?? 0,
    pad_token: padding.padToken,
  };
}
