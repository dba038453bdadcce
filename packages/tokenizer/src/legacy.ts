import { AddedTokens } from './added-tokens.js';
import { ByteLevelDecoder } from './decoders/byte-level.js';
import { WordPieceDecoder } from './decoders/simple.js';
import { describe, TokenizerError } from './errors.js';
import { Bpe } from './models/bpe.js';
import { Vocab } from './models/vocab.js';
import { WordPiece } from './models/word-piece.js';
import { BertNormalizer } from './normalizers/bert.js';
import { BertProcessing } from './post-processors/bert.js';
import { ByteLevel } from './pre-tokenizers/byte-level.js';
import { BertPreTokenizer } from './pre-tokenizers/simple.js';
import { Tokenizer } from './tokenizer.js';

/**
 * A GPT-2 tokenizer from the content of its two files.
 *
 * @param vocab the object of vocab.json: tokens in the byte alphabet to ids.
 * @param merges the text of merges.txt: two tokens a line, the earliest learned first.
 * @param specialTokens tokens of the vocabulary that control the model; default `<|endoftext|>` where it exists.
 * @throws {TokenizerError} E_FORMAT on a line that is no pair, or a pair the vocabulary lacks.
 */
export function fromVocabAndMerges(
  vocab: unknown,
  merges: string,
  specialTokens?: readonly string[],
): Tokenizer {
  const tokens = Vocab.fromJSON(vocab, 'vocab.json');
  const pairs: [string, string][] = [];
  merges.split('\n').forEach((raw, i) => {
    const line = raw.replace(/\r$/, '');
    if (line === '' || (i === 0 && line.startsWith('#version'))) return;
    const parts = line.split(' ');
    if (parts.length !== 2 || parts.includes('')) {
      throw new TokenizerError('E_FORMAT', `merges.txt, line ${i + 1}`, {
        rule: 'must be two tokens with a space between',
        received: describe(line),
        fix: 'check that the file is complete',
      });
    }
    pairs.push(parts as [string, string]);
  });
  return new Tokenizer({
    model: new Bpe(tokens, pairs),
    preTokenizer: new ByteLevel(),
    decoder: new ByteLevelDecoder(),
    addedTokens: specials(tokens, specialTokens ?? ['<|endoftext|>'], specialTokens !== undefined),
  });
}

/** Options of `fromVocabTxt`. */
export interface VocabTxtOptions {
  /** Lowercases and drops accents; default true. */
  lowercase?: boolean;
}

/**
 * A BERT tokenizer from the text of its vocab.txt: one token a line, whose number is the id.
 *
 * @throws {TokenizerError} E_FORMAT if `[UNK]`, `[CLS]` or `[SEP]` is missing or a token stands twice.
 */
export function fromVocabTxt(text: string, options: VocabTxtOptions = {}): Tokenizer {
  const lines = text.replace(/\r?\n$/, '').split('\n');
  const seen = new Map<string, number>();
  lines.forEach((raw, id) => {
    const token = raw.trimEnd();
    if (seen.has(token)) {
      throw new TokenizerError('E_FORMAT', `vocab.txt, line ${id + 1}`, {
        rule: 'every token stands once',
        received: `${describe(token)}, which line ${seen.get(token)! + 1} has too`,
        fix: 'remove one of the two without moving the others',
      });
    }
    seen.set(token, id);
  });
  const vocab = new Vocab(seen, 'vocab.txt');
  const known = specials(vocab, ['[UNK]', '[CLS]', '[SEP]'], true);
  const names = ['[PAD]', '[MASK]'].filter((token) => vocab.id(token) !== undefined);
  const lowercase = options.lowercase ?? true;
  const named = (token: string) => [token, vocab.id(token)!] as const;
  return new Tokenizer({
    normalizer: new BertNormalizer({ lowercase }),
    preTokenizer: new BertPreTokenizer(),
    model: new WordPiece(vocab),
    postProcessor: new BertProcessing(named('[SEP]'), named('[CLS]')),
    decoder: new WordPieceDecoder('##', true),
    addedTokens: AddedTokens.special([
      ...known.list.map(({ content }) => named(content)),
      ...names.map(named),
    ]),
  });
}

/** The given tokens as special ones; all must exist, or those that do are taken. */
function specials(vocab: Vocab, names: readonly string[], all: boolean): AddedTokens {
  const found = names.flatMap((token) => {
    const id = vocab.id(token);
    if (id !== undefined) return [[token, id] as const];
    if (!all) return [];
    throw new TokenizerError('E_FORMAT', 'vocab', {
      rule: 'every special token is in the vocabulary',
      received: `none of the spelling ${describe(token)}`,
      fix: 'add it, or leave it out of the special tokens',
    });
  });
  return AddedTokens.special(found);
}
