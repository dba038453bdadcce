/** What becomes of ids alone once texts are encoded: cut off, laid out with special tokens, filled. */
import { concatEncodings, Encoding } from './encoding.js';
import { view } from './id-buffer.js';
import type { PostProcessor } from './post-processors/post-processor.js';
import { keptLengths, type Padding, paddedLength, type Truncation } from './truncation.js';

/** A part of a result: the ids of a text, 0 or 1, or with -1 for it one special token. */
export interface IdPiece {
  text: number;
  id: number;
}

/** How ids of texts are laid out. */
export interface IdLayout {
  pieces: readonly IdPiece[];
  /** Special tokens that a truncation leaves room for. */
  added: number;
  truncation: Truncation | null | undefined;
  padding: Padding | null | undefined;
}

/** What a post-processor makes of one or two texts; undefined if that depends on the texts. */
export function idPieces(
  processor: PostProcessor | undefined,
  isPair: boolean,
  special: boolean,
): readonly IdPiece[] | undefined {
  if (processor && !processor.isFixed) return undefined;
  const none = new Int32Array(0);
  // One token stands for each text.
  const texts = (isPair ? [0, 1] : [0]).map((i) => Encoding.ofText(Int32Array.of(0), none, none, i));
  const { ids, sequenceIds } = concatEncodings(processor?.process(texts, special, () => '') ?? texts);
  return Array.from(sequenceIds, (text, i) => ({ text, id: ids[i]! }));
}

/**
 * The ids of each result, which share one buffer; `texts` are those of the first result, then those of the next.
 * @throws {TokenizerError} E_OPTION on a truncation that cannot be met.
 */
export function layOutIds(texts: readonly Int32Array[], each: number, layout: IdLayout): Int32Array[] {
  const { pieces, added, truncation, padding } = layout;
  const count = texts.length / each;
  const kept = new Int32Array(texts.length);
  for (let i = 0; i < texts.length; i++) kept[i] = texts[i]!.length;
  if (truncation) {
    for (let at = 0; at < kept.length; at += each) {
      kept.set(keptLengths([...kept.subarray(at, at + each)], truncation, added), at);
    }
  }
  const lengths = new Int32Array(count);
  for (const { text } of pieces) {
    for (let i = 0; i < count; i++) lengths[i]! += text < 0 ? 1 : kept[each * i + text]!;
  }
  const least = padding ? paddedLength(lengths, padding) : 0;
  let size = 0;
  for (let i = 0; i < count; i++) size += Math.max(lengths[i]!, least);
  const out = new Int32Array(size);
  const isLeft = truncation?.direction === 'Left';
  const results = new Array<Int32Array>(count);
  for (let i = 0, at = 0; i < count; i++) {
    const from = at;
    const end = from + Math.max(lengths[i]!, least);
    if (padding?.direction === 'Left') {
      at = end - lengths[i]!;
      out.fill(padding.padId, from, at);
    }
    for (const { text, id } of pieces) {
      if (text < 0) {
        out[at++] = id;
        continue;
      }
      const ids = texts[each * i + text]!;
      const length = kept[each * i + text]!;
      if (length === ids.length) out.set(ids, at);
      else out.set(isLeft ? ids.subarray(ids.length - length) : ids.subarray(0, length), at);
      at += length;
    }
    if (padding) out.fill(padding.padId, at, end);
    results[i] = view(out, from, end);
    at = end;
  }
  return results;
}
