import { AlignedText } from '../aligned-text.js';
import { TokenizerError } from '../errors.js';
import type { Normalizer } from '../normalizers/normalizer.js';
import type { Decoder } from './decoder.js';

/**
 * Rewrites decoded text as a normalizer does: the rules that a SentencePiece model has for it (`denormalizer_spec`).
 * tokenizer.json has no word for them.
 */
export class Denormalize implements Decoder {
  readonly type = 'rules of SentencePiece for decoded text';
  /** A rule may match across tokens. */
  readonly streams = false;

  constructor(readonly normalizer: Normalizer) {}

  decodeChain(tokens: string[]): string[] {
    return [this.normalizer.normalize(AlignedText.of(tokens.join(''))).text];
  }

  /** @throws {TokenizerError} E_UNSUPPORTED, always. */
  toJSON(): object {
    throw new TokenizerError('E_UNSUPPORTED', 'decoder', {
      rule: 'must be one that tokenizer.json knows',
      received: this.type,
      fix: 'keep the .model file',
    });
  }
}
