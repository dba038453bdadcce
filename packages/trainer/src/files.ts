import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { fileError, systemCode } from './errors.js';

/** Where a file or folder is written before it is complete; the name says whose it was, should the process die. */
const temporaryName = (target: string): string =>
  path.join(
    path.dirname(target),
    `.${path.basename(target)}.${process.pid}-${randomBytes(4).toString('hex')}.tmp`,
  );

/** True for names that {@link writeFileAtomic}, {@link writeFolderAtomic} and their like give to unfinished work. */
export const isTemporaryName = (name: string): boolean =>
  /^\..+\.(\d+-[0-9a-f]{8}|[0-9a-f]{8}-[0-9a-f-]{27})\.tmp$/.test(name);

/**
 * Makes a rename in a folder survive a power cut. Windows cannot open folders, and needs no such call.
 *
 * @throws TrainerError E_IO when the folder cannot be opened.
 */
export async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return;
  let handle: FileHandle | undefined;
  try {
    handle = await open(folder, constants.O_RDONLY);
    await handle.sync();
  } catch (error) {
    // Some network file systems refuse to sync a folder; the rename itself is still atomic there.
    if (systemCode(error) !== 'EINVAL') throw fileError(error, folder);
  } finally {
    await handle?.close();
  }
}

/** Something that takes bytes in order. */
export interface ByteSink {
  write(bytes: Uint8Array): Promise<void>;
  /** Overwrites bytes that were already written, such as a header that counts what follows. */
  writeAt(bytes: Uint8Array, position: number): Promise<void>;
}

/**
 * Writes a file so that it is either there in full or not at all: a temporary file beside it, fsync, rename, fsync
 * of the folder. A previous file of that name stays valid until the rename.
 *
 * @param fill writes the bytes; when it throws, the temporary file is removed and the error goes on.
 * @throws TrainerError E_NO_SPACE, E_IO.
 * @example
 * await writeFileAtomic('runs/a/notes.txt', 'all of it or nothing');
 * await writeFileAtomic('runs/a/big.bin', async (sink) => sink.write(new Uint8Array(1 << 20)));
 */
export async function writeFileAtomic(
  target: string,
  fill: string | Uint8Array | ((sink: ByteSink) => Promise<void>),
): Promise<void> {
  const temporary = temporaryName(target);
  try {
    const handle = await open(temporary, 'wx');
    try {
      const all = async (bytes: Uint8Array, position: number | null) => {
        for (let done = 0; done < bytes.length; ) {
          const at = position === null ? null : position + done;
          done += (await handle.write(bytes, done, bytes.length - done, at)).bytesWritten;
        }
      };
      if (typeof fill === 'function') await fill({ write: (b) => all(b, null), writeAt: all });
      else await all(typeof fill === 'string' ? new TextEncoder().encode(fill) : fill, null);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, target);
  } catch (error) {
    await rm(temporary, { force: true });
    if (systemCode(error) === undefined) throw error;
    throw fileError(error, target, 'the previous version is intact');
  }
  await syncFolder(path.dirname(target));
}

/**
 * Writes a folder of files so that it appears in full or not at all. `target` must not exist yet.
 *
 * @param fill is given the temporary folder; files written into it with {@link writeFileAtomic} are synced already.
 * @throws TrainerError E_NO_SPACE, E_IO.
 * @example
 * await writeFolderAtomic('runs/a/step-10', (folder) => writeFileAtomic(`${folder}/state.json`, '{}'));
 */
export async function writeFolderAtomic(
  target: string,
  fill: (folder: string) => Promise<void>,
  kept?: string,
): Promise<void> {
  const temporary = temporaryName(target);
  try {
    await mkdir(temporary, { recursive: true });
    await fill(temporary);
    await syncFolder(temporary);
    await rename(temporary, target);
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    if (systemCode(error) === undefined) throw error;
    throw fileError((error as { cause?: unknown }).cause ?? error, target, kept);
  }
  await syncFolder(path.dirname(target));
}

/**
 * Removes what a killed process left half written in a folder. Call it while holding the folder's lock.
 *
 * @example
 * await removeTemporaries('runs/a');
 */
export async function removeTemporaries(folder: string): Promise<void> {
  for (const name of await readdir(folder))
    if (isTemporaryName(name)) await rm(path.join(folder, name), { recursive: true, force: true });
}
