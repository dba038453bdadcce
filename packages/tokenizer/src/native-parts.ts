/** What encoding and training by the addon share. */
import { defaultThreads } from '@inkstone/native';
import { TokenizerError } from './errors.js';
import type { Scan } from './pre-tokenizers/known-patterns.js';
import { wordClasses } from './pre-tokenizers/o200k-cutter.js';

/** Options of `useNative` and `nativeTrainer`. */
export interface NativeOptions {
  /**
   * Threads that batches and counting use, the caller included: 1 is the calling thread alone. The default,
   * `INKSTONE_THREADS` or the number of usable cores, is shared with the kernels of @inkstone/native.
   */
  threads?: number;
}

/** @throws {TokenizerError} E_OPTION on a number of threads out of range. */
export function threadsOf(options: NativeOptions): number {
  const threads = options.threads ?? defaultThreads();
  if (Number.isInteger(threads) && threads >= 1 && threads <= 1024) return threads;
  throw new TokenizerError('E_OPTION', 'threads', {
    rule: 'must be an integer from 1 to 1024',
    received: String(threads),
    fix: 'leave it out for the number of cores',
  });
}

const PATTERNS = { whole: 0, gpt2: 1, cl100k: 2, o200k: 3, words: 4, marks: 5 } as const;

/** How the addon is to cut: as a cutter does, not at all, before each run of `▁`, or before each `▁`. */
export function scannerOptions(scan: Scan | 'whole' | 'words' | 'marks') {
  const { pattern, cl100k } =
    typeof scan === 'string' ? { pattern: scan, cl100k: { digits: 3, wholeTail: false } } : scan;
  return { pattern: PATTERNS[pattern], ...cl100k, classes: wordClasses() };
}

/** The bytes of tokens one after the other; none for an id that has no token, or one that spells no bytes. */
export function tokenBytes(spelled: readonly (Uint8Array | undefined)[]): {
  bytes: Uint8Array;
  starts: Uint32Array;
} {
  const starts = new Uint32Array(spelled.length + 1);
  spelled.forEach((token, id) => {
    starts[id + 1] = starts[id]! + (token?.length ?? 0);
  });
  const bytes = new Uint8Array(starts.at(-1)!);
  spelled.forEach((token, id) => {
    if (token) bytes.set(token, starts[id]!);
  });
  return { bytes, starts };
}
