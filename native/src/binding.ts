import type {
  BpeEncoder,
  BpeEncoderOptions,
  ByteDecoder,
  ByteDecoderOptions,
  CountedWords,
  MergeLearner,
  MergeLearnerOptions,
  UnigramEncoder,
  UnigramEncoderOptions,
  WordCounter,
  WordCounterOptions,
  WordLattices,
  WordPieceEncoder,
  WordPieceEncoderOptions,
} from './tokenizer.js';

/** One kernel as the addon describes it: its attribute layout is `i:name;` or `d:name;` for each attribute in order. */
export interface KernelDescription {
  readonly name: string;
  readonly layout: string;
  /** False where the opened library has no code for it. */
  readonly supported: boolean;
}

/** Byte counts of one device's allocator. */
export interface AllocatorStatistics {
  /** Bytes in storages that are alive. */
  live: number;
  /** The most `live` has been since the last reset. */
  peak: number;
  /** Bytes kept for reuse. */
  pooled: number;
  /** How many storages are alive. */
  storages: number;
}

/** Device numbers of the addon. */
export const DEVICE_NUMBERS = { cpu: 0, cuda: 1 } as const;

/** What {@link NativeAddon.launch} answers. */
export const Status = { OK: 0, UNSUPPORTED: 1, OOM: 2, BAD_INDEX: 3, INTERNAL: 4 } as const;

/** The addon's functions. Misuse throws a TypeError or RangeError; it never touches memory it does not own. */
export interface NativeAddon {
  /** Opens a kernel library for a device. Returns '' or why it could not. */
  open(device: number, path: string): string;
  /** How good a library would be on this machine; score 0 means it cannot run. */
  probe(path: string): { score: number; isa: string; error: string };
  /** Every kernel, by id. */
  kernels(device: number): KernelDescription[];
  setThreads(threads: number): void;
  /** Returns a storage handle, or -1 when memory ran out. */
  allocate(device: number, bytes: number): number;
  /** Tells the garbage collector of bytes it cannot see, held by objects that it may collect. Returns all it knows of. */
  adjustExternalMemory(change: number): number;
  /** Frees a storage; false when the handle was not alive. */
  release(handle: number): boolean;
  /** Copies a typed array into a storage, from a byte offset. Returns a status. */
  write(handle: number, byteOffset: number, source: ArrayBufferView): number;
  /** Fills a typed array from a storage. Returns a status. */
  read(handle: number, byteOffset: number, target: ArrayBufferView): number;
  /** Runs the command that was written to the command buffer. Returns a status. */
  launch(): number;
  commandBuffer(): ArrayBuffer;
  memory(device: number): AllocatorStatistics;
  /** Caps live plus pooled bytes; allocations beyond it fail. */
  setMemoryLimit(device: number, bytes: number): void;
  resetPeak(device: number): void;
  /** Gives pooled memory back to the operating system. */
  trim(device: number): void;
  /** Puts sentinels around storages allocated from now on (for tests). */
  setGuards(device: number, on: boolean): void;
  /** How many sentinels were ever found overwritten. */
  brokenGuards(): number;
  /** Maps a file; writes to the buffer stay private to this process. The file must not shrink while mapped. */
  mapFile(path: string): ArrayBuffer;
  /** Throws a TypeError on options of the wrong kind, or ids out of range. */
  BpeEncoder: new (
    options: BpeEncoderOptions,
  ) => BpeEncoder;
  ByteDecoder: new (options: ByteDecoderOptions) => ByteDecoder;
  WordCounter: new (options: WordCounterOptions) => WordCounter;
  MergeLearner: new (words: CountedWords, options: MergeLearnerOptions) => MergeLearner;
  WordLattices: new (words: CountedWords) => WordLattices;
  UnigramEncoder: new (options: UnigramEncoderOptions) => UnigramEncoder;
  WordPieceEncoder: new (options: WordPieceEncoderOptions) => WordPieceEncoder;
}
