/** What tokenizers that put a space before a text share. */

/** The text with a space before it, unless it begins with one or is empty. */
export function withSpace(text: string): string {
  return text === '' || text.startsWith(' ') ? text : ` ${text}`;
}

/**
 * Moves offsets, in place, back to a text that was given one unit to start with; that unit stands for the text's first
 * character.
 */
export function takeFirstOut(text: string, offsets: Int32Array): void {
  const first = text.codePointAt(0)! > 0xffff ? 2 : 1;
  for (let i = 0; i < offsets.length; i += 2) {
    const end = offsets[i + 1]! - 1;
    offsets[i] = Math.max(0, offsets[i]! - 1);
    offsets[i + 1] = end > 0 ? end : first;
  }
}
