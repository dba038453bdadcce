import { AddedTokens } from './added-tokens.js';
import { decodeBase64 } from './base64.js';
import { BYTE_TO_CHAR } from './byte-alphabet.js';
import { ByteLevelDecoder } from './decoders/byte-level.js';
import { describe, TokenizerError } from './errors.js';
import { Bpe } from './models/bpe.js';
import { BpeMerges } from './models/bpe-merges.js';
import { Vocab } from './models/vocab.js';
import { ByteLevel } from './pre-tokenizers/byte-level.js';
import { TIKTOKEN_CL100K_PATTERN, TIKTOKEN_R50K_PATTERN } from './pre-tokenizers/known-patterns.js';
import { O200K_PATTERN } from './pre-tokenizers/o200k-cutter.js';
import { PreTokenizerSequence } from './pre-tokenizers/simple.js';
import { Split } from './pre-tokenizers/split.js';
import { Tokenizer } from './tokenizer.js';

/** A tiktoken encoding but for its ranks. */
export interface TiktokenEncoding {
  /** The regular expression that cuts the text. */
  pattern: string;
  /** Special tokens and their ids. */
  specialTokens: Record<string, number>;
}

const END = '<|endoftext|>';
const fim = (first: number) => ({
  '<|fim_prefix|>': first,
  '<|fim_middle|>': first + 1,
  '<|fim_suffix|>': first + 2,
});

/** The encodings of tiktoken by name, with the pattern and the special tokens of tiktoken 0.14. */
export const TIKTOKEN_ENCODINGS = {
  r50k_base: { pattern: TIKTOKEN_R50K_PATTERN, specialTokens: { [END]: 50256 } },
  p50k_base: { pattern: TIKTOKEN_R50K_PATTERN, specialTokens: { [END]: 50256 } },
  p50k_edit: { pattern: TIKTOKEN_R50K_PATTERN, specialTokens: { [END]: 50256, ...fim(50281) } },
  cl100k_base: {
    pattern: TIKTOKEN_CL100K_PATTERN,
    specialTokens: { [END]: 100257, ...fim(100258), '<|endofprompt|>': 100276 },
  },
  o200k_base: { pattern: O200K_PATTERN, specialTokens: { [END]: 199999, '<|endofprompt|>': 200018 } },
} as const satisfies Record<string, TiktokenEncoding>;

/**
 * A tokenizer from tiktoken ranks: lines of a token in base64 and its rank, which is its id. Any two neighbours whose
 * bytes together are a token may merge, the lowest id first; a piece that is a token is taken whole.
 *
 * @param ranks the content of a `.tiktoken` file; all 256 bytes must be in it.
 * @param encoding a name of `TIKTOKEN_ENCODINGS`, or a pattern and special tokens.
 * @throws {TokenizerError} E_FORMAT on a line that is no token and rank, or a byte that is missing.
 *
 * @example
 * ```ts
 * const tokenizer = fromTiktoken(await readFile('cl100k_base.tiktoken', 'utf8'), 'cl100k_base');
 * ```
 */
export function fromTiktoken(
  ranks: string,
  encoding: keyof typeof TIKTOKEN_ENCODINGS | TiktokenEncoding,
): Tokenizer {
  const { pattern, specialTokens } = typeof encoding === 'string' ? TIKTOKEN_ENCODINGS[encoding] : encoding;
  const vocab = new Vocab(readRanks(ranks), 'tiktoken ranks');
  const missing = BYTE_TO_CHAR.findIndex((char) => vocab.id(char) === undefined);
  if (missing >= 0) {
    throw new TokenizerError('E_FORMAT', 'tiktoken ranks', {
      rule: 'every byte is a token',
      received: `none for byte ${missing}`,
      fix: 'check that the file is complete',
    });
  }
  const { rules, ranks: mergeRanks } = usedMerges(vocab);
  const preTokenizer = new PreTokenizerSequence([
    new Split({ Regex: pattern }, 'Isolated', false, 'pattern'),
    new ByteLevel({ useRegex: false }),
  ]);
  return new Tokenizer({
    model: new Bpe(vocab, rules, { ignoreMerges: true, mergeRanks }),
    preTokenizer,
    decoder: new ByteLevelDecoder(),
    addedTokens: AddedTokens.special(Object.entries(specialTokens)),
  });
}

function readRanks(text: string): [string, number][] {
  const out: [string, number][] = [];
  text.split('\n').forEach((line, i) => {
    if (line.trim() === '') return;
    const [encoded, rank, ...more] = line.trimEnd().split(' ');
    const bytes = encoded ? decodeBase64(encoded) : null;
    if (!bytes || bytes.length === 0 || !/^\d+$/.test(rank ?? '') || more.length > 0) {
      throw new TokenizerError('E_FORMAT', `tiktoken ranks, line ${i + 1}`, {
        rule: 'must be a token in base64, a space and its rank',
        received: describe(line),
        fix: 'check that the file is complete',
      });
    }
    let token = '';
    for (const byte of bytes) token += BYTE_TO_CHAR[byte];
    out.push([token, Number(rank)]);
  });
  return out;
}

/**
 * The rules that merging can ever use, by id of the token that they make, which is their rank.
 *
 * Tiktoken merges any two neighbours that make a token, but what lies between two borders of tokens is merged as if it
 * stood alone: no merge has crossed them, and those inside come in the same order. So the two tokens that are merged to a
 * third are what its bytes by themselves are merged to before. With the rules of lower ranks these are two; if they are
 * more, as in ranks that no trainer made, all ways to put the token together are kept.
 */
function usedMerges(vocab: Vocab): { rules: Int32Array; ranks: Int32Array } {
  const rules: number[] = [];
  const ranks: number[] = [];
  const merges = new BpeMerges();
  const add = (left: number, right: number, made: number) => {
    merges.add(left, right, made, made);
    rules.push(left, right, made);
    ranks.push(made);
  };
  const idOfChar = new Map(BYTE_TO_CHAR.map((char) => [char, vocab.id(char)!]));
  for (let id = 0; id < vocab.idLimit; id++) {
    const token = vocab.token(id) ?? '';
    if (token.length < 2) continue;
    merges.reserve(token.length);
    for (let i = 0; i < token.length; i++) merges.ids[i] = idOfChar.get(token[i]!)!;
    if (merges.merge(token.length) === 2) add(merges.ids[0]!, merges.ids[1]!, id);
    else
      for (let i = 1; i < token.length; i++) {
        const left = vocab.id(token.slice(0, i));
        const right = vocab.id(token.slice(i));
        if (left !== undefined && right !== undefined) add(left, right, id);
      }
  }
  return { rules: Int32Array.from(rules), ranks: Int32Array.from(ranks) };
}
