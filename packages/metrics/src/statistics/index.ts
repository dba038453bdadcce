export {
  type BootstrapOptions,
  bootstrapInterval,
  type PairedResult,
  pairedBootstrap,
} from './bootstrap.js';
export type { Clusters } from './clusters.js';
export {
  binomialTest,
  chiSquaredTail,
  normalCdf,
  normalQuantile,
  studentCdf,
  studentQuantile,
} from './distributions.js';
export { type Interval, meanInterval, wilsonInterval } from './interval.js';
export { type JackknifeOptions, jackknifeInterval } from './jackknife.js';
export * from './randomization.js';
export * from './tests.js';
