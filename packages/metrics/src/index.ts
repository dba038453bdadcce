export * from './classification/index.js';
export { MetricError, type MetricErrorCode } from './errors.js';
export * from './exact-sum.js';
export * from './generation/index.js';
export * from './harness/index.js';
export * from './human/index.js';
export * from './lm/index.js';
export {
  AdditiveMetric,
  type AdditiveOptions,
  Mean,
  type Metric,
  type Resamplable,
  type Scored,
} from './metric.js';
export * from './multimodal/index.js';
export * from './qa/index.js';
export { Pcg64 } from './random.js';
export * from './safety/index.js';
export * from './statistics/index.js';
export { NgramIndex, type Overlap } from './text/ngram-index.js';
export { porterStem } from './text/porter.js';
export { pairTexts, type TextSample } from './text/sample.js';
export { segmenterTokenizer, type Tokenizer, type TokenizerName, tokenizer } from './text/tokenizers.js';
export { unicodeWords } from './text/unicode-words.js';
