import { constants } from 'node:fs';
import { copyFile, link, mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { hostname } from 'node:os';
import path from 'node:path';
import { fileError, systemCode, TrainerError } from './errors.js';

interface Holder {
  pid: number;
  host: string;
  since: string;
  /** When the process began, in the kernel's clock ticks: a number given to another process later is told apart. */
  started: string | null;
}

/** A run folder held by this process. */
export interface RunLock {
  /** Gives the folder back; safe to call twice. */
  release(): Promise<void>;
}

const NO_LINKS = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS']);

/** Field 22 of /proc/<pid>/stat, counted after the name, which may itself hold spaces and brackets; Linux only. */
async function startOf(pid: number): Promise<string | null> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? null;
  } catch {
    return null;
  }
}

async function alive({ pid, started }: Holder): Promise<boolean> {
  if (started !== null && (await startOf(pid)) !== started) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM means that it lives but belongs to someone else.
    return systemCode(error) === 'EPERM';
  }
}

async function holderOf(file: string): Promise<Holder | null> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return null;
    throw fileError(error, file);
  }
  try {
    const value = JSON.parse(text) as Partial<Holder>;
    if (typeof value.pid === 'number' && typeof value.host === 'string')
      return {
        pid: value.pid,
        host: value.host,
        since: String(value.since),
        started: typeof value.started === 'string' ? value.started : null,
      };
  } catch {
    // Not JSON: fall through to the error below.
  }
  throw new TrainerError(
    'E_LOCKED',
    file,
    'a lock must name its process',
    JSON.stringify(text.slice(0, 80)),
    'if no run uses the folder, delete this file',
  );
}

/** Moves a dead lock aside, and puts it back if another process took the folder over in the meantime. */
async function removeStale(file: string, draft: string, stale: Holder): Promise<void> {
  const aside = `${draft}.stale`;
  try {
    await rename(file, aside);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return;
    throw fileError(error, file);
  }
  const found = await holderOf(aside);
  if (found && (found.pid !== stale.pid || found.since !== stale.since))
    await link(aside, file).catch(() => {});
  await rm(aside, { force: true });
}

/**
 * Holds a run folder for this process, so that two runs cannot write into it at once. The lock of a process that is
 * no longer alive on this host is taken over.
 *
 * @param folder is made if it is missing.
 * @throws TrainerError E_LOCKED when a live process, or a process on another host, holds it.
 * @example
 * const lock = await lockRun('runs/a');
 * try { ... } finally { await lock.release(); }
 */
export async function lockRun(folder: string): Promise<RunLock> {
  const file = path.join(folder, '.lock');
  const mine: Holder = {
    pid: process.pid,
    host: hostname(),
    since: new Date().toISOString(),
    started: await startOf(process.pid),
  };
  const draft = path.join(folder, `.lock-${process.pid}-${Math.random().toString(36).slice(2)}`);
  try {
    await mkdir(folder, { recursive: true });
    const handle = await open(draft, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL);
    await handle.writeFile(JSON.stringify(mine));
    await handle.close();
  } catch (error) {
    throw fileError(error, folder);
  }
  try {
    for (let attempt = 0; attempt < 3; attempt++) {
      try {
        // A link appears with its content, so nobody ever reads an empty lock, and it fails where one exists.
        await link(draft, file).catch((error: unknown) => {
          // File systems without hard links, such as exFAT and some network shares, still create exclusively.
          if (!NO_LINKS.has(systemCode(error) ?? '')) throw error;
          return copyFile(draft, file, constants.COPYFILE_EXCL);
        });
        let held = true;
        return {
          release: async () => {
            if (held) await rm(file, { force: true });
            held = false;
          },
        };
      } catch (error) {
        if (systemCode(error) !== 'EEXIST') throw fileError(error, file);
      }
      const holder = await holderOf(file);
      if (!holder) continue;
      if (holder.host !== mine.host || (await alive(holder)))
        throw new TrainerError(
          'E_LOCKED',
          folder,
          'only one run may use a folder at a time',
          `process ${holder.pid} on ${holder.host}, there since ${holder.since}`,
          holder.host === mine.host
            ? 'stop that run, or choose another folder with --out'
            : `stop that run or choose another folder with --out; if it is surely gone, delete ${file}`,
        );
      await removeStale(file, draft, holder);
    }
    throw new TrainerError(
      'E_LOCKED',
      folder,
      'only one run may use a folder at a time',
      'a race for its lock',
      'try again',
    );
  } finally {
    await rm(draft, { force: true });
  }
}
