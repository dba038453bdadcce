export * from './perplexity.js';
export {
  type RollingOptions,
  rollingLogLikelihood,
  rollingWindows,
  splitContext,
  type TokenRequest,
} from './rolling.js';
