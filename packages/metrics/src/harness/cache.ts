import { createHash } from 'node:crypto';
import { appendFile, mkdir, readFile, truncate } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * Answers a model has given, kept in an append-only JSONL file.
 *
 * Every batch is on disk before the next is asked for, so a killed run loses one batch at most; a half-written last line
 * is cut off when the file is opened again. The key is a SHA-256 of model name, kind and request.
 */
export class RequestCache {
  private readonly answers = new Map<string, unknown>();

  private constructor(private readonly path: string | undefined) {}

  /** @param path The file, made when absent; without it the cache lives in memory. */
  static async open(path?: string): Promise<RequestCache> {
    const cache = new RequestCache(path);
    if (path === undefined) return cache;
    await mkdir(dirname(path), { recursive: true });
    let content: Buffer;
    try {
      content = await readFile(path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return cache;
      throw error;
    }
    let good = 0;
    for (let start = 0; start < content.length; ) {
      const end = content.indexOf(10, start);
      if (end < 0) break;
      try {
        const { key, answer } = JSON.parse(content.toString('utf8', start, end)) as {
          key: string;
          answer: unknown;
        };
        cache.answers.set(key, answer);
      } catch {
        // A torn line can only be the last one of a killed run; whatever follows it is not to be trusted.
        break;
      }
      start = end + 1;
      good = start;
    }
    if (good < content.length) await truncate(path, good);
    return cache;
  }

  /** The key of a request. */
  static key(model: string, kind: string, request: unknown): string {
    return createHash('sha256')
      .update(JSON.stringify([model, kind, request]))
      .digest('hex');
  }

  /** A kept answer, or undefined. */
  get(key: string): unknown {
    return this.answers.get(key);
  }

  /** Keeps a batch of answers; resolves when they are on disk. */
  async put(entries: readonly (readonly [key: string, answer: unknown])[]): Promise<void> {
    for (const [key, answer] of entries) this.answers.set(key, answer);
    if (this.path === undefined || entries.length === 0) return;
    await appendFile(
      this.path,
      entries.map(([key, answer]) => `${JSON.stringify({ key, answer })}\n`).join(''),
    );
  }
}
