import { unspellBytes } from '../byte-alphabet.js';
import type { Decoder } from './decoder.js';

/** Decodes the byte alphabet of GPT-2: each character of a token is one byte of UTF-8. */
export class ByteLevelDecoder implements Decoder {
  readonly type = 'ByteLevel';
  readonly streams = true;

  /** A token with a character outside the alphabet stands for its own UTF-8 bytes. */
  tokenBytes(token: string): Uint8Array {
    return unspellBytes(token) ?? new TextEncoder().encode(token);
  }

  decodeChain(tokens: string[]): string[] {
    const bytes = tokens.flatMap((token) => [...this.tokenBytes(token)]);
    return [new TextDecoder('utf-8', { ignoreBOM: true }).decode(Uint8Array.from(bytes))];
  }

  toJSON(): object {
    return { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true };
  }
}
