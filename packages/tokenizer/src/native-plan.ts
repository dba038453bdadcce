/** Which tokenizers the addon can encode for, and what it needs to know of them. */
import type { BpeEncoderOptions } from '@inkstone/native';
import { BYTE_TOKENS, unspellBytes } from './byte-alphabet.js';
import type { EncoderParts } from './engine.js';
import { Bpe } from './models/bpe.js';
import { chainOptions, scannerOptions, spelledBytes, tokenBytes } from './native-parts.js';
import { hidesSpaces, Rewriting, VISIBLE_SPACE } from './native-rewriting.js';
import type { Normalizer } from './normalizers/normalizer.js';
import { Metaspace, type MetaspaceOptions } from './pre-tokenizers/metaspace.js';
import type { Cutter, PreTokenizer } from './pre-tokenizers/pre-tokenizer.js';
import { PreTokenizerSequence } from './pre-tokenizers/simple.js';
import { Split } from './pre-tokenizers/split.js';
import { toWellFormed } from './unicode.js';

/** How the addon stands in for the parts of a tokenizer. */
export interface NativePlan {
  /** What the addon is made of. */
  options(): BpeEncoderOptions;
  /** What the addon is given for a text. */
  rewriting: Rewriting;
  /** True if that can be another text. */
  rewrites: boolean;
  /** True if all tokens of a text count as one piece, however the addon cuts. */
  onePiece: boolean;
  /** The token that a text is as a whole, whatever the addon makes of it. */
  wholeToken?: ((given: string) => number | undefined) | undefined;
}

/** The plan for a tokenizer, or in words why there is none. */
export function nativePlan(parts: EncoderParts): NativePlan | string {
  const { model, preTokenizer } = parts;
  if (!(model instanceof Bpe)) return `the model is ${model.type}`;
  if (model.options.dropout) return 'it drops merges at random';
  if (model.idLimit > MOST_IDS) return `it has ids of ${MOST_IDS.toLocaleString('en')} and more`;
  const cut = preTokenizer?.byteCutter ?? preTokenizer?.spacedCutter ?? preTokenizer?.wordCutter;
  if (!cut && model.options.byteFallback) return characterPlan(model, parts);
  if (!model.takesBytes) return 'its BPE is not byte-level';
  if (!cut) return `its pre-tokenizer, ${preTokenizer?.type ?? 'none'}, is not byte-level`;
  return bytePlan(model, parts, cut);
}

/** Two ids share 64 bits with a rank there. */
const MOST_IDS = 2 ** 21 - 1;

/** Byte-level BPE, cut by a pattern the addon knows. */
function bytePlan(model: Bpe, { normalizer, preTokenizer }: EncoderParts, cut: Cutter): NativePlan | string {
  const chain = chainOptions(cut);
  if (!chain) return 'its pre-tokenizer has an expression of its own';
  if (spellsControl(model, cut)) return 'a control token is a whole piece of text';
  const spelled = bytesOfTokens(model);
  if (!spelled) return 'tokens that end words spell others as well';
  const spaced = preTokenizer!.spacedCutter !== undefined;
  return {
    options: () => ({
      ...chain(),
      ...spelled(),
      ...model.mergeTable,
      wholePieces: model.options.ignoreMerges ?? false,
    }),
    rewriting: new Rewriting(
      normalizer,
      spaced ? { char: ' ', scheme: 'always', replaces: false } : undefined,
    ),
    rewrites: spaced || normalizer !== undefined,
    onePiece: false,
  };
}

/**
 * The bytes of each token. Where words have an end, which is no bytes, they are those of the parts of a token; undefined if
 * these differ, or if whole pieces could be tokens.
 */
