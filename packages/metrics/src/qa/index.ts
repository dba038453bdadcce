export * from './cmrc.js';
export {
  type AnswerResult,
  type AnswerSample,
  type AnswerScores,
  type BestThreshold,
  normalizeAnswer,
  Squad,
  Squad2,
  type Squad2Result,
} from './squad.js';
