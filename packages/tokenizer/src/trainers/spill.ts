import { type FileHandle, mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileError } from '../files.js';
import type { DroppedWords } from './count-words.js';
import { WordCounts } from './word-counts.js';

const BUFFER = 1 << 20;
/** Bytes of a record before the word: its length in UTF-16 units, and its count as float64. */
const HEAD = 12;

/**
 * Tables of words on disk. Each is a run of records sorted by word: length (uint32), count (float64), UTF-16 units,
 * all little-endian. Merging the runs adds up the counts of equal words in memory of one buffer a run.
 */
export class WordSpill {
  readonly #runs: string[] = [];

  private constructor(readonly folder: string) {}

  static async create(): Promise<WordSpill> {
    const prefix = join(tmpdir(), 'inkstone-words-');
    return new WordSpill(await guarded(prefix, () => mkdtemp(prefix)));
  }

  /** Writes words, sorted by UTF-16 units, as a run. */
  async write(words: Iterable<readonly [word: string, count: number]>): Promise<void> {
    const path = join(this.folder, `${this.#runs.length}.run`);
    this.#runs.push(path);
    await guarded(path, async () => {
      const file = await open(path, 'wx');
      try {
        let buffer = Buffer.allocUnsafe(BUFFER);
        let length = 0;
        for (const [word, count] of words) {
          const size = HEAD + 2 * word.length;
          if (length + size > buffer.length) {
            await file.write(buffer, 0, length);
            length = 0;
            if (size > buffer.length) buffer = Buffer.allocUnsafe(size);
          }
          buffer.writeUInt32LE(word.length, length);
          buffer.writeDoubleLE(count, length + 4);
          buffer.write(word, length + HEAD, 'utf16le');
          length += size;
        }
        await file.write(buffer, 0, length);
      } finally {
        await file.close();
      }
    });
  }

  /**
   * All words of all runs with their whole counts, but only the most frequent ones if their table would take more
   * than `limit` bytes. Words of one count stay or go together, so the result does not hang on the texts' order.
   */
  async merge(
    limit: number,
    onDropped: ((dropped: DroppedWords) => void) | undefined,
    check: () => void,
  ): Promise<WordCounts> {
    const sizes = new Map<number, { bytes: number; words: number }>();
    for await (const { word, count } of this.#merged(check)) {
      const entry = sizes.get(count) ?? { bytes: 0, words: 0 };
      entry.bytes += WordCounts.bytesOf(word);
      entry.words++;
      sizes.set(count, entry);
    }
    let room = limit;
    let least = Infinity;
    const dropped: DroppedWords = { words: 0, occurrences: 0, highestCount: 0 };
    for (const [count, { bytes, words }] of [...sizes].sort(([a], [b]) => b - a)) {
      room -= bytes;
      if (room >= 0) {
        least = count;
      } else {
        dropped.words += words;
        dropped.occurrences += words * count;
        dropped.highestCount = Math.max(dropped.highestCount, count);
      }
    }
    const out = new WordCounts();
    for await (const { word, count } of this.#merged(check)) {
      if (count >= least) out.add(word, 0, word.length, count);
    }
    if (dropped.words > 0) onDropped?.(dropped);
    return out;
  }

  async *#merged(check: () => void): AsyncGenerator<{ word: string; count: number }> {
    const readers = await Promise.all(this.#runs.map((path) => RunReader.open(path)));
    try {
      for (let seen = 0; ; seen++) {
        if (seen % 4096 === 0) check();
        let least: string | undefined;
        for (const { word } of readers) {
          if (word !== undefined && (least === undefined || word < least)) least = word;
        }
        if (least === undefined) return;
        let count = 0;
        for (const reader of readers) {
          if (reader.word !== least) continue;
          count += reader.count;
          if (!reader.next()) await reader.refill();
        }
        yield { word: least, count };
      }
    } finally {
      await Promise.all(readers.map((reader) => reader.close()));
    }
  }

  async remove(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** Reads the records of a run, one after the other. */
class RunReader {
  /** The record at hand; undefined at the end. */
  word: string | undefined;
  count = 0;
  #buffer = Buffer.alloc(0);
  #at = 0;

  private constructor(
    readonly path: string,
    readonly file: FileHandle,
  ) {}

  static async open(path: string): Promise<RunReader> {
    const reader = new RunReader(path, await guarded(path, () => open(path, 'r')));
    await reader.refill();
    return reader;
  }

  /** Takes the next record if the buffer holds it whole. */
  next(): boolean {
    const rest = this.#buffer.length - this.#at;
    if (rest < HEAD) return false;
    const end = this.#at + HEAD + 2 * this.#buffer.readUInt32LE(this.#at);
    if (end > this.#buffer.length) return false;
    this.count = this.#buffer.readDoubleLE(this.#at + 4);
    this.word = this.#buffer.toString('utf16le', this.#at + HEAD, end);
    this.#at = end;
    return true;
  }

  /** Reads on until a record is whole. */
  async refill(): Promise<void> {
    await guarded(this.path, async () => {
      for (;;) {
        const rest = this.#buffer.subarray(this.#at);
        const more = Buffer.allocUnsafe(Math.max(BUFFER, rest.length));
        const { bytesRead } = await this.file.read(more, 0, more.length, null);
        this.#buffer = Buffer.concat([rest, more.subarray(0, bytesRead)]);
        this.#at = 0;
        if (this.next()) return;
        if (bytesRead > 0) continue;
        this.word = undefined;
        return;
      }
    });
  }

  close(): Promise<void> {
    return this.file.close();
  }
}

async function guarded<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    throw fileError(path, 'temporary files can be written and read', cause);
  }
}
