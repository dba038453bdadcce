import { randomBytes } from 'node:crypto';
import { type FileHandle, open, readFile, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { describe, fileError, TransformerError } from './errors.js';
import { parseJson } from './json.js';

/** A file under a temporary name that becomes its target in one rename, or vanishes. */
export class PendingFile {
  private constructor(
    readonly target: string,
    private readonly temporary: string,
    private readonly handle: FileHandle,
  ) {}

  /** Opens a temporary file beside `target`. */
  static async create(target: string): Promise<PendingFile> {
    const name = `.${path.basename(target)}.${process.pid}-${randomBytes(4).toString('hex')}.tmp`;
    const temporary = path.join(path.dirname(target), name);
    try {
      return new PendingFile(target, temporary, await open(temporary, 'wx'));
    } catch (error) {
      throw fileError(error, target);
    }
  }

  /** Appends bytes, all of them. */
  async write(bytes: Uint8Array): Promise<void> {
    try {
      for (let done = 0; done < bytes.length; )
        done += (await this.handle.write(bytes, done, bytes.length - done)).bytesWritten;
    } catch (error) {
      throw fileError(error, this.target);
    }
  }

  /** Puts what was written on the disk and closes the file; the target is still as it was. */
  async finish(): Promise<void> {
    try {
      await this.handle.sync();
      await this.handle.close();
    } catch (error) {
      throw fileError(error, this.target);
    }
  }

  /** Makes it the target, which is replaced in one step. */
  async commit(): Promise<void> {
    try {
      await rename(this.temporary, this.target);
      await syncFolder(path.dirname(this.target));
    } catch (error) {
      throw fileError(error, this.target);
    }
  }

  /** Removes what was written. */
  async discard(): Promise<void> {
    await this.handle.close().catch(() => undefined);
    await rm(this.temporary, { force: true });
  }
}

// Makes a rename survive a power cut. Windows cannot open folders, and needs no such call.
async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } catch (error) {
    // Some network file systems refuse to sync a folder; the rename itself is still atomic there.
    if ((error as { code?: string }).code !== 'EINVAL') throw error;
  } finally {
    await handle.close();
  }
}

/** Writes a file that is there in full or not at all: temporary file, fsync, rename, fsync of the folder. */
export async function writeFileAtomic(target: string, text: string): Promise<void> {
  const file = await PendingFile.create(target);
  try {
    await file.write(new TextEncoder().encode(text));
    await file.finish();
    await file.commit();
  } catch (error) {
    await file.discard();
    throw error;
  }
}

// A config or an index is kilobytes; this is what keeps a wrong path from filling the memory.
const MAX_JSON_BYTES = 100_000_000;

/**
 * Reads a file that holds one JSON object.
 * @throws TransformerError E_IO, or E_FORMAT when it is something else
 */
export async function readJsonObject(file: string): Promise<Record<string, unknown>> {
  let text: string;
  try {
    const handle = await open(file, 'r');
    try {
      const { size } = await handle.stat();
      if (size > MAX_JSON_BYTES)
        throw new TransformerError(
          'E_FORMAT',
          file,
          `a JSON file must have at most ${MAX_JSON_BYTES} bytes`,
          `${size}`,
          'check the path',
        );
      text = await readFile(handle, 'utf8');
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw fileError(error, file);
  }
  const value = parseJson(file, text);
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new TransformerError(
      'E_FORMAT',
      file,
      'must hold one JSON object',
      describe(value),
      'check that it is the right file',
    );
  return value as Record<string, unknown>;
}
