export * from './agreement.js';
export * from './judge.js';
export * from './ranking.js';
