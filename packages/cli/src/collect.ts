import { createHash } from 'node:crypto';
import { type FileHandle, open, opendir, stat } from 'node:fs/promises';
import path from 'node:path';
import { CliError } from './errors.js';

/** A stretch of text in a file. Files up to a mebibyte are one document each; longer ones are cut at line ends. */
export interface TextDocument {
  readonly path: string;
  /** First byte. */
  readonly start: number;
  /** Byte after the last. */
  readonly end: number;
  /** True where the file ends, and an end-of-text token belongs. */
  readonly last: boolean;
  /** First 52 bits of the SHA-256 of its bytes, as a number in [0, 1): equal text, equal key. */
  readonly key: number;
}

/** What was found. */
export interface Corpus {
  readonly documents: readonly TextDocument[];
  /** Files that the documents come from. */
  readonly files: number;
  readonly bytes: number;
  /** Files left out, by reason. */
  readonly skipped: { readonly binary: number; readonly duplicate: number; readonly overLimit: number };
}

export interface CollectOptions {
  /** Take only files whose names end so. */
  include?: readonly string[] | undefined;
  /** Take at most so many bytes. */
  maxBytes?: number;
  onProgress?: (files: number, bytes: number) => void;
  signal?: AbortSignal | undefined;
}

/** Bytes of the longest document. */
const PIECE = 2 ** 20;
const NEWLINE = 10;

const sha = (data: string | Uint8Array): number => {
  const digest = createHash('sha256').update(data).digest();
  return digest.readUIntBE(0, 6) / 2 ** 48;
};

/**
 * Finds text under folders and files: hidden folders and links are left out, so are node_modules inside a folder that
 * is not in one itself, binary files (a NUL byte, or bytes that are not UTF-8), and text that was seen already.
 *
 * @throws CliError E_DATA when a path is missing, or nothing is left.
 * @example
 * const corpus = await collect(['docs', 'notes.txt']);
 */
export async function collect(paths: readonly string[], options: CollectOptions = {}): Promise<Corpus> {
  const { include, maxBytes = Number.POSITIVE_INFINITY, onProgress, signal } = options;
  const found = new Map<string, number>();
  for (const root of paths) await find(root, found, include, signal);

  // Chosen by a hash of the name, so that a limit takes a random sample, and the same one each time.
  const chosen = [...found].map(([file, size]) => ({ file, size, order: sha(path.relative('.', file)) }));
  const total = chosen.reduce((sum, { size }) => sum + size, 0);
  if (total > maxBytes) chosen.sort((a, b) => a.order - b.order);

  const documents: TextDocument[] = [];
  const seen = new Set<number>();
  const skipped = { binary: 0, duplicate: 0, overLimit: 0 };
  let files = 0;
  let bytes = 0;
  for (const { file, size } of chosen) {
    signal?.throwIfAborted();
    if (size === 0) continue;
    if (bytes + size > maxBytes && bytes > 0) {
      skipped.overLimit++;
      continue;
    }
    const pieces = await readPieces(file, maxBytes - bytes);
    if (!pieces) {
      skipped.binary++;
      continue;
    }
    const fresh = pieces.filter(({ key }) => !seen.has(key));
    for (const { key } of fresh) seen.add(key);
    if (fresh.length === 0) skipped.duplicate++;
    else files++;
    documents.push(...fresh);
    bytes += fresh.reduce((sum, { start, end }) => sum + end - start, 0);
    onProgress?.(files, bytes);
  }
  if (documents.length === 0)
    throw new CliError(
      'E_DATA',
      paths.join(', '),
      `there must be text to train on${include ? ` in files that end in ${include.join(' or ')}` : ''}`,
      found.size === 0
        ? 'no files'
        : `${found.size} files, ${skipped.binary} of them binary and the rest empty`,
      'name folders or files of UTF-8 text with --data',
    );
  return { documents, files, bytes, skipped };
}

