import { open, stat } from 'node:fs/promises';
import { fileError } from '../files.js';

/** Bytes read at once. */
const PIECE = 1 << 20;

/** The sizes of files in bytes, added up. */
export async function fileSizes(paths: readonly string[]): Promise<number> {
  let total = 0;
  for (const path of paths) {
    const info = await stat(path).catch((cause: unknown) => {
      throw fileError(path, 'the file can be read', cause);
    });
    total += info.size;
  }
  return total;
}

/**
 * The texts of UTF-8 files: each ends behind a line's end, else before a space, else at the end of a character, and
 * at the end of a file. In order they are the files' texts.
 *
 * @param seen called with the bytes of each read.
 */
export async function* readTexts(
  paths: readonly string[],
  seen: (bytes: number) => void,
): AsyncGenerator<string> {
  for (const path of paths) {
    const wrap = (cause: unknown) => fileError(path, 'the file can be read', cause);
    const file = await open(path, 'r').catch((cause: unknown) => {
      throw wrap(cause);
    });
    try {
      const utf8 = new TextDecoder('utf-8');
      const buffer = new Uint8Array(PIECE);
      let rest = '';
      for (;;) {
        const { bytesRead } = await file.read(buffer, 0, PIECE, null).catch((cause: unknown) => {
          throw wrap(cause);
        });
        seen(bytesRead);
        rest += utf8.decode(buffer.subarray(0, bytesRead), { stream: bytesRead > 0 });
        if (bytesRead === 0) break;
        const end = cutAt(rest);
        if (end > 0) yield rest.slice(0, end);
        rest = rest.slice(end);
      }
      if (rest !== '') yield rest;
    } finally {
      await file.close();
    }
  }
}

/** Where to cut: behind the last line's end, else before the last space, else not before there is a piece's worth. */
function cutAt(text: string): number {
  const line = text.lastIndexOf('\n') + 1;
  if (line > 0) return line;
  if (text.length < PIECE) return 0;
  // A space goes with the word behind it.
  const space = text.lastIndexOf(' ');
  if (space > 0) return space;
  const last = text.charCodeAt(text.length - 1);
  return last >= 0xd800 && last < 0xdc00 ? text.length - 1 : text.length;
}
