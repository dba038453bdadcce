export { MetricError, type MetricErrorCode } from './errors.js';
export * from './exact-sum.js';
export {
  AdditiveMetric,
  type AdditiveOptions,
  Mean,
  type Metric,
  type Resamplable,
  type Scored,
} from './metric.js';
export { Pcg64 } from './random.js';
export * from './statistics/index.js';
