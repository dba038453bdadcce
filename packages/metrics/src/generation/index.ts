export * from './bleu.js';
export * from './chrf.js';
export * from './cider.js';
export * from './diversity.js';
export { lcsLength } from './lcs.js';
export * from './meteor.js';
export {
  corpusRouge,
  Rouge,
  type RougeOptions,
  type RougeResult,
  type RougeScore,
  type RougeType,
} from './rouge.js';
export * from './self-bleu.js';
export { corpusTer, Ter, type TerOptions, type TerResult } from './ter.js';
export * from './word-error.js';
