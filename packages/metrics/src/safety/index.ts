export * from './bias.js';
export * from './leakage.js';
export * from './toxicity.js';
