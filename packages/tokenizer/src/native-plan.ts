/** Which tokenizers the addon can encode for, and what it needs to know of them. */
import type { BpeEncoderOptions } from '@inkstone/native';
import { BYTE_TOKENS, unspellBytes } from './byte-alphabet.js';
import type { EncoderParts } from './engine.js';
import { takeFirstOut, withSpace } from './leading-space.js';
import { Bpe } from './models/bpe.js';
import { scannerOptions, tokenBytes } from './native-parts.js';
import type { Normalizer } from './normalizers/normalizer.js';
import { Replace } from './normalizers/replace.js';
import { NormalizerSequence, Prepend } from './normalizers/simple.js';
import { scanOf } from './pre-tokenizers/known-patterns.js';
import type { Cutter } from './pre-tokenizers/pre-tokenizer.js';

/** How the addon stands in for the parts of a tokenizer. */
export interface NativePlan {
  /** What the addon is made of. */
  options(): BpeEncoderOptions;
  /** The text it is given for a text, if that is another. */
  given?: ((text: string) => string) | undefined;
  /** Moves offsets in what it was given, in place, to the text. */
  back(text: string, offsets: Int32Array): void;
  /** True if all tokens of a text count as one piece, however the addon cuts. */
  onePiece: boolean;
}

/** The plan for a tokenizer, or in words why there is none. */
export function nativePlan(parts: EncoderParts): NativePlan | string {
  const { model, normalizer } = parts;
  if (!(model instanceof Bpe)) return `the model is ${model.type}`;
  if (model.options.dropout) return 'it drops merges at random';
  return model.takesBytes && !normalizer ? bytePlan(model, parts) : characterPlan(model, parts);
}

/** Byte-level BPE, cut by a pattern the addon knows. */
function bytePlan(model: Bpe, { preTokenizer }: EncoderParts): NativePlan | string {
  const cut = preTokenizer?.byteCutter ?? preTokenizer?.spacedCutter;
  if (!cut) return `its pre-tokenizer, ${preTokenizer?.type ?? 'none'}, is not byte-level`;
  const scan = scanOf(cut);
  if (!scan) return 'its pre-tokenizer has an expression of its own';
  if (spellsControl(model, cut)) return 'a control token is a whole piece of text';
  const spaced = !preTokenizer!.byteCutter;
  return {
    options: () => ({
      ...scannerOptions(scan),
      ...tokenBytes(tokensOf(model).map((token) => unspellBytes(token ?? ''))),
      ...model.mergeTable,
      wholePieces: model.options.ignoreMerges ?? false,
    }),
    given: spaced ? withSpace : undefined,
    back: (text, offsets) => {
      if (spaced && !text.startsWith(' ')) takeFirstOut(text, offsets);
    },
    onePiece: false,
  };
}

/** True if a text could spell a control token as one piece, which the model must then not take whole. */
function spellsControl(model: Bpe, cut: Cutter): boolean {
  if (!model.options.ignoreMerges) return false;
  return [...(model.options.hidden ?? [])].some((id) => {
    const token = model.idToToken(id);
    const text = token && new TextDecoder().decode(unspellBytes(token));
    return text ? cut(text, 0, text.length) === text.length : false;
  });
}

const SPACE = '▁';

/**
 * BPE of characters that falls back to bytes, as of Llama 2, Mistral and Gemma: spaces become `▁`, one is put before the
 * text or not, and the whole text is one piece. Where no merge goes from another character on to a `▁`, the addon may cut
 * there nonetheless, and knows again what it has seen.
 */
function characterPlan(model: Bpe, parts: EncoderParts): NativePlan | string {
  const { normalizer, preTokenizer, addedTokens } = parts;
  const { continuingSubwordPrefix, endOfWordSuffix, byteFallback, ignoreMerges, wholePieces } = model.options;
  const prefix = normalizer && spacePrefix(normalizer);
  if (normalizer && prefix === undefined) return `it has a normalizer, ${normalizer.type}`;
  if (prefix === undefined || !byteFallback) return 'its BPE is not byte-level';
  if (continuingSubwordPrefix || endOfWordSuffix) return 'its tokens depend on where in a word they stand';
  if (ignoreMerges || wholePieces) return 'its texts may be tokens as a whole';
  if (preTokenizer) return `it has a pre-tokenizer, ${preTokenizer.type}`;
  if (addedTokens.list.some((token) => token.normalized))
    return 'it looks for added tokens in normalized text';
  const fallback = BYTE_TOKENS.map((token) => model.tokenToId(token) ?? -1);
  const { rules, ranks } = model.mergeTable;
  const bytes = new Set(fallback);
  if (bytes.has(-1)) return 'it has no token for some byte';
  if (rules.some((id) => bytes.has(id))) return 'it merges bytes';
  const tokens = tokensOf(model);
  return {
    options: () => {
      const points: number[] = [];
      const pointIds: number[] = [];
      // As the model looks characters up: the id a spelling has there.
      for (const token of new Set(tokens)) {
        const point = token?.codePointAt(0);
        if (point === undefined || token!.length !== (point > 0xffff ? 2 : 1)) continue;
        points.push(point);
        pointIds.push(model.tokenToId(token!)!);
      }
      const ascii = Array.from({ length: 128 }, (_, i) => model.tokenToId(String.fromCharCode(i)));
      const encoder = new TextEncoder();
      const spelled = tokens.map((token) => (token === undefined ? undefined : encoder.encode(token)));
      fallback.forEach((id, byte) => {
        spelled[id] = Uint8Array.of(byte);
      });
      return {
        ...scannerOptions(cutsAtSpaces(tokens, rules) ? 'words' : 'whole'),
        ...tokenBytes(spelled),
        rules,
        ranks,
        byteIds: Int32Array.from(fallback, (id, byte) => ascii[byte] ?? id),
        wholePieces: false,
        points: Uint32Array.from(points),
        pointIds: Int32Array.from(pointIds),
      };
    },
    given: (text) => (text === '' ? '' : prefix + text.replaceAll(' ', SPACE)),
    back: (text, offsets) => {
      if (prefix !== '' && text !== '') takeFirstOut(text, offsets);
    },
    onePiece: true,
  };
}

/** What a normalizer that makes spaces visible puts before a text, if it does that and no more. */
function spacePrefix(normalizer: Normalizer): string | undefined {
  const steps = normalizer instanceof NormalizerSequence ? [...normalizer.normalizers] : [normalizer];
  const [first] = steps;
  const prefix = first instanceof Prepend && first.prefix === SPACE ? SPACE : '';
  if (prefix) steps.shift();
  const [replace, more] = steps;
  if (more || !(replace instanceof Replace) || !('String' in replace.pattern)) return undefined;
  return replace.pattern.String === ' ' && replace.content === SPACE ? prefix : undefined;
}

/** True if no rule joins what ends in another character to what begins with a `▁`. */
function cutsAtSpaces(tokens: readonly (string | undefined)[], rules: Int32Array): boolean {
  for (let i = 0; i < rules.length; i += 3) {
    if (!tokens[rules[i]!]!.endsWith(SPACE) && tokens[rules[i + 1]!]!.startsWith(SPACE)) return false;
  }
  return true;
}

/** Spellings of all ids. */
function tokensOf(model: Bpe): (string | undefined)[] {
  return Array.from({ length: model.idLimit }, (_, id) => model.idToToken(id));
}
