export { type CompareOptions, compareReports } from './compare.js';
export {
  type EvaluationConfig,
  type EvaluationInput,
  parseEvaluationConfig,
  type TaskConfig,
  type TaskInput,
} from './config.js';
export {
  type EvaluateOptions,
  type EvaluationProgress,
  evaluate,
  evaluateConfig,
  type RunOptions,
} from './evaluate.js';
export { renderHtml } from './report-html.js';
export { renderMarkdown } from './report-markdown.js';
export { TASK_METRICS, type TaskMetric, type TaskMetricFactory } from './task-metrics.js';
export type * from './types.js';
export { readReport, type WrittenReport, writeReport } from './write.js';
