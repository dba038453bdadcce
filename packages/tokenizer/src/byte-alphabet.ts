/**
 * The 256 characters by which byte-level vocabularies spell bytes: printable Latin-1 stands for itself, the other
 * 68 bytes take U+0100 onwards in order (Radford et al. 2019, GPT-2 `bytes_to_unicode`).
 */
export const BYTE_TO_CHAR: readonly string[] = (() => {
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) => {
    const printable = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
    return String.fromCharCode(printable ? byte : next++);
  });
})();

/** The byte of each character of `BYTE_TO_CHAR` by its code (below 324), or -1. */
const CHAR_TO_BYTE: Int16Array = (() => {
  const out = new Int16Array(324).fill(-1);
  BYTE_TO_CHAR.forEach((char, byte) => {
    out[char.charCodeAt(0)] = byte;
  });
  return out;
})();

/** The alphabet in the order of its code points, which is how vocabularies list it. */
export function byteAlphabet(): string[] {
  return [...BYTE_TO_CHAR].sort();
}

/** The text as its UTF-8 bytes spelled in `BYTE_TO_CHAR`: one character per byte. */
export function spellBytes(text: string): string {
  let out = '';
  for (const byte of new TextEncoder().encode(text)) out += BYTE_TO_CHAR[byte];
  return out;
}

/** The bytes a token of `BYTE_TO_CHAR` characters spells, or undefined if it has any other character. */
export function unspellBytes(token: string): Uint8Array | undefined {
  const out = new Uint8Array(token.length);
  return unspellInto(token, out, 0) ? out : undefined;
}

/** Writes the bytes that a token spells from `at` on; false if it has a character that spells none. */
export function unspellInto(token: string, out: Uint8Array, at: number): boolean {
  for (let i = 0; i < token.length; i++) {
    const code = token.charCodeAt(i);
    const byte = code < CHAR_TO_BYTE.length ? CHAR_TO_BYTE[code]! : -1;
    if (byte < 0) return false;
    out[at + i] = byte;
  }
  return true;
}

/** What models with byte fallback call the bytes: `<0x00>` to `<0xFF>`. */
export const BYTE_TOKENS: readonly string[] = Array.from(
  { length: 256 },
  (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`,
);