async function find(
  root: string,
  found: Map<string, number>,
  include: readonly string[] | undefined,
  signal: AbortSignal | undefined,
): Promise<void> {
  const inModules = path.resolve(root).split(path.sep).includes('node_modules');
  const wanted = (name: string) => !include || include.some((end) => name.endsWith(end));
  const walk = async (folder: string): Promise<void> => {
    signal?.throwIfAborted();
    const entries = [];
    for await (const entry of await opendir(folder)) entries.push(entry);
    entries.sort((a, b) => (a.name < b.name ? -1 : 1));
    for (const entry of entries) {
      const full = path.join(folder, entry.name);
      if (entry.isDirectory()) {
        if (!entry.name.startsWith('.') && (inModules || entry.name !== 'node_modules')) await walk(full);
      } else if (entry.isFile() && wanted(entry.name)) found.set(full, (await stat(full)).size);
    }
  };
  try {
    const info = await stat(root);
    if (info.isDirectory()) await walk(root);
    else if (info.isFile()) found.set(root, info.size);
    else
      throw new CliError('E_DATA', root, 'data must be a file or a folder', 'something else', 'name a file');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (error instanceof CliError || signal?.aborted) throw error;
    throw new CliError('E_DATA', root, 'the data must be there and readable', `${code}`, 'check the path', {
      cause: error,
    });
  }
}

async function fill(file: FileHandle, buffer: Uint8Array, position: number): Promise<number> {
  for (let done = 0; ; ) {
    const { bytesRead } = await file.read(buffer, done, buffer.length - done, position + done);
    done += bytesRead;
    if (bytesRead === 0 || done === buffer.length) return done;
  }
}

/** The documents of a file, at most `limit` bytes of it, or null when it is not text. */
async function readPieces(name: string, limit: number): Promise<TextDocument[] | null> {
  const file = await open(name, 'r');
  try {
    const { size } = await file.stat();
    const utf8 = new TextDecoder('utf-8', { fatal: true });
    const pieces: TextDocument[] = [];
    for (let start = 0; start < size && start < limit; ) {
      const buffer = new Uint8Array(Math.min(PIECE, size - start));
      const got = await fill(file, buffer, start);
      if (got === 0) break;
      const end = start + got >= size ? got : cutAt(buffer.subarray(0, got));
      const bytes = buffer.subarray(0, end);
      if (bytes.includes(0)) return null;
      try {
        utf8.decode(bytes);
      } catch {
        return null;
      }
      pieces.push({ path: name, start, end: start + end, last: start + end >= size, key: sha(bytes) });
      start += end;
    }
    return pieces;
  } finally {
    await file.close();
  }
}

/** Where to cut a piece of text: after its last line, or before a character that is not whole. */
function cutAt(bytes: Uint8Array): number {
  const line = bytes.lastIndexOf(NEWLINE);
  if (line >= 0) return line + 1;
  let end = bytes.length;
  while (end > bytes.length - 4 && (bytes[end - 1]! & 0xc0) === 0x80) end--;
  return (bytes[end - 1]! & 0x80) === 0 ? bytes.length : end - 1;
}

/** The text of a document. */
export async function readText(document: TextDocument): Promise<string> {
  const file = await open(document.path, 'r');
  try {
    const buffer = new Uint8Array(document.end - document.start);
    const got = await fill(file, buffer, document.start);
    return new TextDecoder('utf-8', { ignoreBOM: true }).decode(buffer.subarray(0, got));
  } finally {
    await file.close();
  }
}

/**
 * Holds a share of the documents out for validation, by a hash of their text: the same document is on the same side
 * whatever else there is. Where one side would stay (nearly) empty, as with a single file, the end of every document
 * is held out instead, cut at a line.
 *
 * @param share 0 < share <= 0.5
 * @example
 * const { train, validation } = await split((await collect(['docs'])).documents, 0.1);
 */
export async function split(
  documents: readonly TextDocument[],
  share: number,
): Promise<{ train: TextDocument[]; validation: TextDocument[] }> {
  const bytes = (list: readonly TextDocument[]) => list.reduce((sum, { start, end }) => sum + end - start, 0);
  const validation = documents.filter(({ key }) => key < share);
  const train = documents.filter(({ key }) => key >= share);
  const held = bytes(validation) / bytes(documents);
  if (held > share / 4 && held < Math.min(0.75, share * 3)) return { train, validation };

  const heads: TextDocument[] = [];
  const tails: TextDocument[] = [];
  for (const document of documents) {
    const text = Buffer.from(await readText(document));
    const wish = Math.floor(text.length * (1 - share));
    const line = text.lastIndexOf(NEWLINE, wish) + 1;
    // A document of one line is cut in a word rather than not at all.
    const at = line > 0 ? line : cutAt(text.subarray(0, wish)) || text.length;
    heads.push({ ...document, end: document.start + at, last: false });
    if (at < text.length) tails.push({ ...document, start: document.start + at });
  }
  return { train: heads, validation: tails };
}