function bytesOfTokens(model: Bpe): (() => ReturnType<typeof tokenBytes>) | undefined {
  const { rules, byteIds, endIds } = model.mergeTable;
  if (!endIds) return () => spelledBytes(tokensOf(model));
  if (model.options.ignoreMerges) return undefined;
  const spelled: (string | undefined)[] = Array.from({ length: model.idLimit });
  for (const ids of [byteIds, endIds])
    ids.forEach((id, byte) => {
      spelled[id] = String.fromCharCode(byte);
    });
  const order = Array.from({ length: rules.length / 3 }, (_, i) => 3 * i);
  const length = (rule: number) => model.idToToken(rules[rule + 2]!)!.length;
  // Parts before what they make.
  for (const rule of order.sort((a, b) => length(a) - length(b))) {
    const [left, right, made] = rules.subarray(rule, rule + 3);
    if (spelled[left!] === undefined || spelled[right!] === undefined) continue;
    const bytes = spelled[left!]! + spelled[right!]!;
    if ((spelled[made!] ??= bytes) !== bytes) return undefined;
  }
  return () => tokenBytes(spelled.map((bytes) => Uint8Array.from(bytes ?? '', (char) => char.charCodeAt(0))));
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

/**
 * BPE of characters that falls back to bytes, as of Llama 2, Mistral and Gemma: spaces become `▁`, one is put before the
 * text or not, and the whole text is one piece, or each `▁` begins one. Where no merge goes from another character on to a
 * `▁`, the addon may cut a whole text there nonetheless, and knows again what it has seen.
 */
function characterPlan(model: Bpe, { normalizer, preTokenizer }: EncoderParts): NativePlan | string {
  const { continuingSubwordPrefix, endOfWordSuffix, ignoreMerges, wholePieces } = model.options;
  if (continuingSubwordPrefix || endOfWordSuffix) return 'its tokens depend on where in a word they stand';
  const metaspace = metaspaceOf(preTokenizer, normalizer);
  if (metaspace === null) return `it has a pre-tokenizer, ${preTokenizer!.type}`;
  const split = metaspace?.split ?? false;
  const wholes = ignoreMerges === true || (wholePieces?.size ?? 0) > 0;
  if (split && wholes) return 'its pieces may be tokens as a whole';
  const fallback = BYTE_TOKENS.map((token) => model.tokenToId(token) ?? -1);
  const { rules, ranks } = model.mergeTable;
  const bytes = new Set(fallback);
  if (bytes.has(-1)) return 'it has no token for some byte';
  if (rules.some((id) => bytes.has(id))) return 'it merges bytes';
  const tokens = tokensOf(model);
  const longest = tokens.reduce((most, token) => Math.max(most, token?.length ?? 0), 0);
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
        ...scannerOptions(split ? 'marks' : cutsAtSpaces(tokens, rules) ? 'words' : 'whole'),
        ...tokenBytes(spelled),
        rules,
        ranks,
        byteIds: Int32Array.from(fallback, (id, byte) => ascii[byte] ?? id),
        wholePieces: false,
        points: Uint32Array.from(points),
        pointIds: Int32Array.from(pointIds),
      };
    },
    rewriting: new Rewriting(
      normalizer,
      metaspace && { char: VISIBLE_SPACE, scheme: metaspace.prependScheme, replaces: true },
    ),
    rewrites: normalizer !== undefined || metaspace !== undefined,
    onePiece: !split,
    wholeToken: wholes ? (given) => wholeToken(model, given, longest) : undefined,
  };
}

/** The token that a text is as a whole; `longest` is the length of the longest token, so that no long text is looked up. */
function wholeToken(model: Bpe, text: string, longest: number): number | undefined {
  return text === '' || text.length > longest ? undefined : model.wholeToken(toWellFormed(text));
}

/**
 * The options of a `Metaspace` that is all a pre-tokenizer does, undefined if it does nothing, null if it does something
 * else. Cutting at spaces does nothing where the normalizer leaves none.
 */
function metaspaceOf(
  preTokenizer: PreTokenizer | undefined,
  normalizer: Normalizer | undefined,
): MetaspaceOptions | null | undefined {
  const steps = preTokenizer instanceof PreTokenizerSequence ? preTokenizer.preTokenizers : [preTokenizer];
  const atSpaces = (step: PreTokenizer | undefined) =>
    step instanceof Split && 'String' in step.pattern && step.pattern.String === ' ' && !step.inverted;
  const left = steps.filter((step) => step && !(hidesSpaces(normalizer) && atSpaces(step)));
  if (left.length === 0) return undefined;
  const [step] = left;
  if (left.length > 1 || !(step instanceof Metaspace)) return null;
  return step.options.replacement === VISIBLE_SPACE ? step.options : null;
}

/** True if no rule joins what ends in another character to what begins with a `▁`. */
function cutsAtSpaces(tokens: readonly (string | undefined)[], rules: Int32Array): boolean {
  for (let i = 0; i < rules.length; i += 3) {
    if (!tokens[rules[i]!]!.endsWith(VISIBLE_SPACE) && tokens[rules[i + 1]!]!.startsWith(VISIBLE_SPACE))
      return false;
  }
  return true;
}

/** Spellings of all ids. */
function tokensOf(model: Bpe): (string | undefined)[] {
  return Array.from({ length: model.idLimit }, (_, id) => model.idToToken(id));
}
