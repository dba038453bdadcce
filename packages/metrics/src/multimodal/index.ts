export * from './alignment.js';
export * from './distribution.js';
export * from './image-quality.js';
