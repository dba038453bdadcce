/** Tokenizers of the components of T5's, XLM-RoBERTa's, ALBERT's and others, and what Hugging Face makes of texts with them. */
import { decodeBase64 } from '../src/base64.js';
import type { Precompiled } from '../src/normalizers/precompiled.js';
import type { NormalizerSequence } from '../src/normalizers/simple.js';
import { fromSentencePiece } from '../src/sentencepiece.js';
import { Tokenizer } from '../src/tokenizer.js';
import { fixture } from './fixture.js';

interface Family {
  tokenizer: { normalizer: object; pre_tokenizer: object };
  cases: { text: string; ids: number[]; offsets: number[]; words: number[] }[];
}

/** SentencePiece models as fixtures have them. */
export const sentencePiece = fixture<{
  models: Record<string, { model: string; ids: number[][] }>;
  texts: string[];
}>('sentencepiece.json.gz');

const golden = fixture<{ model: object; families: Record<string, Family> }>('unigram-families.json.gz');

/** The model of all of them. */
export const unigramModel = golden.model;

/** SentencePiece's nmt_nfkc, of which the longest rule counts. */
export const longestRules = (() => {
  const { normalizer } = fromSentencePiece(decodeBase64(sentencePiece.models.unigram!.model)!);
  return (normalizer as NormalizerSequence).normalizers[0] as Precompiled;
})();

const charsmap = (longestRules.toJSON() as { precompiled_charsmap: string }).precompiled_charsmap;

/** The normalizer and pre-tokenizer of each family, and what texts become with them. */
export const unigramFamilies = Object.fromEntries(
  Object.entries(golden.families).map(([name, { tokenizer, cases }]) => {
    // The rules are there once.
    const text = JSON.stringify(tokenizer).replaceAll(
      '"precompiled_charsmap":""',
      `"precompiled_charsmap":"${charsmap}"`,
    );
    return [name, { json: JSON.parse(text) as Family['tokenizer'], cases }];
  }),
);

const tokenizers = new Map<string, Tokenizer>();

/** The tokenizer of a family: always the same one, so that what engines know of its normalizer is found once. */
export function unigramFamily(name: string): Tokenizer {
  const known =
    tokenizers.get(name) ?? Tokenizer.fromJSON({ ...unigramFamilies[name]!.json, model: unigramModel });
  tokenizers.set(name, known);
  return known;
}

/** How many texts the native engine of a tokenizer has left to TypeScript. */
export function leftBy(native: Tokenizer): number {
  return (native.engine as unknown as { left: number }).left;
}
