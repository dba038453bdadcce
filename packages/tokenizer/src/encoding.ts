/** What an `Encoding` is made of; all columns have one entry per token, `offsets` two. */
export interface EncodingColumns {
  ids: Int32Array;
  typeIds: Int32Array;
  offsets: Int32Array;
  wordIds: Int32Array;
  sequenceIds: Int8Array;
  specialTokensMask: Uint8Array;
  attentionMask: Uint8Array;
  overflowing?: Encoding[];
}

/** The tokens of a text, or of a pair of texts, and all there is to know about each. */
export class Encoding implements EncodingColumns {
  /** Token ids. */
  ids: Int32Array;
  /** Which segment of the template a token belongs to: 0 for the first text, often 1 for the second. */
  typeIds: Int32Array;
  /** Start and end in the text given, alternating: `offsets[2 * i]` to `offsets[2 * i + 1]`; 0, 0 if of no text. */
  offsets: Int32Array;
  /** Index of the piece the token was cut from; -1 if of no text. */
  wordIds: Int32Array;
  /** 0 for the first text, 1 for the second, -1 if of neither. */
  sequenceIds: Int8Array;
  /** 1 for tokens that the post-processor or the padding put in. */
  specialTokensMask: Uint8Array;
  /** 0 for padding. */
  attentionMask: Uint8Array;
  /** What truncation cut off, in windows of the same length. */
  overflowing: Encoding[];

  constructor(columns: EncodingColumns) {
    this.ids = columns.ids;
    this.typeIds = columns.typeIds;
    this.offsets = columns.offsets;
    this.wordIds = columns.wordIds;
    this.sequenceIds = columns.sequenceIds;
    this.specialTokensMask = columns.specialTokensMask;
    this.attentionMask = columns.attentionMask;
    this.overflowing = columns.overflowing ?? [];
  }

  get length(): number {
    return this.ids.length;
  }

  /** Tokens of a text, before any template. */
  static ofText(ids: Int32Array, offsets: Int32Array, wordIds: Int32Array, sequence = 0): Encoding {
    return new Encoding({
      ids,
      typeIds: new Int32Array(ids.length).fill(sequence),
      offsets,
      wordIds,
      sequenceIds: new Int8Array(ids.length).fill(sequence),
      specialTokensMask: new Uint8Array(ids.length),
      attentionMask: new Uint8Array(ids.length).fill(1),
    });
  }

  /** Tokens that stand for no text. */
  static ofSpecial(ids: readonly number[], typeId: number, attention = 1): Encoding {
    const { length } = ids;
    return new Encoding({
      ids: Int32Array.from(ids),
      typeIds: new Int32Array(length).fill(typeId),
      offsets: new Int32Array(2 * length),
      wordIds: new Int32Array(length).fill(-1),
      sequenceIds: new Int8Array(length).fill(-1),
      specialTokensMask: new Uint8Array(length).fill(1),
      attentionMask: new Uint8Array(length).fill(attention),
    });
  }

  /** The tokens `[from, to)`, without what overflows. */
  slice(from: number, to: number): Encoding {
    return new Encoding({
      ids: this.ids.slice(from, to),
      typeIds: this.typeIds.slice(from, to),
      offsets: this.offsets.slice(2 * from, 2 * to),
      wordIds: this.wordIds.slice(from, to),
      sequenceIds: this.sequenceIds.slice(from, to),
      specialTokensMask: this.specialTokensMask.slice(from, to),
      attentionMask: this.attentionMask.slice(from, to),
    });
  }

  /** The same with other type ids. */
  withTypeId(typeId: number): Encoding {
    const out = this.slice(0, this.length);
    out.typeIds.fill(typeId);
    out.overflowing = this.overflowing.map((part) => part.withTypeId(typeId));
    return out;
  }
}

/** Encodings one after the other; every combination of their overflows overflows. */
export function concatEncodings(parts: readonly Encoding[]): Encoding {
  const [first, ...rest] = parts;
  if (!first) return Encoding.ofSpecial([], 0);
  return rest.reduce((left, right) => {
    const out = join(left, right);
    for (const over of left.overflowing) {
      out.overflowing.push(join(over, right), ...right.overflowing.map((other) => join(over, other)));
    }
    out.overflowing.push(...right.overflowing.map((other) => join(left, other)));
    return out;
  }, first);
}

function join(left: Encoding, right: Encoding): Encoding {
  const cat = <T extends Int32Array | Int8Array | Uint8Array>(a: T, b: T): T => {
    const out = new (a.constructor as new (length: number) => T)(a.length + b.length);
    out.set(a);
    out.set(b, a.length);
    return out;
  };
  return new Encoding({
    ids: cat(left.ids, right.ids),
    typeIds: cat(left.typeIds, right.typeIds),
    offsets: cat(left.offsets, right.offsets),
    wordIds: cat(left.wordIds, right.wordIds),
    sequenceIds: cat(left.sequenceIds, right.sequenceIds),
    specialTokensMask: cat(left.specialTokensMask, right.specialTokensMask),
    attentionMask: cat(left.attentionMask, right.attentionMask),
  });
}
