/** What encoding and training by the addon share. */
import { defaultThreads } from '@inkstone/native';
import { unspellInto } from './byte-alphabet.js';
import { TokenizerError } from './errors.js';
import { chainOf } from './pre-tokenizers/chain-cutter.js';
import { deepSeekClasses } from './pre-tokenizers/deepseek-cutter.js';
import { type Scan, scanOf } from './pre-tokenizers/known-patterns.js';
import { kimiClasses, wordClasses } from './pre-tokenizers/o200k-cutter.js';
import { type Cutter, cutNothing } from './pre-tokenizers/pre-tokenizer.js';
import { isRun, type RunTable, runTable } from './pre-tokenizers/run-cutter.js';

/** How long training may keep the event loop waiting, in milliseconds. */
export const SLICE = 50;

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

const PATTERNS = {
  whole: 0,
  gpt2: 1,
  cl100k: 2,
  o200k: 3,
  words: 4,
  marks: 5,
  deepseek: 6,
  kimi: 7,
  clip: 8,
} as const;

/** How the addon is to cut: as a cutter does, not at all, before each run of `▁`, or before each `▁`. */
export function scannerOptions(scan: Scan | 'whole' | 'words' | 'marks') {
  const unused = { digits: 3, wholeTail: false, contractions: true };
  const { pattern, options } = typeof scan === 'string' ? { pattern: scan, options: unused } : scan;
  // The mark is known by itself.
  const classes =
    pattern === 'marks'
      ? new Uint8Array(0x110000)
      : pattern === 'deepseek'
        ? deepSeekClasses()
        : pattern === 'kimi'
          ? kimiClasses()
          : wordClasses();
  return { pattern: PATTERNS[pattern], ...options, classes };
}

/** The most runs that the addon cuts by, one after the other. */
const MOST_RUNS = 8;

/**
 * How the addon is to cut as a cutter does: by runs one after the other, and what is left by a pattern; undefined where it
 * cannot.
 */
export function chainOptions(cut: Cutter) {
  const links = chainOf(cut) ?? [cut];
  const last = links.at(-1)!;
  const pattern = isRun(last) ? cutNothing : last;
  const runs = pattern === last ? links.slice(0, -1) : links;
  const scan = scanOf(pattern);
  if (!scan || runs.length > MOST_RUNS || !runs.every(isRun)) return undefined;
  return () => ({
    ...scannerOptions(scan),
    ...(runs.length > 0 ? runOptions(runs.map((run) => runTable(run)!)) : {}),
  });
}

function runOptions(runs: readonly RunTable[]): { runs: Uint16Array; most: Int32Array } {
  const all = new Uint16Array(0x110000);
  runs.forEach(({ classes }, i) => {
    for (let point = 0; point < all.length; point++) all[point]! |= classes[point]! << (2 * i);
  });
  return { runs: all, most: Int32Array.from(runs, ({ most }) => Math.min(most, 0x7fffffff)) };
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

/** The same of tokens spelled in the byte alphabet, without an array for each. */
export function spelledBytes(tokens: readonly (string | undefined)[]): {
  bytes: Uint8Array;
  starts: Uint32Array;
} {
  const starts = new Uint32Array(tokens.length + 1);
  const bytes = new Uint8Array(tokens.reduce((sum, token) => sum + (token?.length ?? 0), 0));
  tokens.forEach((token = '', id) => {
    const at = starts[id]!;
    starts[id + 1] = at + (unspellInto(token, bytes, at) ? token.length : 0);
  });
  return { bytes: bytes.subarray(0, starts.at(-1)), starts };
}
