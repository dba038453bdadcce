export * from './alignment.js';
export type { FeatureSample } from './features.js';
export * from './frechet.js';
export * from './image-quality.js';
export * from './inception-score.js';
export * from './kernel-distance.js';
