import { AddedTokens } from './added-tokens.js';
import { ByteLevelDecoder } from './decoders/byte-level.js';
import type { Decoder } from './decoders/decoder.js';
import { describe, TokenizerError } from './errors.js';
import { Fields, unknownType } from './json.js';
import { Bpe } from './models/bpe.js';
import type { Model } from './models/model.js';
import { ByteLevel } from './pre-tokenizers/byte-level.js';
import type { PreTokenizer } from './pre-tokenizers/pre-tokenizer.js';
import type { TokenizerParts } from './tokenizer.js';

/** Reads the parts of a tokenizer.json; a component that is not known is an error, never left out. */
export function componentsFromJSON(value: unknown): TokenizerParts {
  const fields = new Fields(value, 'tokenizer');
  fields.raw('version');
  const parts = {
    addedTokens: AddedTokens.fromJSON(fields.raw('added_tokens')),
    preTokenizer: preTokenizerFromJSON(fields.raw('pre_tokenizer')),
    decoder: decoderFromJSON(fields.raw('decoder')),
    model: modelFromJSON(fields.raw('model')),
  };
  for (const name of ['truncation', 'padding', 'normalizer', 'post_processor']) {
    const part = fields.raw(name);
    if (part != null) {
      throw new TokenizerError('E_UNSUPPORTED', name, {
        rule: 'must be null',
        received: describe(part),
        fix: 'remove the component',
      });
    }
  }
  fields.end();
  return parts;
}

function modelFromJSON(value: unknown): Model {
  const type = new Fields(value, 'model').raw('type');
  if (type === 'BPE') return Bpe.fromJSON(value);
  throw unknownType('model', type, ['BPE']);
}

function preTokenizerFromJSON(value: unknown): PreTokenizer {
  const fields = new Fields(value, 'pre_tokenizer');
  const type = fields.raw('type');
  if (type !== 'ByteLevel') throw unknownType('pre_tokenizer', type, ['ByteLevel']);
  const out = ByteLevel.fromJSON(fields);
  fields.end();
  return out;
}

function decoderFromJSON(value: unknown): Decoder {
  const type = new Fields(value, 'decoder').raw('type');
  if (type === 'ByteLevel') return new ByteLevelDecoder();
  throw unknownType('decoder', type, ['ByteLevel']);
}
