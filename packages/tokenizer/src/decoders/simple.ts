import type { Matcher } from '../matcher.js';
import { type Pattern, patternMatcher } from '../pattern.js';
import { type MetaspaceOptions, metaspaceToJSON } from '../pre-tokenizers/metaspace.js';
import type { Decoder } from './decoder.js';

/** Spaces for the visible character; the one put before the first token goes. */
export class MetaspaceDecoder implements Decoder {
  readonly type = 'Metaspace';
  readonly streams = true;

  constructor(readonly options: MetaspaceOptions) {}

  decodeChain(tokens: string[]): string[] {
    const { replacement, prependScheme } = this.options;
    return tokens.map((token, i) =>
      token.replaceAll(replacement, i === 0 && prependScheme !== 'never' ? '' : ' '),
    );
  }

  toJSON(): object {
    return metaspaceToJSON(this.options);
  }
}

/** Joins words: a token with the prefix continues the one before, any other follows a space. */
export class WordPieceDecoder implements Decoder {
  readonly type = 'WordPiece';
  readonly streams = true;

  constructor(
    readonly prefix: string,
    readonly cleanup: boolean,
  ) {}

  decodeChain(tokens: string[]): string[] {
    return tokens.map((token, i) => {
      if (i > 0) token = token.startsWith(this.prefix) ? token.slice(this.prefix.length) : ` ${token}`;
      return this.cleanup ? cleanUp(token) : token;
    });
  }

  toJSON(): object {
    return { type: this.type, prefix: this.prefix, cleanup: this.cleanup };
  }
}

/** Takes back the spaces before punctuation and English contractions. */
function cleanUp(text: string): string {
  const pairs = [
    [' .', '.'],
    [' ?', '?'],
    [' !', '!'],
    [' ,', ','],
    [" ' ", "'"],
    [" n't", "n't"],
    [" 'm", "'m"],
    [' do not', " don't"],
    [" 's", "'s"],
    [" 've", "'ve"],
    [" 're", "'re"],
  ] as const;
  return pairs.reduce((current, [from, to]) => current.replaceAll(from, to), text);
}

/** Runs of `<0xNN>` tokens become the text of their bytes; bytes that are no UTF-8 become U+FFFD each. */
export class ByteFallbackDecoder implements Decoder {
  readonly type = 'ByteFallback';
  readonly streams = true;

  decodeChain(tokens: string[]): string[] {
    const out: string[] = [];
    let bytes: number[] = [];
    const flush = () => {
      if (bytes.length === 0) return;
      try {
        out.push(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Uint8Array.from(bytes)));
      } catch {
        for (let i = 0; i < bytes.length; i++) out.push('\ufffd');
      }
      bytes = [];
    };
    for (const token of tokens) {
      const byte = byteOf(token);
      if (byte >= 0) {
        bytes.push(byte);
      } else {
        flush();
        out.push(token);
      }
    }
    flush();
    return out;
  }

  toJSON(): object {
    return { type: this.type };
  }
}

/** The byte of a token such as `<0x0A>`, or -1. */
export function byteOf(token: string): number {
  return /^<0x[0-9A-Fa-f]{2}>$/.test(token) ? Number.parseInt(token.slice(3, 5), 16) : -1;
}

/** Joins all tokens into one. */
export class Fuse implements Decoder {
  readonly type = 'Fuse';
  readonly streams = true;

  decodeChain(tokens: string[]): string[] {
    return [tokens.join('')];
  }

  toJSON(): object {
    return { type: this.type };
  }
}

/** Takes up to so many of one character from the start and the end of each token. */
export class StripDecoder implements Decoder {
  readonly type = 'Strip';

  /** What goes at the end is known at the end only. */
  get streams(): boolean {
    return this.stop === 0 && this.start <= 1;
  }

  constructor(
    readonly content: string,
    readonly start: number,
    readonly stop: number,
  ) {}

  decodeChain(tokens: string[]): string[] {
    return tokens.map((token) => {
      const chars = [...token];
      let from = 0;
      let to = chars.length;
      while (from < this.start && from < to && chars[from] === this.content) from++;
      while (chars.length - to < this.stop && to > from && chars[to - 1] === this.content) to--;
      return chars.slice(from, to).join('');
    });
  }

  toJSON(): object {
    return { type: this.type, content: this.content, start: this.start, stop: this.stop };
  }
}

/** Replaces a pattern in each token. */
export class ReplaceDecoder implements Decoder {
  readonly type = 'Replace';
  readonly streams = true;
  readonly #matcher: Matcher;

  constructor(
    readonly pattern: Pattern,
    readonly content: string,
    subject = 'decoder.pattern',
  ) {
    this.#matcher = patternMatcher(pattern, subject);
  }

  decodeChain(tokens: string[]): string[] {
    return tokens.map((token) => {
      let out = '';
      let done = 0;
      for (const [from, to] of this.#matcher.matches(token)) {
        out += token.slice(done, from) + this.content;
        done = to;
      }
      return out + token.slice(done);
    });
  }

  toJSON(): object {
    return { type: this.type, pattern: this.pattern, content: this.content };
  }
}

/** Connectionist temporal classification: repeats count once, the pad token for nothing (Graves et al. 2006). */
export class CtcDecoder implements Decoder {
  readonly type = 'CTC';
  readonly streams = true;

  constructor(
    readonly padToken: string,
    readonly wordDelimiterToken: string,
    readonly cleanup: boolean,
  ) {}

  decodeChain(tokens: string[]): string[] {
    const out: string[] = [];
    tokens.forEach((token, i) => {
      if (i > 0 && token === tokens[i - 1]) return;
      let text = token.replaceAll(this.padToken, '');
      if (this.cleanup) text = cleanUp(text).replaceAll(this.wordDelimiterToken, ' ');
      if (text !== '') out.push(text);
    });
    return out;
  }

  toJSON(): object {
    const { padToken, wordDelimiterToken, cleanup } = this;
    return { type: this.type, pad_token: padToken, word_delimiter_token: wordDelimiterToken, cleanup };
  }
}

/** Classic BPE with a suffix at the end of a word: the suffix becomes a space, but for the last token. */
export class BpeDecoder implements Decoder {
  readonly type = 'BPEDecoder';
  readonly streams = false;

  constructor(readonly suffix: string) {}

  decodeChain(tokens: string[]): string[] {
    return tokens.map((token, i) => token.replaceAll(this.suffix, i === tokens.length - 1 ? '' : ' '));
  }

  toJSON(): object {
    return { type: this.type, suffix: this.suffix };
  }
}

/** Decoders one after the other. */
export class DecoderSequence implements Decoder {
  readonly type = 'Sequence';
  readonly streams: boolean;

  constructor(readonly decoders: readonly Decoder[]) {
    const fuse = decoders.findIndex((decoder) => decoder.type === 'Fuse');
    const afterFuse = fuse < 0 ? [] : decoders.slice(fuse);
    // Once tokens are one text, a pattern may match across them.
    this.streams = decoders.every((d) => d.streams) && !afterFuse.some((d) => d.type === 'Replace');
  }

  decodeChain(tokens: string[]): string[] {
    return this.decoders.reduce((current, decoder) => decoder.decodeChain(current), tokens);
  }

  toJSON(): object {
    return { type: this.type, decoders: this.decoders.map((decoder) => decoder.toJSON()) };
  }
}
