export { GPTAttention } from './attention.js';
export {
  formatGPTConfig,
  type GPTConfig,
  type GPTConfigInput,
  gptConfig,
  type ParsedConfig,
  parseGPTConfig,
  readGPTConfig,
} from './config.js';
export { TransformerError, type TransformerErrorCode } from './errors.js';
export { type GeneratedToken, generate, stream } from './generate.js';
export { GPT, GPTBlock, GPTBody, GPTMlp, type LossOptions } from './gpt.js';
export { KVCache, type KVCacheOptions } from './kvCache.js';
export { exportWeights, type FromPretrainedOptions, fromPretrained, savePretrained } from './pretrained.js';
export type { FinishReason, GenerateOptions, Generation } from './request.js';
export { Checkpoint, type SaveCheckpointOptions, saveCheckpoint } from './safetensors/checkpoint.js';
export type { TensorInfo } from './safetensors/header.js';
export { type ReadTensorOptions, SafetensorsFile } from './safetensors/reader.js';
export { type WriteOptions, writeSafetensors } from './safetensors/writer.js';
export { generateSamples, type SamplesOptions } from './samples.js';
export {
  applyMinP,
  applyRepetitionPenalty,
  applyTemperature,
  applyTopK,
  applyTopP,
  chooseToken,
  greedyToken,
  type SamplingOptions,
  sampleToken,
} from './sampling.js';
export { StopStrings } from './stopStrings.js';
