export { TransformerError, type TransformerErrorCode } from './errors.js';
export { Checkpoint, type SaveCheckpointOptions, saveCheckpoint } from './safetensors/checkpoint.js';
export type { TensorInfo } from './safetensors/header.js';
export { type ReadTensorOptions, SafetensorsFile } from './safetensors/reader.js';
export { type WriteOptions, writeSafetensors } from './safetensors/writer.js';
