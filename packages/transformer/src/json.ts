import { TransformerError } from './errors.js';

// Deeper nesting has no use in these files, and could exhaust memory or the stack.
const MAX_DEPTH = 64;

/**
 * JSON.parse for files from outside: also refuses a name that an object has twice, which JSON.parse hides (two
 * readers could then see two different files), and nesting deeper than 64.
 *
 * @param subject the file, for messages
 * @throws TransformerError E_FORMAT
 */
export function parseJson(subject: string, text: string): unknown {
  checkNames(subject, text);
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new TransformerError(
      'E_FORMAT',
      subject,
      'must be JSON',
      `${text.length} characters that are not (${(cause as Error).message})`,
      'check that the file is complete',
      { cause },
    );
  }
}

// Walks the tokens that matter to nesting and names; anything malformed is left for JSON.parse to refuse.
function checkNames(subject: string, text: string): void {
  // One entry per open bracket: the names so far of an object, null for an array.
  const open: (Set<string> | null)[] = [];
  let expectName = false;
  for (let i = 0; i < text.length; i++) {
    switch (text.charCodeAt(i)) {
      case 0x7b: // {
      case 0x5b: // [
        expectName = text.charCodeAt(i) === 0x7b;
        open.push(expectName ? new Set() : null);
        if (open.length > MAX_DEPTH)
          throw new TransformerError(
            'E_FORMAT',
            subject,
            `JSON must nest at most ${MAX_DEPTH} deep`,
            'more',
            'check that the file is what it claims to be',
          );
        break;
      case 0x7d: // }
      case 0x5d: // ]
        open.pop();
        expectName = false;
        break;
      case 0x2c: // ,
        expectName = open.at(-1) != null;
        break;
      case 0x22: {
        const start = i;
        for (i++; i < text.length && text.charCodeAt(i) !== 0x22; i++) if (text.charCodeAt(i) === 0x5c) i++;
        if (expectName) {
          addName(subject, open.at(-1)!, text.slice(start, i + 1));
          expectName = false;
        }
      }
    }
  }
}

function addName(subject: string, names: Set<string>, quoted: string): void {
  let name: string;
  try {
    name = JSON.parse(quoted) as string;
  } catch {
    return; // A broken string: JSON.parse of the whole text says where.
  }
  if (names.has(name))
    throw new TransformerError(
      'E_FORMAT',
      subject,
      'every name in an object must be unique',
      `"${name.slice(0, 80)}" twice`,
      'save the file again with a library that writes each name once',
    );
  names.add(name);
}
