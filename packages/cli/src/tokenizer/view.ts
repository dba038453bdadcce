import type { TokenView } from './analyse.js';

/** A stretch of a text as it is shown: one token, or what no token covers. */
export interface Stretch {
  readonly text: string;
  /** Missing where the tokenizer has dropped the text. */
  readonly token?: TokenView;
  /** True for a token that begins inside a character that was shown already: only a mark stands for it. */
  readonly inside: boolean;
}

/** Lays tokens over their text, every character once, from the first token to the last. */
export function stretches(text: string, tokens: readonly TokenView[], upTo = text.length): Stretch[] {
  const out: Stretch[] = [];
  let done = 0;
  for (const token of tokens) {
    if (token.start >= upTo) break;
    if (token.start > done) out.push({ text: text.slice(done, token.start), inside: false });
    const from = Math.max(done, token.start);
    out.push({ text: text.slice(from, token.end), token, inside: from >= token.end });
    done = Math.max(done, token.end);
  }
  if (done < upTo) out.push({ text: text.slice(done, upTo), inside: false });
  return out;
}

/** Control characters as their pictures, so that no text can steer a terminal or break a page. */
export function showControls(text: string): string {
  return (
    text
      .replace(/\r?\n/g, (end) => `${end.length > 1 ? '␍' : ''}⏎\n`)
      .replaceAll('\t', '⇥   ')
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is replaced
      .replace(/[\x00-\x08\x0b-\x1f]/g, (char) => String.fromCharCode(0x2400 + char.charCodeAt(0)))
      .replace(/[\x7f-\x9f\u2028-\u202e\u2066-\u2069]/g, '\ufffd')
  );
}

/** Backgrounds that black text can be read on, in the 256 colours of terminals. */
const COLOURS = [153, 222, 157, 218, 189];

/**
 * Tokens over their text for a terminal: neighbours in different colours, a dot for each token inside a character;
 * without colours a bar between tokens.
 */
export function terminalView(
  text: string,
  tokens: readonly TokenView[],
  colours: boolean,
  upTo?: number,
): string {
  let count = 0;
  return stretches(text, tokens, upTo)
    .map(({ text: part, token, inside }) => {
      if (!token) return showControls(part);
      const shown = inside ? '·' : showControls(part);
      if (!colours) return `${shown}|`;
      const start = `\x1b[30;48;5;${token.unknown ? 203 : COLOURS[count++ % COLOURS.length]}m`;
      // A background that runs over a line's end would fill the line.
      return `${start}${shown.replaceAll('\n', `\x1b[0m\n${start}`)}\x1b[0m`;
    })
    .join('');
}
