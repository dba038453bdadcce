/**
 * The C++ addon behind @inkstone/tensor-core: kernels per instruction set, storage with a caching allocator, and a
 * loader. Most people want the tensors of @inkstone/tensor-core instead.
 */
export {
  type AllocatorStatistics,
  DEVICE_NUMBERS,
  type KernelDescription,
  type NativeAddon,
  Status,
} from './binding.js';
export {
  defaultThreads,
  type LoadOptions,
  loadAddon,
  loadNative,
  type Native,
  NativeLoadError,
  prebuiltPackage,
} from './load.js';
export type {
  BpeEncoder,
  BpeEncoderOptions,
  ByteDecoder,
  ByteDecoderOptions,
  CountedWords,
  EncodedTexts,
  EncodedWave,
  MergeLearner,
  MergeLearnerOptions,
  ScannerOptions,
  TextRules,
  TokenBytes,
  UnigramEncoder,
  UnigramEncoderOptions,
  WordCounter,
  WordCounterOptions,
  WordLattices,
  WordPieceEncoder,
  WordPieceEncoderOptions,
} from './tokenizer.js';
