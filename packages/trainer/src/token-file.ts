import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { mapFile } from '@inkstone/tensor-core';
import { fileError, TrainerError } from './errors.js';
import { writeFileAtomic } from './files.js';

/*
 * A token file: a header of 64 bytes, then the ids, all little-endian.
 *
 *   0  8 bytes  'INKTOKEN'
 *   8  u32      version, 1
 *  12  u32      bytes per id, 2 or 4
 *  16  u64      number of ids
 *  24  u64      bytes of the text they were made from
 *  32  u32      vocabulary size: every id is below it
 *  36  28 bytes zero
 */
const MAGIC = 'INKTOKEN';
const VERSION = 1;
const HEADER = 64;
// Typed arrays see the machine's byte order, and every platform that Node runs on today but s390x is little-endian.
const littleEndian = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

/** What a token file says of itself. */
export interface TokenFileInfo {
  /** Number of ids. */
  readonly length: number;
  /** Every id is below it. */
  readonly vocabSize: number;
  /** UTF-8 bytes of the text, 0 when unknown. */
  readonly textBytes: number;
}

/** Takes token ids in order; see {@link writeTokenFile}. */
export interface TokenSink {
  /**
   * @param ids each a whole number with `0 <= id < vocabSize`.
   * @param textBytes UTF-8 bytes of the text behind these ids.
   */
  write(ids: ArrayLike<number>, textBytes?: number): Promise<void>;
}

/**
 * Writes a token file as a stream, atomically: it appears once it is complete. Ids take two bytes each while the
 * vocabulary allows, else four.
 *
 * @returns what was written.
 * @throws TrainerError E_CONFIG for an id out of range, E_NO_SPACE, E_IO; then no file is left.
 * @example
 * await writeTokenFile('train.tokens', { vocabSize: 4096 }, async (sink) => {
 *   for (const text of texts) await sink.write(tokenizer.encode(text), Buffer.byteLength(text));
 * });
 */
export async function writeTokenFile(
  path: string,
  { vocabSize }: { vocabSize: number },
  fill: (sink: TokenSink) => Promise<void>,
): Promise<TokenFileInfo> {
  if (!Number.isSafeInteger(vocabSize) || vocabSize < 1 || vocabSize > 2 ** 31)
    throw new TrainerError('E_CONFIG', path, 'vocabSize must be in 1..2^31', `${vocabSize}`, 'correct it');
  const width = vocabSize <= 65_536 ? 2 : 4;
  let length = 0;
  let textBytes = 0;
  await writeFileAtomic(path, async (file) => {
    await file.write(new Uint8Array(HEADER));
    await fill({
      write: async (ids, bytes = 0) => {
        const packed = new DataView(new ArrayBuffer(ids.length * width));
        for (let i = 0; i < ids.length; i++) {
          const id = ids[i]!;
          if (!Number.isInteger(id) || id < 0 || id >= vocabSize)
            throw new TrainerError(
              'E_CONFIG',
              path,
              `every id must be a whole number in 0..${vocabSize - 1}`,
              `${id} as id ${length + i}`,
              'encode with the tokenizer whose vocabulary size was given',
            );
          if (width === 2) packed.setUint16(i * 2, id, true);
          else packed.setUint32(i * 4, id, true);
        }
        await file.write(new Uint8Array(packed.buffer));
        length += ids.length;
        textBytes += bytes;
      },
    });
    const header = new DataView(new ArrayBuffer(HEADER));
    for (let i = 0; i < MAGIC.length; i++) header.setUint8(i, MAGIC.charCodeAt(i));
    header.setUint32(8, VERSION, true);
    header.setUint32(12, width, true);
    header.setBigUint64(16, BigInt(length), true);
    header.setBigUint64(24, BigInt(textBytes), true);
    header.setUint32(32, vocabSize, true);
    await file.writeAt(new Uint8Array(header.buffer), 0);
  });
  return { length, vocabSize, textBytes };
}

/** Anything that windows of tokens can be read from. */
export interface TokenSource extends TokenFileInfo {
  /**
   * Copies ids into `target`.
   *
   * @param start first id, `0 <= start <= length - target.length`.
   */
  read(start: number, target: Int32Array): void;
}

/**
 * An open token file, mapped into memory: the operating system pages in what is read, never the whole file. Where there
 * is no native addon to map it, ids are read by position.
 *
 * @example
 * using file = TokenFile.open('train.tokens');
 * const window = new Int32Array(257);
 * file.read(0, window);
 */
