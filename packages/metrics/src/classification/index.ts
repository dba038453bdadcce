export * from './confusion.js';
export {
  Brier,
  CalibrationError,
  type CalibrationResult,
  LogLoss,
  type ProbabilitySample,
  type ReliabilityBin,
  type ScoreSample,
  TopKAccuracy,
} from './probabilities.js';
export * from './ranking.js';
