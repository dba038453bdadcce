export { listCheckpoints, readState, type TrainerState } from './checkpoint.js';
export {
  checkTrainerConfig,
  parseStrict,
  parseTrainerConfig,
  type TrainerConfig,
  type TrainerConfigInput,
  trainerSchema,
  unwrap,
} from './config.js';
export { TrainerError, type TrainerErrorCode } from './errors.js';
export { type ByteSink, removeTemporaries, writeFileAtomic, writeFolderAtomic } from './files.js';
export { lockRun, type RunLock } from './lock.js';
export {
  type MetricsRecord,
  readMetrics,
  type SampleRecord,
  type StepRecord,
  type ValidationRecord,
} from './metrics-log.js';
export { modelTensors, type TrainableModel } from './model.js';
export { AdamW, type AdamWSettings } from './optimizer.js';
export { type ReportOptions, type ReportTable, renderReport, writeReport } from './report/report.js';
export { learningRate, type ScheduleOptions } from './schedule.js';
export { shuffle } from './shuffle.js';
export { formatCount, formatDuration, trainingFlopsPerToken } from './throughput.js';
export {
  TokenFile,
  type TokenFileInfo,
  type TokenSink,
  type TokenSource,
  tokensInMemory,
  writeTokenFile,
} from './token-file.js';
export { train } from './train.js';
export type {
  BatchInfo,
  TrainEvent,
  TrainingData,
  TrainOptions,
  TrainResult,
  ValidationData,
} from './train-options.js';
export { type TokenWindows, WindowSampler } from './windows.js';