export class TokenFile implements TokenSource {
  private constructor(
    readonly path: string,
    readonly length: number,
    readonly vocabSize: number,
    readonly textBytes: number,
    private readonly width: number,
    private descriptor: number | null,
    private mapped: Uint16Array | Int32Array | null,
  ) {}

  /** @throws TrainerError E_IO, or E_FORMAT for a file that is no token file or was cut short. */
  static open(path: string): TokenFile {
    let descriptor: number;
    try {
      descriptor = openSync(path, 'r');
    } catch (error) {
      throw fileError(error, path);
    }
    try {
      const wrong = (rule: string, received: string) =>
        new TrainerError(
          'E_FORMAT',
          path,
          rule,
          received,
          'make it again with writeTokenFile or `inkstone train`',
        );
      const header = new DataView(new ArrayBuffer(HEADER));
      const size = fstatSync(descriptor).size;
      const magic = () => String.fromCharCode(...new Uint8Array(header.buffer, 0, 8));
      if (size < HEADER || readSync(descriptor, header, 0, HEADER, 0) < HEADER || magic() !== MAGIC)
        throw wrong(
          `a token file must begin with '${MAGIC}'`,
          size < HEADER ? `${size} bytes` : JSON.stringify(magic()),
        );
      const version = header.getUint32(8, true);
      if (version !== VERSION) throw wrong(`its version must be ${VERSION}`, `${version}`);
      const width = header.getUint32(12, true);
      if (width !== 2 && width !== 4) throw wrong('its ids must have 2 or 4 bytes', `${width}`);
      const length = header.getBigUint64(16, true);
      if (BigInt(size) !== BigInt(HEADER) + length * BigInt(width))
        throw wrong(
          `it must have ${BigInt(HEADER) + length * BigInt(width)} bytes for ${length} ids`,
          `${size} bytes`,
        );
      const vocabSize = header.getUint32(32, true);
      return new TokenFile(
        path,
        Number(length),
        vocabSize,
        Number(header.getBigUint64(24, true)),
        width,
        descriptor,
        mapIds(path, width),
      );
    } catch (error) {
      closeSync(descriptor);
      throw error instanceof TrainerError ? error : fileError(error, path);
    }
  }

  read(start: number, target: Int32Array): void {
    if (this.descriptor === null)
      throw new TrainerError(
        'E_IO',
        this.path,
        'the token file must be open',
        'a closed one',
        'open it again',
      );
    if (!Number.isSafeInteger(start) || start < 0 || start + target.length > this.length)
      throw new TrainerError(
        'E_CONFIG',
        this.path,
        `ids must be read within 0..${this.length}`,
        `${target.length} from ${start}`,
        'read fewer',
      );
    if (this.mapped) {
      // A page past the end of a file that was cut short ends the process when touched, so the size is asked first.
      if (fstatSync(this.descriptor).size < HEADER + this.length * this.width) throw this.shrunk();
      target.set(this.mapped.subarray(start, start + target.length));
    } else this.readByPosition(this.descriptor, start, target);
  }

  private readByPosition(descriptor: number, start: number, target: Int32Array): void {
    const bytes = new Uint8Array(target.length * this.width);
    for (let done = 0; done < bytes.length; ) {
      const at = HEADER + start * this.width + done;
      const got = readSync(descriptor, bytes, done, bytes.length - done, at);
      if (got === 0) throw this.shrunk();
      done += got;
    }
    const view = new DataView(bytes.buffer);
    for (let i = 0; i < target.length; i++)
      target[i] = this.width === 2 ? view.getUint16(i * 2, true) : view.getInt32(i * 4, true);
  }

  private shrunk(): TrainerError {
    return new TrainerError(
      'E_FORMAT',
      this.path,
      'the file must not shrink while in use',
      'its end',
      'restore it',
    );
  }

  close(): void {
    if (this.descriptor !== null) closeSync(this.descriptor);
    this.descriptor = null;
    this.mapped = null;
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

// The ids of a mapped file as a typed array, or null where they cannot be seen so.
function mapIds(path: string, width: 2 | 4): Uint16Array | Int32Array | null {
  const buffer = littleEndian ? mapFile(path) : null;
  if (!buffer) return null;
  return width === 2 ? new Uint16Array(buffer, HEADER) : new Int32Array(buffer, HEADER);
}

/**
 * Tokens that are in memory already.
 *
 * @example
 * const source = tokensInMemory(Int32Array.of(1, 2, 3, 1, 2, 3), 4);
 */
export function tokensInMemory(ids: Int32Array, vocabSize: number, textBytes = 0): TokenSource {
  return {
    length: ids.length,
    vocabSize,
    textBytes,
    read: (start, target) => target.set(ids.subarray(start, start + target.length)),
  };
}
